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


class Rates:
    """Frames per second of each job, by id, over the last RATE_WINDOW_S."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def update(self, views: Sequence[JobView], now: float) -> dict[str, float]:
        """Frames/s now; jobs that are not shown any more are forgotten."""
        self._seen = {view.id: self._seen.get(view.id, deque()) for view in views}
        rates = {}
        for view in views:
            seen = self._seen[view.id]
            if not seen or now - seen[-1][0] >= SAMPLE_S:
                seen.append((now, view.frames_done))
            while len(seen) > 2 and now - seen[1][0] >= RATE_WINDOW_S:
                seen.popleft()
            span = now - seen[0][0]
            rates[view.id] = max(0.0, (view.frames_done - seen[0][1]) / span) if span > 0 else 0.0
        return rates


def time_left(view: JobView, rate: float) -> float | None:
    """Seconds; None where nothing can be said."""
    return (view.frames_wanted - view.frames_done) / rate if rate > 0 and view.frames_wanted else None
