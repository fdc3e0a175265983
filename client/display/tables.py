"""Tables for people, and jobs as rows of them and as JSON."""

from __future__ import annotations

from typing import Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from moviola.base.vocabulary import JobState, WorkerState
from moviola.display.terminal import styled
from moviola.wire.messages import Job

STATE_COLOURS: Final[dict[str, str]] = {
    WorkerState.READY: "green",
    WorkerState.FULL: "green",
    WorkerState.DRAINING: "yellow",
    WorkerState.LOST: "red",
    JobState.RUNNING: "green",
    JobState.DONE: "green",
    JobState.PENDING: "yellow",
    JobState.PAUSED: "yellow",
    JobState.PARTIAL: "yellow",
    JobState.FAILED: "red",
    JobState.CANCELLED: "red",
}
"""Of states of jobs and workers."""


def table(*headings: str) -> Table:
    """Return a table with columns of these headings. A heading with `>` in front is that of numbers: they are aligned
    at the right and, like states, not folded; other texts are folded where the table is too wide. A caller may set the
    first column to `no_wrap` as well: it is folded only when nothing else helps."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in headings:
        name = heading.lstrip(">")
        made.add_column(
            name,
            justify="right" if name != heading else "left",
            no_wrap=name != heading or name == "state",
            min_width=len(name),
            overflow="fold",
        )
    return made


def state_text(state: str) -> Text:
    return styled((state, STATE_COLOURS.get(state, "")))


def frames_of(job: Job) -> tuple[int, int | None, int, int | None]:
    """Return the frames that are sent, the source's frames, the frames that are done, and those that are wanted, the
    last two over all outputs; None where a number is not known."""
    if job.outputs:  # it has ended, and these are the last word
        sent = max(output.frames_in for output in job.outputs)
        done = sum(output.frames_in - output.lost_frames for output in job.outputs)
        return sent, sent, done, sum(output.frames_in for output in job.outputs)
    progress = job.progress
    return progress.frames_sent, progress.frames_total, progress.frames_done, progress.frames_wanted


def share(count: int, total: int | None) -> str:
    """`12/40`, with a question mark where the total is not known."""
    return f"{count}/{'?' if total is None else total}"


def seconds_left(job: Job) -> float | None:
    """Return how long a job will take at its present speed; None where nothing can be said."""
    done, wanted = job.progress.frames_done, job.progress.frames_wanted
    if job.state != JobState.RUNNING or wanted is None or not job.frames_per_s:
        return None
    return max(0, wanted - done) / job.frames_per_s


def job_json(job: Job) -> dict[str, Any]:
    """Return everything that is known of a job, as JSON types."""
    return {
        "job_id": job.job,
        "name": job.name,
        "user": job.user,
        "state": job.state,
        "code": job.code,
        "reason": job.reason,
        "priority": job.priority,
        "submitted_unix_s": job.submitted_unix_s,
        "seconds": job.seconds,
        "frames_per_s": job.frames_per_s,
        "seconds_left": seconds_left(job),
        "progress": job.progress.to_wire(),
        "outputs": [output.to_wire() for output in job.outputs],
    }
