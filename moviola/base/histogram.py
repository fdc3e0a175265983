"""How often a measured value lay within which bounds: what percentiles can be estimated of, in a few numbers."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import field

from moviola.base.mapped import Mapped
from moviola.base.records import record


@record
class Histogram(Mapped):
    """Counts of values, in classes.

    Attributes:
        bounds: the largest value of each class but the last, rising; the last class has no bound.
        counts: how many values each class has, one more than there are bounds.
        sum: of all values.
    """

    bounds: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=lambda: [0])
    sum: float = 0.0

    def contradiction(self) -> str:
        """Return what does not go together; empty where all does."""
        if len(self.counts) != len(self.bounds) + 1:
            return f"counts: {len(self.bounds) + 1} of them, one more than bounds, not {len(self.counts)}"
        if any(after <= before for before, after in zip(self.bounds, self.bounds[1:], strict=False)):
            return "bounds: each larger than the one before"
        return ""


class Measured:
    """A histogram that goes on being filled.

    Args:
        bounds: as in Histogram.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def histogram(self) -> Histogram:
        """Return how it is now."""
        return Histogram(list(self._bounds), list(self._counts), self._sum)
