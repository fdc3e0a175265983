"""The jobs of the screen: a line each, those in work first."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from rich.text import Text

from moviola.base.vocabulary import FINAL, JobState
from moviola.display.bars import bar, duration
from moviola.display.terminal import styled
from moviola.media.kinds import unit_of
from moviola.session.job_ids import TAIL, short_id
from moviola.session.units import counted
from moviola.wire.messages import Job

from ..tables import STATE_COLOURS, frames_of, seconds_left, share, state_text
from .columns import Column, Row

MIN_ID_WIDTH: Final = TAIL + 2
"""The least cells of an id: its first letter and its end, which differs between jobs of one source."""

ID_SHARE: Final = 3
"""An id has up to a third of the line."""

COLUMNS: Final = (
    Column("job", rank=0),
    Column("state", rank=1, width=7),
    Column("", rank=5, width=6, stretches_to=40),
    Column("done", rank=2, is_number=True, width=4),
    Column("frames", rank=6, is_number=True),
    Column("frames/s", rank=3, is_number=True, width=8),
    Column("left", rank=4, is_number=True, width=5),
    Column("queue", rank=7, is_number=True, width=5),
    Column("retried", rank=8, is_number=True),
    Column("user", rank=9),
)
AFTER_STATE: Final = 2

_RANK: Final[dict[str, int]] = {JobState.RUNNING: 0, JobState.PENDING: 1, JobState.PAUSED: 1}
ENDED: Final = 2


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """Return jobs in the order of the screen: those that run, then others that are not over, both oldest first; then
    those that ended, the newest first. The order does not change while their tasks take turns."""

    def place(job: Job) -> tuple[int, float, str]:
        rank = _RANK.get(job.state, ENDED)
        at = job.submitted_unix_s
        return rank, -(at + job.seconds) if rank == ENDED else at, job.job

    return sorted(jobs, key=place)


def job_row(job: Job, width: int) -> Row:
    """Return the line of a job on a screen of that width."""
    _, _, done, wanted = frames_of(job)
    part = done / wanted if wanted else 0.0
    left = seconds_left(job)
    progress = job.progress
    cells = (
        short_id(job.job, max(MIN_ID_WIDTH, width // ID_SHARE)),
        state_text(job.state),
        partial(bar, part),
        f"{part:.0%}" if wanted else "",
        share(done, wanted),
        f"{job.frames_per_s:.1f}",
        "" if left is None else duration(left),
        f"{progress.tasks_queued}+{progress.tasks_in_flight}",
        str(progress.retries) if progress.retries else "",
        job.user,
    )
    return Row(cells, _note(job, part if wanted else 0.0), AFTER_STATE)


def _note(job: Job, part: float) -> Text | None:
    """Return what is told in place of numbers: why a job waits or failed, or what it came to."""
    colour = STATE_COLOURS.get(job.state, "")
    if job.state in FINAL and not job.reason:
        _, _, done, _ = frames_of(job)
        return styled((f"{counted(done, unit_of(job.progress.kind))} in {duration(job.seconds)}", "dim"))
    if job.state == JobState.RUNNING or not job.reason:
        return None
    before = f"{part:.0%} done; " if part and job.state not in FINAL else ""
    return styled((before + job.reason, colour))
