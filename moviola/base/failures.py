"""What is told of failures; and how many are kept, each limit once, in the order in which a failure meets them.

All failures count; the limits are for their texts and tracebacks, for those that follow are mostly of one kind.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.base.vocabulary import CauseKind, Fault

MAX_TRACEBACK: Final = 4_000
"""Characters of a filter's traceback, of its end, which says most: it travels in the result's report."""

MAX_FAILURES_OF_CHUNK: Final = 3
"""Failed frames of a chunk whose traceback its report has: the frames of a chunk mostly fail alike."""

MAX_FAILURES_OF_TASK: Final = 100
"""Failures of one task that the middleware keeps in full: each of many workers may add some."""

MAX_FAILURES_OF_JOB: Final = 20
"""Failures of a job that the middleware tells, and keeps in its history."""

MAX_FAILED_CHUNKS: Final = 16
"""Chunks of a job that are kept as files because they failed: a filter that always fails must not copy the whole
source."""

MAX_FAILURES_OF_OUTPUT: Final = 20
"""Failures that the metrics of an output tell in full, those of frames before those of chunks; the frames that they
cost are all counted, and listed among the troubles."""

MAX_FAILURES_IN_SUMMARY: Final = 5
"""Failures of an output that travel to the client; the metrics file has more."""


def fault_of(kind: str) -> Fault:
    """Return what a failure of this kind is put down to: only a filter raises exceptions and gives frames up."""
    return Fault.FILTER if kind in (CauseKind.EXCEPTION, CauseKind.FALLBACK) else Fault.MACHINE


@record
class Failure(Mapped):
    """A failure of a frame or of a chunk, as people are told of it.

    Attributes:
        job: the job's id; empty for a job without a cluster.
        output: the name of the output in which it failed.
        chunk: its index.
        frames: the first and the last index in the source of what failed; empty where they are not known.
        frame: the one on which it failed, or nil: of a chunk, within it; else in the source.
        filter: the name of the one that failed; empty where it is not known.
        worker: on which it failed.
        failure_type: `job_failure` (the filter raised) or `worker_failure` (its process ended or hung).
        failure_reason: the kind of the cause.
        explanation: why, for people.
        traceback: of the exception; empty where there was none.
    """

    job: Name = ""
    output: Name = ""
    chunk: int = 0
    frames: list[int] = field(default_factory=list)
    frame: int | None = None
    filter: Name = ""
    worker: Name = ""
    failure_type: Name = ""
    failure_reason: Name = ""
    explanation: Text = ""
    traceback: Text = ""
