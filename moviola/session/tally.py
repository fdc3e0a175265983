"""How far a batch is: what has ended, what goes on, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moviola.session.outcome import NOT_SENT, REFUSED, Outcome, Status
from moviola.session.rates import Meter
from moviola.session.views import JobView

BATCH_WINDOW_S: Final = 60.0
"""The time that is left is told from the last minute: files of a batch differ more than frames of a file do."""

MIN_SHARE: Final = 0.01
"""The part of the work that must be done before a time left is told: the first frames come late, so an earlier estimate
would promise hours."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """How far a batch is.

    Attributes:
        count: sources in all.
        ended: of these, how many are over, well or not.
        failed: of these, how many did not end as they should.
        share: the part of the work that is done, 0 to 1; sources count by their size.
        rate: frames a second, over all jobs and outputs.
        seconds_left: None where nothing can be said.
        unit: what one of the frames is called.
    """

    count: int
    ended: int
    failed: int
    share: float
    rate: float
    seconds_left: float | None
    unit: str = "frame"


class Tally:
    """Counts what has ended of a batch.

    Args:
        count: how many sources there are.
        size: how many bytes they have together.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count, self._has_sizes = count, bool(size)
        self._total = size or count  # of the work
        self._ended = self._failed = 0
        self._work = 0.0  # bytes of what has ended, or sources where sizes are not known
        self._frames = 0  # of what has ended, over all outputs
        self._units: set[str] = set()
        self._frame_meter, self._work_meter = Meter(), Meter(BATCH_WINDOW_S)

    def ended(self, outcome: Outcome) -> None:
        """One source is over, or was never begun."""
        self._ended += 1
        self._failed += outcome.status not in (Status.DONE, Status.PARTIAL)
        size = outcome.size if self._has_sizes else 1
        if outcome.state in (REFUSED, NOT_SENT):
            self._total -= size  # no work was done for it, and none will be
        else:
            self._work += size
        self._frames += sum(output.frames_in for output in outcome.outputs)

    def update(self, views: Sequence[JobView], now: float) -> BatchView:
        """How far it is with these jobs under way."""
        self._units.update(view.unit for view in views if view.id)
        work = self._work + sum(view.share * (view.size if self._has_sizes else 1) for view in views)
        rate = self._frame_meter.update(self._frames + sum(view.frames_done for view in views), now)
        speed = self._work_meter.update(work, now)
        share = min(1.0, work / self._total) if self._total > 0 else 1.0
        is_foreseen = speed > 0 and rate > 0 and share >= MIN_SHARE  # while nothing moves, nobody knows
        return BatchView(
            count=self.count,
            ended=self._ended,
            failed=self._failed,
            share=share,
            rate=rate,
            seconds_left=max(0.0, self._total - work) / speed if is_foreseen else None,
            unit=next(iter(self._units)) if len(self._units) == 1 else "frame",
        )
