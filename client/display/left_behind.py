"""What a person is told who stops waiting for a batch: what goes on without them, what was never sent, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from moviola.base.invocation import typed
from moviola.session.outcome import Outcome, Remains, Status
from moviola.session.units import counted

MAX_NAMED: Final = 10
"""The most files that one sentence names; of further ones it tells the number."""


def left_behind(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield sentences about what is left of these files' jobs; none if all have ended and their results are here."""
    left = {remains: [each for each in outcomes if each.remains is remains] for remains in Remains}
    if not any(found for remains, found in left.items() if remains is not Remains.NOTHING):
        return
    done = sum(each.status in (Status.DONE, Status.PARTIAL) for each in outcomes)
    is_interrupted = any(each.status is Status.CANCELLED for each in outcomes)
    yield f"{'Interrupted: ' * is_interrupted}{done} of {counted(len(outcomes), 'file')} done"
    if goes_on := left[Remains.GOES_ON]:
        yield f"{_jobs(goes_on, 'goes', 'go')} on in the cluster: {_named(goes_on)}"
    if lacks := left[Remains.NEEDS_SOURCE]:
        yield f"{_jobs(lacks, 'waits', 'wait')} for the rest of {_its(lacks)} source: {_named(lacks)}"
    if files := left[Remains.FILES]:
        yield f"{_jobs(files, 'has', 'have')} ended, and {_its(files)} results are not here: {_named(files)}"
    if never := left[Remains.NOT_SENT]:
        verb = "was" if len(never) == 1 else "were"
        yield f"{counted(len(never), 'file')} {verb} never sent: {_named(never)}"
    yield from _ways_on(left)


def _ways_on(left: dict[Remains, list[Outcome]]) -> Iterator[str]:
    jobs = typed("jobs")
    if left[Remains.GOES_ON] or left[Remains.NEEDS_SOURCE]:
        yield f"The same command for these files goes on with them; {jobs} cancel JOB ends a job"
    if left[Remains.FILES]:
        yield f"{jobs} fetch JOB brings the results of a job that has ended"


def _named(outcomes: Sequence[Outcome]) -> str:
    names = [f"{each.source} ({each.job_id})" if each.job_id else each.source for each in outcomes[:MAX_NAMED]]
    more = len(outcomes) - MAX_NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _jobs(outcomes: Sequence[Outcome], one: str, several: str) -> str:
    return f"{counted(len(outcomes), 'job')} {one if len(outcomes) == 1 else several}"


def _its(outcomes: Sequence[Outcome]) -> str:
    return "its" if len(outcomes) == 1 else "their"
