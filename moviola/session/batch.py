"""How many jobs of a batch go on at a time: rules on plain data, without socket, clock or file.

A job is taken up when the cluster has nearly run out of the work that it was given, so that no worker waits for a file
that lies here. Sources are read one or two at a time: only they take memory and open files. A job whose source is all
in the cluster costs a connection, until its results are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

MAX_UPLOADING: Final = 2
"""Sources open at a time: one is read while the last bytes of another are acknowledged. Each may hold an upload window
(64 MiB) in memory."""

MAX_JOBS: Final = 64
"""Jobs at a time. Each takes a connection to the middleware, one to an aggregator and one file that is written: below
the 256 descriptors that macOS gives a process, and half of the 128 connections that a middleware gives one user."""

MIN_QUEUED: Final = 8
"""Tasks that wait in the cluster before any is in work: enough for a small cluster's first tasks."""


@dataclass(frozen=True, slots=True)
class JobLoad:
    """What a job takes, here and in the cluster.

    Attributes:
        is_uploading: not all of its source is in the cluster.
        queued: tasks that wait there for a worker.
        in_flight: tasks that workers hold.
    """

    is_uploading: bool = True
    queued: int = 0
    in_flight: int = 0


class HasLoad(Protocol):
    """A job of a batch."""

    @property
    def load(self) -> JobLoad:
        """What it takes now."""


J = TypeVar("J", bound=HasLoad)


def takes_next(jobs: Iterable[HasLoad]) -> bool:
    """Return True if one more job of the batch should be taken up beside these.

    While tasks wait in the cluster, another job would only wait beside them. As many should wait as are in work, so
    that there is a next one for whoever ends one.
    """
    loads = [job.load for job in jobs]
    uploading = sum(load.is_uploading for load in loads)
    if uploading >= MAX_UPLOADING or len(loads) >= MAX_JOBS:
        return False
    queued = sum(load.queued for load in loads)
    return queued < max(MIN_QUEUED, sum(load.in_flight for load in loads))


def readers(jobs: Sequence[J]) -> list[J]:
    """Return the jobs whose sources may be read now: the first MAX_UPLOADING that are not all sent. After a cluster
    has lost what it had, all may have to be sent again."""
    return [job for job in jobs if job.load.is_uploading][:MAX_UPLOADING]
