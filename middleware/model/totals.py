"""What this middleware has counted since it started, over all jobs: for those who watch over a cluster."""

from __future__ import annotations

from collections import Counter
from typing import Final

from moviola.base.histogram import Measured

TASK_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""A task mostly takes some tenths of a second to some seconds; one that takes minutes has been lost and begun again."""

JOB_BOUNDS_S: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
"""A job takes from a second, of a picture, to a day, of a film archive."""


class Totals:
    """Counts that only rise, each noted by the rule that decides it.

    Attributes:
        hand_outs: how often a task, or a part of one, was lent to a worker: the sequence of the newest lease.
        retries: those of them, and of the chunks that are passed on, that follow a failure or a loss.
        received_bytes: of chunks that clients sent.
        jobs_ended: by state.
        task_seconds: from a task's first hand-out until its result was stored.
        latencies_s: such times that are not in a class yet. They are gathered between two calls of `sort_latencies`: a
            call for each task would cost more.
        job_seconds: from a job's submission to its end.
    """

    def __init__(self) -> None:
        self.hand_outs = self.retries = self.received_bytes = 0
        self.jobs_ended: Counter[str] = Counter()
        self.latencies_s: list[float] = []
        self.task_seconds = Measured(TASK_BOUNDS_S)
        self.job_seconds = Measured(JOB_BOUNDS_S)

    def sort_latencies(self) -> None:
        """Put what was gathered into its classes."""
        for latency_s in self.latencies_s:
            self.task_seconds.add(latency_s)
        self.latencies_s.clear()

    def note_end(self, state: str, seconds: float) -> None:
        """A job has ended."""
        self.jobs_ended[state] += 1
        self.job_seconds.add(max(0.0, seconds))
