"""How far a batch is: what has ended, what goes on, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moviola.session.outcome import Outcome, Status
from moviola.session.rates import Meter
from moviola.session.views import JobView

BATCH_WINDOW_S: Final = 60.0
"""The time that is left is told from the last minute: files of a batch differ more than frames of a file do."""


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
        self.count, self._size = count, size
        self._ended = self._failed = 0
        self._work = 0.0  # bytes of what has ended, or sources where sizes are not known
        self._frames = 0  # of what has ended, over all outputs
        self._units: set[str] = set()
        self._frame_meter, self._work_meter = Meter(), Meter(BATCH_WINDOW_S)

    def ended(self, outcome: Outcome) -> None:
        """One source is over, or was never begun."""
        self._ended += 1
        self._failed += outcome.status not in (Status.DONE, Status.PARTIAL)
        self._work += outcome.size if self._size else 1
        self._frames += sum(output.frames_in for output in outcome.outputs)

    def update(self, views: Sequence[JobView], now: float) -> BatchView:
        """How far it is with these jobs under way."""
        self._units.update(view.unit for view in views if view.id)
        work = self._work + sum(view.share * (view.size if self._size else 1) for view in views)
        total = self._size or self.count
        rate = self._frame_meter.update(self._frames + sum(view.frames_done for view in views), now)
        speed = self._work_meter.update(work, now)
        return BatchView(
            count=self.count,
            ended=self._ended,
            failed=self._failed,
            share=min(1.0, work / total) if total else 1.0,
            rate=rate,
            seconds_left=max(0.0, total - work) / speed if speed > 0 else None,
            unit=next(iter(self._units)) if len(self._units) == 1 else "frame",
        )
