"""Progress of jobs as plain data, and the interface of what displays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from moviola.session.outcome import Outcome


@dataclass(frozen=True, slots=True)
class JobView:
    """How far one job is.

    `id` tells it from others of the same name. `frames_done` and `frames_wanted` are over all its outputs. `in_work`
    counts tasks that workers hold. `note` says what it waits for, or what else it does; where it waits,
    `waiting_since` says since when and `waiting_until` when that is given up (s, of the clock that `Display.show` is
    given; None: never). Frames may be images or records: `unit` is what one is called. `size` is that of the source in
    bytes, 0 where it is not known; `job` is the job's id, once it has one.
    """

    id: str
    name: str
    frames_total: int
    frames_sent: int = 0
    frames_done: int = 0
    frames_wanted: int = 0
    retries: int = 0
    in_work: int | None = None
    note: str = ""
    unit: str = "frame"
    waiting_since: float | None = None
    waiting_until: float | None = None
    size: int = 0
    job: str = ""

    @property
    def share(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return min(1.0, self.frames_done / self.frames_wanted) if self.frames_wanted else 0.0


class Display(Protocol):
    """Where progress is shown."""

    interval_s: float

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Show how far these jobs are, which are all that have not ended; may be called as often as one likes."""

    def say(self, text: str) -> None:
        """Write a line that stays."""

    def remark(self, text: str) -> None:
        """Write a line that stays, but leave it out where only what must be said is shown."""

    def close(self) -> None:
        """Wipe what is shown live, and show no more."""


class BatchDisplay(Display, Protocol):
    """Where the progress of several jobs is shown, and of all of them together."""

    def begin(self, count: int, size: int) -> None:
        """Learn how many sources are to be sent, and how many bytes they have together."""

    def ended(self, outcome: Outcome) -> None:
        """Count a source that has ended, or was never begun."""

    def make_room(self) -> None:
        """Wipe what is shown live, because something else is about to be written to the same terminal."""
