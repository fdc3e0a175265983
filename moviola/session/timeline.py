"""The timeline of a job as people are shown it: who did which chunk when, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

from moviola.base.timeline import MAX_SPANS, OUTCOMES, JobTimeline, Row
from moviola.base.vocabulary import SpanOutcome
from moviola.session.job_session import FINAL_STATES
from moviola.wire.messages import Job

NOT_WHOLE: Final = "What was done before the middleware was last started, or the job last begun again, is not known"
NOT_KEPT: Final = "No timeline was kept of this job"
UNREADABLE: Final = "The timeline of this job cannot be read"


class Span(NamedTuple):
    """One worker's try of one chunk of one output. Times are seconds since the job's submission.

    Attributes:
        worker: its name.
        chunk: its index, from 0.
        output: the output's name.
        lent: when the worker was given it. It may have waited there, behind another.
        start: when the worker could turn to it: it was there, and the one before it was done.
        end: when it was over; of one that goes on, now.
        outcome: what became of it.
    """

    worker: str
    chunk: int
    output: str
    lent: float
    start: float
    end: float
    outcome: SpanOutcome


@dataclass(frozen=True, slots=True)
class Timeline:
    """Who did what of a job.

    Attributes:
        began_unix_s (s): when it was submitted, since 1970: time 0 of the spans.
        seconds (s): from then to its end, or to now.
        is_over: it has ended.
        workers: all that had a part in it, by name.
        outputs: of the job, in order.
        spans: in the order in which they ended.
        remarks: what is not among them, in sentences.
    """

    began_unix_s: float
    seconds: float
    is_over: bool
    workers: list[str]
    outputs: list[str]
    spans: list[Span]
    remarks: list[str]


def timeline_of(job: Job) -> Timeline:
    """Return the timeline of a job.

    Args:
        job: its record, with the details that a Watch with `timeline` is answered with.
    """
    told = job.details.timeline or JobTimeline()
    outputs = job.progress.outputs or [output.name for output in job.details.outputs]
    remarks = []
    try:
        rows = sorted(told.unpacked(), key=attrgetter("ended_at", "handed_out_at"))
    except ValueError:
        rows = []
        remarks.append(UNREADABLE)
    spans = list(_spans(rows, told, outputs))
    is_over = job.state in FINAL_STATES
    if told.left_out:
        remarks.append(f"{told.left_out} tries are left out, evenly spread: a timeline has at most {MAX_SPANS}")
    if not told.is_whole:
        remarks.append(NOT_WHOLE)
    if not spans and not remarks and job.progress.tasks_stored:
        remarks.append(NOT_KEPT)
    return Timeline(
        began_unix_s=job.submitted_unix_s,
        seconds=job.seconds if is_over else max(0.0, told.until_s - told.zero_s),
        is_over=is_over,
        workers=sorted({span.worker for span in spans}),
        outputs=list(outputs),
        spans=spans,
        remarks=remarks,
    )


def _spans(rows: list[Row], told: JobTimeline, outputs: list[str]) -> Iterator[Span]:
    """Yield the spans of rows, in the order of their ends. A worker computes one task at a time."""
    free_at: dict[int, float] = {}
    for row in rows:
        if row.worker >= len(told.workers) or row.track >= len(outputs) or row.outcome >= len(OUTCOMES):
            continue  # a word of a newer middleware
        lent, end = row.handed_out_at - told.zero_s, row.ended_at - told.zero_s
        start = min(max(lent, free_at.get(row.worker, lent)), end)
        free_at[row.worker] = end
        times = (round(lent, 3), round(start, 3), round(end, 3))
        yield Span(told.workers[row.worker], row.chunk, outputs[row.track], *times, OUTCOMES[row.outcome])
