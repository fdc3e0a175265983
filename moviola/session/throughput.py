"""How fast a cluster was lately, kept by whoever watches it."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import floor
from typing import Final, NamedTuple

from moviola.wire.messages import Overview

MAX_POINTS: Final = 600
"""Overviews that are remembered: ten minutes of one a second, more than the widest screen shows."""


class _Point(NamedTuple):
    unix_s: float
    epoch: int
    frames: int


class Throughput:
    """The middleware's count of frames over time, by its own clock. What it counts begins again when it restarts:
    nothing is known of the time between the last word of one life and the first of the next."""

    def __init__(self) -> None:
        self._points: deque[_Point] = deque(maxlen=MAX_POINTS)

    def add(self, overview: Overview) -> None:
        """Remember what the count is now."""
        point = _Point(overview.unix_s, overview.epoch, overview.frames_done)
        last = self._points[-1] if self._points else None
        if last is not None and point.unix_s <= last.unix_s:
            if point.epoch == last.epoch:
                return  # told twice
            self._points.clear()  # a middleware whose clock is behind
        self._points.append(point)

    def rates(self, count: int, slot_s: float) -> list[float | None]:
        """Return the frames/s of the last `count` slots of `slot_s` seconds that are over, the oldest first; None where
        they are not known. Slots begin at whole multiples, so that they stay the same while time goes on."""
        if not self._points:
            return [None] * count
        end = floor(self._points[-1].unix_s / slot_s)
        done = [self._frames_at((end - count + number) * slot_s) for number in range(count + 1)]
        return [_rate(before, after, slot_s) for before, after in pairwise(done)]

    def _frames_at(self, unix_s: float) -> tuple[int, float] | None:
        """Return the epoch and the count at a time, by the points around it; None where these do not tell."""
        before: _Point | None = None
        for point in self._points:
            if point.unix_s >= unix_s:
                if point.unix_s == unix_s:
                    return point.epoch, point.frames
                if before is None or before.epoch != point.epoch:
                    return None
                share = (unix_s - before.unix_s) / (point.unix_s - before.unix_s)
                return point.epoch, before.frames + share * (point.frames - before.frames)
            before = point
        return None


def _rate(before: tuple[int, float] | None, after: tuple[int, float] | None, slot_s: float) -> float | None:
    if before is None or after is None or before[0] != after[0]:
        return None
    return max(0.0, after[1] - before[1]) / slot_s
