"""How far a job is, for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from moviola.api.results import Result
from moviola.session.rates import time_left
from moviola.session.views import JobView


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. Frames may be images or records.

    Attributes:
        name: of the source.
        frames_done: over all outputs.
        frames_wanted: over all outputs; 0 while that is not known.
        frames_sent: of the source.
        frames_total: of the source; 0 while that is not known.
        frames_per_second: over the last seconds.
        seconds_left: None where nothing can be said.
        retries: tasks that were handed out again.
        tasks_in_flight: tasks that workers have; None without a cluster.
        note: what the job waits for, or what else it does; empty while frames are made.
    """

    name: str
    frames_done: int
    frames_wanted: int
    frames_sent: int
    frames_total: int
    frames_per_second: float
    seconds_left: float | None
    retries: int = 0
    tasks_in_flight: int | None = None
    note: str = ""

    @property
    def share(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return min(1.0, self.frames_done / self.frames_wanted) if self.frames_wanted else 0.0

    @classmethod
    def of(cls, view: JobView, rate: float) -> Self:
        """Return what is shown of a job; `rate` is in frames a second."""
        return cls(
            name=view.name,
            frames_done=view.frames_done,
            frames_wanted=view.frames_wanted,
            frames_sent=view.frames_sent,
            frames_total=view.frames_total,
            frames_per_second=rate,
            seconds_left=time_left(view, rate),
            retries=view.retries,
            tasks_in_flight=view.in_work,
            note=view.note,
        )

    @classmethod
    def at_end(cls, result: Result) -> Self:
        """Return that of a job that has ended with results: each output has what it was to have of all frames."""
        counts = [output.frames_in for output in result.outputs.values()]
        total = max(counts, default=0)
        return cls(
            name=result.source,
            frames_done=sum(counts),
            frames_wanted=sum(counts),
            frames_sent=total,
            frames_total=total,
            frames_per_second=0.0,
            seconds_left=None,
            retries=sum(output.retries for output in result.outputs.values()),
        )
