"""The times of a spliced stream: strictly rising pts, a dts and a duration for every packet, chunk by chunk.

Encoders count frames; the file needs the source's own times. They are ticks of the source's time base throughout.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Final

from moviola.media.errors import SpliceError

MAX_TIMES: Final = 1024
"""How many times of frames are kept until those that nothing needs any more are dropped, so that this is done
seldom."""


@dataclass(frozen=True, slots=True)
class TimedPacket:
    """One encoded packet with its place in time; `data` is a view into its chunk's payload."""

    data: memoryview
    keyframe: bool
    pts: int
    dts: int = 0
    duration: int = 0

    def at(self, dts: int, duration: int) -> TimedPacket:
        """Return the packet with this dts and duration. `dataclasses.replace` would be a tenth of all the work on a
        packet."""
        return TimedPacket(self.data, self.keyframe, self.pts, dts, duration)


@dataclass(frozen=True, slots=True)
class ToldTime:
    """A frame of the source, by its number, and its time, which the source tells."""

    frame: int
    pts: int


class StrictTimes:
    """Makes the times of frames in display order rise strictly, for no container takes two frames at one time.

    A time that does not rise is put one tick after the one before; `moved` counts those. `told` is the last frame so
    far whose time the source tells; None as long as there is none.
    """

    def __init__(self) -> None:
        self.moved = 0
        self.told: ToldTime | None = None
        self._last: int | None = None

    def next(self, pts: int) -> int:
        """Return the time of the next frame, which is `pts` if that rises."""
        if self._last is not None and pts <= self._last:
            pts = self._last + 1
            self.moved += 1
        self._last = pts
        return pts


def completed(pts: Sequence[int | None], frames: Sequence[int], ticks_a_frame: Fraction, told: ToldTime) -> list[int]:
    """Return when frames are shown of which the source does not tell all times.

    One without a time comes at the usual rate behind the last one that has one, or, where the next one that has one
    comes too early for that, in even steps between both. So times do not depend on where a video is cut, unless there
    is no room for frames at the end of a chunk.

    Args:
        pts: the times that are told, in order.
        frames: the numbers of these frames in the source.
        ticks_a_frame: the usual time of a frame.
        told: of a frame before these; of the first one, where the source begins.
    """
    times: list[int] = []
    for frame, time, after in zip(frames, pts, _next_told(pts, frames), strict=True):
        if time is not None:
            told = ToldTime(frame, time)
            times.append(time)
            continue
        step = ticks_a_frame
        if after is not None:
            step = min(step, Fraction(after.pts - told.pts, max(1, after.frame - told.frame)))
        times.append(told.pts + round((frame - told.frame) * step))
    return times


def _next_told(pts: Sequence[int | None], frames: Sequence[int]) -> list[ToldTime | None]:
    """Return for each frame the next one that has a time."""
    after: list[ToldTime | None] = [None]
    for frame, time in zip(reversed(frames), reversed(pts), strict=True):
        after.append(after[-1] if time is None else ToldTime(frame, time))
    return after[-2::-1]


def decode_times(
    packets: Iterable[TimedPacket], sorted_pts: Iterable[int], delay: int, step: int, end: int | None = None
) -> Iterator[TimedPacket]:
    """Give every packet of the stream, in decode order, its dts and duration.

    The dts of packet i is the pts of the frame shown `delay` places earlier, so it never passes a pts and always
    rises, also across the seams of chunks; the first `delay` packets go back from the first pts by `step` each, which
    should be the shortest time between two frames.

    A duration is how long a frame is shown: until the next one is, the last one until `end`, or for `step` where that
    is not later. MP4 and MOV store differences of dts in place of durations, and who reads them takes them for
    durations: `placed` sees to it that those at the stream's end are right.

    `sorted_pts` are the same packets' pts, rising; both are read lazily, the second no further than the first.
    """
    shown = iter(sorted_pts)
    times: list[int] = []  # rising, without the earliest that nothing needs any more
    held: deque[TimedPacket] = deque()
    first_dts = first_pts = last_dts = 0
    for index, packet in enumerate(packets):
        times.append(next(shown))
        if index == 0:
            first_pts, first_dts = times[0], times[0] - delay * step
            last_dts = first_dts - 1
        dts = first_dts + index * step if index < delay else times[-1 - delay]
        if dts > packet.pts:
            raise SpliceError(
                f"packet {index} would be decoded after it is shown: the encoder reorders by more than {delay}"
            )
        held.append(packet.at(dts, 0))
        while held[0].pts < times[-1]:
            ready = held.popleft()
            last_dts = ready.dts
            yield ready.at(ready.dts, times[bisect_right(times, ready.pts)] - ready.pts)
        if len(times) > MAX_TIMES:
            needed = bisect_left(times, min((each.pts for each in held), default=times[-1]))
            del times[: min(needed, len(times) - 1 - delay)]
    if held:
        stop = end if end is not None and end > times[-1] else times[-1] + step
        yield from placed(held, [*times, stop], last_dts, first_dts + stop - first_pts)


def placed(held: Sequence[TimedPacket], times: Sequence[int], last_dts: int, end_dts: int) -> Iterator[TimedPacket]:
    """Give the last packets of a stream, of which the first is shown last, their final dts and durations.

    The first one's difference of dts is made its duration, as far as the others' pts leave room. The duration of the
    one that is decoded last reaches to `end_dts`, so that all differences together are as long as the stream is shown.

    Args:
        held: the packets in the order of decoding, with their dts by the rule for all.
        times: pts of frames, rising, of these packets at least; at last when the stream ends.
        last_dts: of the packet before.
        end_dts: when a packet behind the last one would be decoded.
    """
    lasts = [times[bisect_right(times, each.pts)] - each.pts for each in held]
    latest = list(accumulate((each.pts for each in reversed(held)), lambda after, pts: min(after - 1, pts)))[::-1]
    dts = [each.dts for each in held]
    dts[-1] = min(end_dts - lasts[-1], latest[-1])
    for place in range(len(dts) - 2, -1, -1):
        room = lasts[0] if place == 0 else 1
        dts[place] = min(dts[place + 1] - room, latest[place], dts[place] if place else latest[0])
    dts[0] = max(dts[0], last_dts + 1)
    for place in range(1, len(dts)):
        room = lasts[0] if place == 1 else 1
        dts[place] = max(dts[place], min(dts[place - 1] + room, latest[place]))
    for each, at, duration in zip(held, dts, lasts, strict=True):
        yield each.at(at, duration if each is not held[-1] else max(1, end_dts - at))
