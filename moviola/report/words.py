"""Numbers and times in words, as the report has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from moviola.session.units import sized

__all__ = ["clock", "counted", "date", "grouped", "listed", "seconds", "sized"]


TOLD_IN_FULL: Final = 1e15
"""Numbers with a fraction, or without an end, that are this large are told by their power of ten: `1.8e+308`."""


def counted(count: int, unit: str) -> str:
    """`1 image`, `3 images`, `12 000 images`."""
    return f"{grouped(count)} {unit}" if count == 1 else f"{grouped(count)} {unit}s"


def grouped(value: float) -> str:
    """`1 234 567`; numbers that are no integers have as many decimals as say something: `0.034`, `1.5`, `230`."""
    size = abs(value)
    if isinstance(value, int) or (size < TOLD_IN_FULL and value == int(value)):
        text = f"{int(value):,}"
    elif 100 <= size < TOLD_IN_FULL:
        text = f"{value:,.0f}"
    elif 1 <= size < 100:
        text = f"{value:,.1f}"
    else:
        text = f"{value:.3g}"
    return text.replace(",", "\N{NO-BREAK SPACE}")


def seconds(value: float) -> str:
    """`0.042 s`, `12.3 s`, `3 min 5 s`, `1 h 2 min`."""
    if value < 60:
        return f"{grouped(round(value, 3 if value < 1 else 1))} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def clock(value: float) -> str:
    """A time within a video: `0:03.2`, `12:05.0`, `1:02:03.4`."""
    tenths = round(value * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    end = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{end}" if hours else f"{minutes}:{end}"


def date(unix_s: float) -> str:
    """`2026-11-28 21:03:07 UTC`: who reads a report may be anywhere."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix_s))


def listed(names: Sequence[str], most: int = 5) -> str:
    """`a, b and c`, and beyond so many `a, b, … and 7 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def runs(numbers: Sequence[int]) -> list[str]:
    """Return numbers in order with those that follow each other joined: `3`, `7-12`."""
    found: list[list[int]] = []
    for one in sorted(numbers):
        if found and one <= found[-1][1] + 1:
            found[-1][1] = one
        else:
            found.append([one, one])
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]
