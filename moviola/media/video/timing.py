"""The times of a spliced stream: strictly rising pts, a dts and a duration for every packet, chunk by chunk.

Encoders count frames; the file needs the source's own times. They are ticks of the source's time base throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from moviola.media.errors import SpliceError


@dataclass(frozen=True, slots=True)
class TimedPacket:
    """One encoded packet with its place in time; `data` is a view into its chunk's payload."""

    data: memoryview
    keyframe: bool
    pts: int
    dts: int = 0
    duration: int = 0

    def at(self, dts: int, duration: int) -> TimedPacket:
        """The packet decoded then and shown so long. `replace` would be a tenth of all the work on a packet."""
        return TimedPacket(self.data, self.keyframe, self.pts, dts, duration)


class StrictTimes:
    """Makes the times of frames in display order rise strictly, for no container takes two frames at one time.

    A time that does not rise is put one tick after the one before; `moved` counts those.
    """

    def __init__(self) -> None:
        self.moved = 0
        self._last: int | None = None

    def next(self, pts: int) -> int:
        """The time of the next frame."""
        if self._last is not None and pts <= self._last:
            pts = self._last + 1
            self.moved += 1
        self._last = pts
        return pts


def decode_times(
    packets: Iterable[TimedPacket], sorted_pts: Iterable[int], delay: int, step: int, end: int | None = None
) -> Iterator[TimedPacket]:
    """Give every packet of the stream, in decode order, its dts and duration.

    The dts of packet i is the pts of the frame shown `delay` places earlier, so it never passes a pts and always
    rises, also across the seams of chunks; the first `delay` packets go back from the first pts by `step` each.
    A duration reaches to the next dts; the last one makes the sum reach `end`, or `step` beyond the last pts where
    that is not later. `step` should be the shortest time between two frames: a longer one could leave the last
    packet no time, and it then gets a single tick.
    `sorted_pts` are the same packets' pts, rising; both are read lazily, the second no further than the first.
    """
    shown = iter(sorted_pts)
    waiting: list[int] = []
    held: TimedPacket | None = None
    first_dts = first_pts = last_pts = 0
    for index, packet in enumerate(packets):
        last_pts = next(shown)
        if index == 0:
            first_pts = last_pts
        waiting.append(last_pts)
        dts = first_pts - (delay - index) * step if index < delay else waiting.pop(0)
        if dts > packet.pts:
            raise SpliceError(
                f"packet {index} would be decoded after it is shown: the encoder reorders by more than {delay}"
            )
        if held is None:
            first_dts = dts
        else:
            yield held.at(held.dts, dts - held.dts)
        held = packet.at(dts, 0)
    if held is not None:
        stop = end if end is not None and end > last_pts else last_pts + step
        yield held.at(held.dts, max(1, stop - first_pts - (held.dts - first_dts)))
