"""Which task the compute thread has, and when it counts as stuck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from moviola.wire.schema import Lease

STUCK_LIMIT_S: Final = 10.0
"""How long an abandoned computation may go on. It is asked to stop at each frame, and the slowest frames (8K, a slow
preset) take seconds; one that goes on is hung in a filter, and a new process is the only cure."""

STUCK_GRACE_S: Final = 2.0
"""An abandoned task is stuck STUCK_LIMIT_S after its last progress, not after it was abandoned: one that is taken away
because it hangs is not waited for again. But it has at least this long, because after a pause of the whole process a
task looks hung and is not."""


@dataclass(slots=True)
class Computation:
    """The compute thread, which does one task at a time. Times are in seconds (monotonic).

    Attributes:
        lease: of its task, whether that is still ours or not; None while the thread is idle.
        moved_at: when it showed its last progress.
        stuck_at: when it counts as stuck, if it was abandoned.
        is_stuck: True once it is: the process has to end.
    """

    lease: Lease | None = None
    moved_at: float = 0.0
    stuck_at: float | None = None
    is_stuck: bool = False

    @property
    def is_idle(self) -> bool:
        """Return True if the thread has no task."""
        return self.lease is None

    @property
    def is_abandoned(self) -> bool:
        """Return True if what the thread is at is not wanted any more."""
        return self.stuck_at is not None

    def begin(self, lease: Lease) -> None:
        """Note the task that the thread was given."""
        self.lease = lease

    def abandon(self, now: float) -> None:
        """Note that the thread was asked to give its task up."""
        self.stuck_at = max(now + STUCK_GRACE_S, self.moved_at + STUCK_LIMIT_S)

    def end(self, lease: Lease) -> bool:
        """Note that the thread is idle again. Return True if its task was abandoned."""
        assert lease == self.lease, f"{lease} ended, but {self.lease} was computed"
        was_abandoned = self.is_abandoned
        self.lease = self.stuck_at = None
        return was_abandoned

    def next_deadline(self) -> float | None:
        """Return when it is to be looked at, or None."""
        return None if self.is_stuck else self.stuck_at

    def becomes_stuck(self, now: float) -> bool:
        """Return True, once, when an abandoned task has gone on for too long."""
        if self.is_stuck or self.stuck_at is None or now < self.stuck_at:
            return False
        self.is_stuck = True
        return True
