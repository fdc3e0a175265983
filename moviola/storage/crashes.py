"""What a program does when its own code raises in the middle of a change: it exits, and its ledger keeps the state
before the change.

The ledger counts which jobs the code was working on. A job over which the program crashes again and again is ended
instead.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from logging import Logger
from typing import Final, Protocol, TypeVar

import msgpack

from moviola.storage.errors import StorageError
from moviola.storage.ledger import Ledger

MAX_CRASHES: Final = 3
"""Crashes of a program over one job before the job is ended. More than one, because the cause may be another job."""

MAX_COUNTED: Final = 100
"""Jobs whose crashes are counted; the oldest are forgotten first."""

EXIT_CRASHED: Final = 70
"""The exit status after a crash, EX_SOFTWARE of sysexits.h. A supervisor starts the program again."""

_FACT: Final = "crashes"

T = TypeVar("T")


class Named(Protocol):
    """Anything that has a job's id."""

    @property
    def id(self) -> str:
        """Return the job's id."""
        ...


class HalfDone(Exception):
    """Raised when the program's own code failed and may have left half a change: this turn must not be committed.

    Args:
        story: what was being handled, for people.
        jobs: the ids of the jobs that the code was working on.
    """

    def __init__(self, story: str, jobs: Iterable[str] = ()) -> None:
        super().__init__(story)
        self.jobs = list(jobs)


def half_done_by(log: Logger, event: object, error: Exception, why: str, jobs: Iterable[str]) -> HalfDone:
    """Return the HalfDone to raise after `error`, and log that the process ends.

    Args:
        log: where to log.
        event: what was being handled.
        error: what its handling raised.
        why: how it is known that half a change was left; empty if the event simply did not come from a peer.
        jobs: the ids of the jobs that the code was working on.
    """
    log.critical("this process exits and has to start again from its ledger: %s", why or "its own code failed")
    return HalfDone(f"handling {event!r:.200} raised {error!r:.200}", jobs)


def at_work(error: BaseException, kind: type[T]) -> list[T]:
    """Return the objects of a kind that the code was working on when it raised.

    These are the local variables of that kind in the innermost frame that has any.

    Args:
        error: the exception, with its traceback.
        kind: the type of the objects.
    """
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        found = [value for value in frame.f_locals.values() if isinstance(value, kind)]
        if found:
            return found
    return []


def jobs_at_work(error: BaseException, kind: type[Named]) -> list[str]:
    """Return the ids of the jobs that the code was working on when it raised; arguments as for `at_work`."""
    return [job.id for job in at_work(error, kind)]


@contextmanager
def counting_crashes(count: Callable[[Iterable[str]], None], kind: type[Named]) -> Iterator[None]:
    """Discard a turn in which the program's own code raises, and count the crash of the jobs it was working on.

    Args:
        count: discards the turn and counts a crash of each of these jobs, as `count_crash` does.
        kind: the class that this program has for a job.

    Raises:
        HalfDone: the program's own code raised.
        OSError: an error of the disk or the network; it passes unchanged, and so does StorageError.
    """
    try:
        yield
    except (OSError, StorageError):
        raise
    except Exception as error:
        jobs = error.jobs if isinstance(error, HalfDone) else jobs_at_work(error, kind)
        count(jobs)
        raise HalfDone(f"a turn raised {error!r:.200}", jobs) from error


def crashes(ledger: Ledger) -> dict[str, int]:
    """Return how often the program crashed over each job, by the job's id. Raises LedgerUnusable if the ledger is
    damaged."""
    packed = ledger.fact(_FACT)
    return {} if packed is None else dict(msgpack.unpackb(packed))


def count_crash(ledger: Ledger, jobs: Iterable[str]) -> None:
    """Discard what this turn changed, and count a crash of each of these jobs. It is durable when this returns."""
    ledger.discard()
    counted = crashes(ledger)
    for job in jobs:
        counted[job] = counted.pop(job, 0) + 1  # at the end: the newest
    ledger.set_fact(_FACT, msgpack.packb(dict(list(counted.items())[-MAX_COUNTED:])))
    ledger.commit()
