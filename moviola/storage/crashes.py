"""What a program does when its own code raises in the middle of a change: it ends; its ledger knows the state before.

Which jobs the code was at is counted in the ledger, so that a job over which a program ends again and again is ended
instead of the program.
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
"""Ends of a program over one job; then the job ends. More than one, for the cause may have been another."""

MAX_COUNTED: Final = 100
"""Jobs whose crashes are counted; the oldest are forgotten first."""

EXIT_CRASHED: Final = 70
"""The exit status, as in sysexits.h for an error of the program itself: whoever supervises it starts it again."""

_FACT: Final = "crashes"

T = TypeVar("T")


class Named(Protocol):
    """A job, whatever a program knows of it."""

    @property
    def id(self) -> str: ...


class HalfDone(Exception):
    """The program's own code raised and may have left half a change behind: nothing of this turn may be committed.

    Args:
        story: what was being handled, for people.
        jobs: those that the code was at.
    """

    def __init__(self, story: str, jobs: Iterable[str] = ()) -> None:
        super().__init__(story)
        self.jobs = list(jobs)


def half_done_by(log: Logger, event: object, error: Exception, why: str, jobs: Iterable[str]) -> HalfDone:
    """Return the HalfDone to raise after `error`, and log that the process ends. `why` is empty where nothing shows
    half a change, but no peer sent the event."""
    log.critical("this process ends, and begins again from its ledger: %s", why or "it was its own doing")
    return HalfDone(f"handling {event!r:.200} raised {error!r:.200}", jobs)


def at_work(error: BaseException, kind: type[T]) -> list[T]:
    """Return the objects of this kind that the code was at when it raised: those in local variables of its frames,
    the innermost frame's first. Only of the innermost frame that has any."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        found = [value for value in frame.f_locals.values() if isinstance(value, kind)]
        if found:
            return found
    return []


def jobs_at_work(error: BaseException, kind: type[Named]) -> list[str]:
    """Return the ids of the jobs that the code was at when it raised."""
    return [job.id for job in at_work(error, kind)]


@contextmanager
def counting_crashes(count: Callable[[Iterable[str]], None], kind: type[Named]) -> Iterator[None]:
    """Run turns. Where the program's own code raises in one, nothing of that turn is kept: the jobs that it was at are
    counted, and HalfDone is raised. Errors of the disk and the network pass as they are.

    Args:
        count: discards the turn and counts a crash of each of these jobs, as `count_crash` does.
        kind: what a job is to this program.
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
    """Return how often the program ended over which job."""
    packed = ledger.fact(_FACT)
    return {} if packed is None else dict(msgpack.unpackb(packed))


def count_crash(ledger: Ledger, jobs: Iterable[str]) -> None:
    """Discard what this turn changed, and count a crash of each of these jobs; durable when this returns."""
    ledger.discard()
    counted = crashes(ledger)
    for job in jobs:
        counted[job] = counted.pop(job, 0) + 1  # at the end: the newest
    ledger.set_fact(_FACT, msgpack.packb(dict(list(counted.items())[-MAX_COUNTED:])))
    ledger.commit()
