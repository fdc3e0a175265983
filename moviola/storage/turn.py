"""The end of a loop's turn, in the one order that keeps a program's promise: what it has said is on disk.

Payloads go to the spool and facts to the ledger while the turn is under way. At its end the payloads reach the disk,
the facts are committed, and only then does anything leave. Deletion goes the other way round: a payload is given back
after the commit that forgot it, for until then a restart would look for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from moviola.storage.spool import Location, Spool


class Committing(Protocol):
    """A program's ledger."""

    def commit(self) -> None: ...


class Turn:
    """What a turn still has to do when all its events are handled.

    Args:
        spool, ledger: that the turn writes to.
        flush: lets the messages leave that were queued.
    """

    def __init__(self, spool: Spool, ledger: Committing, flush: Callable[[], None]) -> None:
        self._spool, self._ledger, self._flush = spool, ledger, flush
        self._to_free: list[Callable[[], None]] = []

    def free(self, key: str) -> None:
        """Give all payloads of a key back once the turn is committed."""
        self._to_free.append(partial(self._spool.free, key))

    def free_location(self, location: Location) -> None:
        """Give one payload back once the turn is committed."""
        self._to_free.append(partial(self._spool.free_location, location))

    def end(self) -> None:
        """Make the turn durable, give back what it forgot, and let its messages leave.

        Raises:
            OSError: the spool's files did not reach the disk.
            StorageError: the ledger could not be written. In both cases nothing leaves.
        """
        self._spool.sync()
        self._ledger.commit()
        for free in self._to_free:
            free()
        self._to_free.clear()
        self._flush()
