"""How fast a count grows, smoothed."""

from __future__ import annotations

from math import exp
from typing import Final

WINDOW_S: Final = 5.0
"""A rate is an average over about so long: steady enough to read, quick enough to show that a worker has gone."""

PATIENCE_S: Final = 2.0
"""Word of what was done comes about once a second: a rate falls only when none has come for longer than this."""

MIN_PER_S: Final = 0.001
"""A rate below this is none: what stands still is told as 0 after a minute, and not as ever smaller numbers."""

MIN_KNOWN: Final = 1.0 - exp(-1.0 / WINDOW_S)
"""The weight of a second: during the first one a rate is shown too low, rather than too high by far."""


class SmoothedRate:
    """An exponential moving average of how much a count grows a second, without the bias of its beginning (Kingma and
    Ba, "Adam", 2015, section 3, correct theirs in the same way). It begins with the first call of `update`."""

    __slots__ = ("_at", "_average", "_count", "_known")

    def __init__(self) -> None:
        self._at: float | None = None
        self._count = 0
        self._average = self._known = 0.0

    def update(self, count: int, now: float) -> None:
        """Take in what the count is now."""
        span = 0.0 if self._at is None else now - self._at
        if span > 0:
            weight = 1.0 - exp(-span / WINDOW_S)
            self._average += weight * ((count - self._count) / span - self._average)
            self._known += weight * (1.0 - self._known)
        if span > 0 or self._at is None:
            self._at, self._count = now, count

    def per_s(self, now: float) -> float:
        """Return how much it grows a second."""
        if self._at is None:
            return 0.0
        overdue_s = max(0.0, now - self._at - PATIENCE_S)
        rate = self._average / max(self._known, MIN_KNOWN) * exp(-overdue_s / WINDOW_S)
        return rate if rate >= MIN_PER_S else 0.0
