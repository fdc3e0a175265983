"""Streams beside the video whose times go backwards, as those of some Ogg files do: their durations alone are believed.

The first chunk of a stream decides, for whoever cuts it and says so, and for whoever splices it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from av import Packet

from moviola.media.fidelity import Fate, Finding
from moviola.media.video.bundle import PacketEntry, fills_a_chunk
from moviola.media.video.headers import PassthroughStream
from moviola.media.video.reading.opening import is_cut_away


def times_fall(entries: Iterable[PacketEntry]) -> bool:
    """Return whether decode times fall although the lengths of all packets that hold anything are known."""
    filled = [entry for entry in entries if entry.size]
    times = [entry.dts for entry in filled if entry.dts is not None and entry.duration]
    return len(times) == len(filled) and any(one > two for one, two in pairwise(times))


def times_that_fall(stream: PassthroughStream) -> Finding:
    """Return what becomes of a stream whose times go backwards in its first chunk, as those of some Ogg files do."""
    reason = "go backwards: it is timed by the lengths of its packets"
    return Finding(f"the times of stream {stream.index}", Fate.CHANGED, reason)


class FirstChunk:
    """What the first chunk of a passthrough stream will tell of its packets."""

    def __init__(self) -> None:
        self._count = 0
        self._entries: dict[int, PacketEntry] = {}
        self._size = 0

    def add(self, packet: Packet[Any]) -> None:
        """Take the next packet of the stream; those that are not carried, or are behind the chunk, are passed over."""
        if not is_cut_away(packet) and not fills_a_chunk(len(self._entries), self._size):
            self._entries[self._count] = PacketEntry(packet.size, None, packet.dts, packet.duration or 0, 0, None)
            self._size += packet.size
        self._count += 1

    def falls(self, shift_of: Callable[[int], int]) -> bool:
        """Return whether its times go backwards; `shift_of` tells by how many ticks the stream's packet of a number,
        from 0, is moved."""
        moved = (
            entry if entry.dts is None else entry._replace(dts=entry.dts + shift_of(number))
            for number, entry in self._entries.items()
        )
        return times_fall(moved)
