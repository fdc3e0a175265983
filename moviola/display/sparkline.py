"""Numbers over time as a line of small bars."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile
from typing import Final

LEVELS: Final = "▁▂▃▄▅▆▇█"
UNKNOWN: Final = "·"


def sparkline(values: Sequence[float | None]) -> str:
    """Return a character for each value: a full block for the largest, the lowest bar for 0, a dot for None (not
    known). None at the beginning is left out: nobody looked then."""
    values = list(dropwhile(lambda value: value is None, values))
    top = max((value for value in values if value is not None), default=0.0)
    return "".join(UNKNOWN if value is None else LEVELS[_level(value, top)] for value in values)


def _level(value: float, top: float) -> int:
    """Return the level of a value; only 0 and less has the lowest."""
    if value <= 0:
        return 0
    return max(1, round(value / top * (len(LEVELS) - 1)))
