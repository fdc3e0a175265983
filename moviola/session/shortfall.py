"""Why a job is partly done: how many frames are not as asked, which ones, whose fault it is, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from moviola.base.failures import Failure
from moviola.base.invocation import typed
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.media.errors import last_line
from moviola.media.kinds import unit_of
from moviola.session.units import counted
from moviola.wire.messages import Job

MAX_NAMED: Final = 5
"""Frames that are named; of the others it is said that there are some."""

WORDS: Final = {"fallback": "not filtered", "lost": "lost", "damaged": "damaged, or made of damaged ones"}
"""What became of frames that are not as they should be, by the beginning of their count's name in a summary."""

MACHINES: Final = "worker_failure"
"""The type of a failure that was no filter's: a process ended, hung, or had no memory left."""


def shortfall(outputs: Sequence[OutputSummary], failures: Sequence[Failure], unit: str, job: str = "") -> str:
    """Return why a job is partly done and what can be done about it, as one sentence.

    Args:
        outputs: what each came to.
        failures: those that are known; there may be more.
        unit: what a frame is called.
        job: the job's id; empty for a job without a cluster.
    """
    told = [sentence for output in outputs if (sentence := _of_output(output, unit, is_only=len(outputs) == 1))]
    of_filters = [each for each in failures if each.failure_type != MACHINES]
    count = sum(getattr(output, f"{name}_frames") for output in outputs for name in WORDS)
    what = [f"{', '.join(told)}{_spans(of_filters, unit, count)}"] if told else []
    reasons = list(dict.fromkeys(reason for output in outputs for reason in output.reasons))
    return "; ".join([*reasons, *what, *_why(failures, unit), _ways_on(failures, job)])


def reason_of(job: Job, *, names_job: bool = True) -> str:
    """Return why a job is in its state, as one sentence; empty where nothing needs to be said.

    Args:
        names_job: the sentence may tell what to type to learn more of this job.
    """
    if job.reason or job.state != JobState.PARTIAL:
        return job.reason
    failures = [each for output in job.outputs for each in output.failures] or job.details.failures
    return shortfall(job.outputs, failures, unit_of(job.progress.kind), job.job if names_job else "")


def _of_output(output: OutputSummary, unit: str, *, is_only: bool) -> str:
    """Return how many frames of an output are not as asked; empty where all are."""
    counts = {words: getattr(output, f"{name}_frames") for name, words in WORDS.items()}
    of = f" of {counted(output.frames_in, unit)}"
    told = [f"{count}{of} {'was' if count == 1 else 'were'} {words}" for words, count in counts.items() if count]
    return f"{'' if is_only or not told else f'{output.name}: '}{', '.join(told)}"


def _spans(failures: Sequence[Failure], unit: str, count: int = 0) -> str:
    """Return which frames failures are about, ` (frames 15, 18, 30-39, …)`; `count` is how many there are in all."""
    spans = list(dict.fromkeys((each.frames[0], each.frames[1]) for each in failures if len(each.frames) == 2))
    if not spans:
        return ""
    named = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:MAX_NAMED]]
    is_one = len(spans) == 1 and spans[0][0] == spans[0][1]
    known = sum(last - first + 1 for first, last in spans[:MAX_NAMED])
    more = ["…"] if len(spans) > MAX_NAMED or known < count else []
    return f" ({unit}{'' if is_one else 's'} {', '.join([*named, *more])})"


def _why(failures: Sequence[Failure], unit: str) -> Iterator[str]:
    """Yield the first reason of each filter, and the first that was none's."""
    filters = {each.filter: each for each in reversed(failures) if each.failure_type != MACHINES and each.filter}
    for name, failure in filters.items():
        yield f"filter {name} raised {_raised(failure)}"
    machines = [each for each in failures if each.failure_type == MACHINES]
    if machines:
        first = machines[0]
        where = f" worker {first.worker}" if first.worker else " a worker"
        yield f"chunk {first.chunk}{_spans([first], unit)} failed with the process of{where}: {first.explanation}"


def _raised(failure: Failure) -> str:
    """Return what a filter raised: the last line of its traceback."""
    return last_line(failure.traceback) or failure.explanation


def _ways_on(failures: Sequence[Failure], job: str) -> str:
    where = f"the metrics list all, and {typed('jobs')} logs {job} tells more" if job else "the metrics list all"
    if any(each.failure_type == MACHINES for each in failures):
        return f"{where}; --new and --overwrite try it again"
    if failures:
        return f"{where}; --on-error fail ends a job there, and --on-error drop leaves such out"
    return where
