"""Another frame rate as a rule over times: at each tick of a regular grid the newest source frame is shown.

Worker and splicer both work with the grid's whole numbers: tick k is at `origin + k / rate`, and a frame that is shown
from time t until t' has the ticks with t ≤ tick < t'. Every chunk has the ticks from its first frame's time until the
next chunk's, so that where a video is cut does not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

from moviola.media.material import Output
from moviola.media.video.bundle import ChunkTable
from moviola.media.video.headers import Timing

# FFmpeg's timescales are signed 32-bit numbers.
MAX_TIMESCALE = 2**31 - 1
FPS = "fps"


@dataclass(frozen=True, slots=True)
class Grid:
    """`rate` in ticks a second; `origin` in seconds is the time of tick 0."""

    rate: Fraction
    origin: Fraction

    @property
    def time_base(self) -> Fraction:
        """Return the largest unit of time, in seconds, in which every tick is a whole number."""
        return Fraction(1, lcm(self.rate.numerator, self.origin.denominator))

    def units(self, tick: int) -> int:
        """Return the time of a tick in units of `time_base`."""
        return int((self.origin + tick / self.rate) / self.time_base)

    def first_tick(self, time: Fraction) -> int:
        """Return the first tick at or after a time in seconds."""
        return ceil((time - self.origin) * self.rate)


def grid_of(output: Output, source: Timing) -> Grid | None:
    """Return the grid of an output whose chain begins with `fps`, else None.

    It begins with the source. Where that needs a finer time base than FFmpeg has, it begins less than a frame later.
    """
    chain = output.chain
    if not chain or chain[0].name != FPS:
        return None
    rate = Fraction(str(chain[0].parameters["rate"]))
    origin = (source.first_pts or 0) * source.time_base
    if lcm(rate.numerator, origin.denominator) > MAX_TIMESCALE:
        origin = Fraction(ceil(origin * rate.numerator), rate.numerator)
    return Grid(rate, origin)


class Pace:
    """Hands out the ticks of a chunk, in order.

    The chunk's span says from when until when it is shown; each of its
    frames is shown at the time of the packet in its place, by order of time, whatever a decoder says. A source without
    times is shown at its own rate.
    """

    def __init__(self, grid: Grid, table: ChunkTable, source: Timing) -> None:
        self._grid = grid
        self._first = table.first
        self._times = [grid.first_tick(each) for each in _times(table, source)]
        self._next = self._times[0]

    @property
    def count(self) -> int:
        """How many ticks the chunk has."""
        return self._times[-1] - self._times[0]

    def before(self, index: int) -> range:
        """Return the ticks not handed out yet that come before the source frame of this index."""
        place = min(max(0, index - self._first), len(self._times) - 1)
        return self._until(self._times[place])

    def rest(self) -> range:
        """The ticks until the chunk's end."""
        return self._until(self._times[-1])

    def _until(self, tick: int) -> range:
        ticks = range(self._next, max(self._next, tick))
        self._next = ticks.stop
        return ticks


def _times(table: ChunkTable, source: Timing) -> list[Fraction]:
    """Return when each own frame is shown, in seconds, and at last when the chunk ends; never falling."""
    base, own = source.time_base, table.own_packets()
    if table.span is None:
        start = (source.first_pts or 0) * base
        return [start + index / source.rate for index in range(table.first, table.first + len(own) + 1)]
    begin, end = table.span
    known = sorted(min(max(begin, begin if pts is None else pts), end) for pts in (table.p[at].pts for at in own))
    return [begin * base, *(each * base for each in known[1:]), end * base]
