"""Repeats a measurement in fresh processes and takes the medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from bench.children import measured
from bench.machine import Watch


class Runs:
    """Measures each thing so many times.

    Args:
        count: of runs, each in a process of its own.
        tell: called with one line about what was measured.
    """

    def __init__(self, count: int, tell: Callable[[str], None]) -> None:
        self.count, self._tell = count, tell

    def once(self) -> Runs:
        """Return one that measures a single time."""
        return Runs(1, self._tell)

    def of(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Return the row that `module:name` returns, with the median of each figure.

        `us_least` and `us_most` are those of `us_per_task`; `taken_away` is the part of the cores' time that a virtual
        machine's host kept for others meanwhile.
        """
        rows = []
        with Watch() as watch:
            for _ in range(self.count):
                rows.append(measured(function, **arguments))
        row = {name: _median([one[name] for one in rows]) for name in rows[0]}
        row |= {"runs": self.count, "taken_away": round(watch.stolen, 4)}
        if "us_per_task" in row:
            costs = [one["us_per_task"] for one in rows]
            row |= {"us_least": min(costs), "us_most": max(costs)}
        self._tell(", ".join(f"{name} {_shown(value)}" for name, value in row.items()))
        return row

    def each(self, function: str, **arguments: Any) -> list[dict[str, Any]]:
        """Return the rows of a function that returns several, from one run."""
        with Watch() as watch:
            rows = measured(function, **arguments)
        return [{**row, "taken_away": round(watch.stolen, 4)} for row in rows]


def _median(values: list[Any]) -> Any:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values) or not numbers:
        return values[0]
    middle = statistics.median(numbers)
    return int(middle) if all(isinstance(one, int) for one in numbers) and middle == int(middle) else middle


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
