"""The end of a turn of the loop, in the order that keeps a program's promise: what it has said is on disk.

During a turn, payloads go to the spool and facts to the ledger. At its end the payloads reach the disk, the facts are
committed, and only then are messages sent. A payload is deleted after the commit that forgot it, because until then a
restart would look for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from moviola.storage.spool import Location, Spool


class Committing(Protocol):
    """A program's ledger."""

    def commit(self) -> None:
        """Make the turn durable. Raises StorageError."""
        ...


class Turn:
    """Collects what has to be done at the end of a turn, and does it.

    Args:
        spool: where the turn's payloads go.
        ledger: where its facts go.
        flush: sends the messages that were queued.
    """

    def __init__(self, spool: Spool, ledger: Committing, flush: Callable[[], None]) -> None:
        self._spool, self._ledger, self._flush = spool, ledger, flush
        self._to_free: list[Callable[[], None]] = []

    def free(self, key: str) -> None:
        """Delete all payloads of a key from the spool once the turn is committed."""
        self._to_free.append(partial(self._spool.free, key))

    def free_location(self, location: Location) -> None:
        """Delete one payload from the spool once the turn is committed."""
        self._to_free.append(partial(self._spool.free_location, location))

    def end(self) -> None:
        """Make the turn durable, delete the payloads that it forgot, and send its messages.

        Raises:
            OSError: the spool's files did not reach the disk; nothing is sent.
            StorageError: the ledger could not be written; nothing is sent.
        """
        self._spool.sync()
        self._ledger.commit()
        for free in self._to_free:
            free()
        self._to_free.clear()
        self._flush()
