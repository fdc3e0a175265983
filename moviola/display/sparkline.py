"""Numbers over time as a line of small bars."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile
from typing import Final

LEVELS: Final = "▁▂▃▄▅▆▇█"
UNKNOWN: Final = "·"


def sparkline(values: Sequence[float | None]) -> str:
    """Return a character for each value: the largest as a full block, 0 as the lowest bar, what is not known as a
    dot. What is not known at the beginning is left out: it was before anybody looked."""
    values = list(dropwhile(lambda value: value is None, values))
    top = max((value for value in values if value is not None), default=0.0)
    return "".join(UNKNOWN if value is None else LEVELS[_level(value, top)] for value in values)


def _level(value: float, top: float) -> int:
    """Return which of the levels it is; only 0 has the lowest."""
    if value <= 0:
        return 0
    return max(1, round(value / top * (len(LEVELS) - 1)))
