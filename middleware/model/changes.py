"""The jobs that changed since they were looked at and reported last. Jobs mark themselves here; nobody else does."""

from __future__ import annotations

from collections import defaultdict
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .job import Job


class Urgency(Enum):
    """When a change is told, and to whom."""

    LATER = "later"  # with the next progress
    ACKNOWLEDGED = "acknowledged"  # at once to the job's client, which waits for it
    MISSED = "missed"  # … with which chunks are here: some of them must be sent again
    NOW = "now"  # at once to everybody who watches


class Changes:
    """Jobs that changed, in the order in which they did.

    `touched` are to be looked at by the rooms that act on a job's facts; the others, by id, are to be told of. Those
    that may be told `later` are kept by the client of each (None where it has none), because each client is told of a
    few at a time.
    """

    def __init__(self) -> None:
        self.touched: dict[Job, bool] = {}  # whether more than the progress of its tasks changed
        self.later: defaultdict[int | None, dict[str, None]] = defaultdict(dict)
        self.acknowledged: dict[str, None] = {}
        self.missed: dict[str, None] = {}
        self.now: dict[str, None] = {}

    def mark(self, job: Job, urgency: Urgency = Urgency.LATER) -> None:
        """Note that a job changed."""
        self.touched[job] = True
        self.later[job.client][job.id] = None
        if urgency is Urgency.NOW:
            self.now[job.id] = None
        elif urgency is Urgency.ACKNOWLEDGED:
            self.acknowledged[job.id] = None
        elif urgency is Urgency.MISSED:
            self.missed[job.id] = None

    def progress(self, job: Job) -> None:
        """Note that tasks of a job moved on, in the way that they are expected to."""
        self.touched.setdefault(job, False)
        self.later[job.client][job.id] = None

    def tell_now(self, job: str) -> None:
        """Have a job that is over told of again: where its files are has changed."""
        self.now[job] = None

    def touch(self, job: Job) -> None:
        """Have a job looked at again: what it depends on changed, and not the job itself."""
        self.touched[job] = True

    def take_touched(self) -> list[Job]:
        """Return the jobs to look at; from now on there are none."""
        jobs = list(self.touched)
        self.touched.clear()
        return jobs
