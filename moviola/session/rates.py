"""How fast jobs go on, and how long they will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from moviola.session.views import JobView

RATE_WINDOW_S: Final = 5.0
"""Frames/s are an average over so long: steady enough to read, quick enough to show that a worker has gone."""

SAMPLE_S: Final = 0.1
"""Between two counts that are remembered."""


class Meter:
    """How fast a number grows, per second, over the last so many seconds."""

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, float]] = deque()

    def update(self, value: float, now: float) -> float:
        """Return the rate now that the number is `value`; 0 at first, and where it has become less."""
        seen = self._seen
        if not seen or now - seen[-1][0] >= SAMPLE_S:
            seen.append((now, value))
        while len(seen) > 2 and now - seen[1][0] >= self._window_s:
            seen.popleft()
        span = now - seen[0][0]
        return max(0.0, (value - seen[0][1]) / span) if span > 0 else 0.0


class Rates:
    """Frames per second of each job, by id, over the last RATE_WINDOW_S."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}

    def update(self, views: Sequence[JobView], now: float) -> dict[str, float]:
        """Frames/s now; jobs that are not shown any more are forgotten."""
        self._meters = {view.id: self._meters.get(view.id) or Meter() for view in views}
        return {view.id: self._meters[view.id].update(view.frames_done, now) for view in views}


def time_left(view: JobView, rate: float) -> float | None:
    """Seconds; None where nothing can be said."""
    return (view.frames_wanted - view.frames_done) / rate if rate > 0 and view.frames_wanted else None
