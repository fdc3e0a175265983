"""Tables and parts of chunks and results of videos, in the layout of moviola/media/bundle.py. The parts are packets.

ChunkTable        a chunk of the filtered stream: split.py and lossless.py write it, decode.py reads it
PassthroughTable  a chunk of a passthrough stream: passthrough.py writes it, tracks.py reads it
ResultTable       what came of a chunk: process.py writes it, tracks.py reads it

What one stage hands on to the next is in intermediate.py.
"""

from __future__ import annotations

from dataclasses import field
from itertools import pairwise
from typing import NamedTuple

from moviola.base.mapped import Mapped, Ticks
from moviola.base.records import record
from moviola.media.video.report import ChunkReport

KEY = 1
DISCARD = 2

# A chunk of a passthrough stream: about a minute of sound, small beside a chunk of video.
MAX_PACKET_COUNT = 2048
MAX_PACKET_BYTES = 1024 * 1024


def fills_a_chunk(count: int, size: int) -> bool:
    """Return whether so many packets of a passthrough stream, of so many bytes together, are a chunk."""
    return count >= MAX_PACKET_COUNT or size >= MAX_PACKET_BYTES


DAMAGED = 4
SECOND_FIELD = 8


class SideData(NamedTuple):
    """What a container hangs on a packet: FFmpeg's name of it, and its bytes."""

    kind: str
    content: bytes


class PacketEntry(NamedTuple):
    """A packet of the source.

    Attributes:
        size (bytes): of its data.
        pts, dts (time base): when it is shown and decoded; None where that is not known.
        duration (time base): 0 where that is not known.
        flags: KEY, DISCARD: never shown, as an edit list cut it away, DAMAGED: it is known to be, whatever a decoder
            says, SECOND_FIELD: of the frame that the packet before it begins.
        side_data: None where there is none.
    """

    size: int
    pts: Ticks | None
    dts: Ticks | None
    duration: int
    flags: int
    side_data: list[SideData] | None


class RecoveryPoint(NamedTuple):
    """A packet of a chunk from which on decoding can begin; damage before it affects little or nothing behind it.

    Attributes:
        packet: its place in the chunk.
        access: as in moviola.media.video.reading.random_access.Access.
    """

    packet: int
    access: int


class Range(NamedTuple):
    """Packets of a chunk from `start` to before `stop`."""

    start: int
    stop: int


class Span(NamedTuple):
    """When a chunk's first own frame is shown, and when the next chunk's first one, or at the end of the stream when
    its last frame is gone; in the source's time base."""

    start: Ticks
    stop: Ticks


@record
class ChunkTable(Mapped):
    """A chunk of the filtered stream.

    Attributes:
        p: its packets in the order of decoding, the preroll first.
        own: the packets whose frames this chunk emits, in order.
        preroll (packets): how many come before the first own one.
        skip (packets): how many from the first on serve only as references: of these the decoder may leave out what
            nothing refers to. All frames that filters need as context come from later packets.
        first (frames): index of the first own frame in the whole source, in the order of display.
        rank: display order of the own packets, counted from 0 within the chunk, one each; None: as they come.
        span: None where the source's times are not complete.
        recovery: those packets at which decoding can begin, in order.
    """

    p: list[PacketEntry]
    own: list[Range]
    preroll: int
    skip: int
    first: int
    rank: list[int] | None
    span: Span | None
    recovery: list[RecoveryPoint] = field(default_factory=list)

    def contradiction(self) -> str:
        """Return what of the table contradicts the rest of it."""
        edges = [edge for each in self.own for edge in each]
        if edges and (edges[-1] > len(self.p) or any(one > two for one, two in pairwise(edges))):
            return f"own: rising ranges of {len(self.p)} packets, not {self.own!r:.80}"
        if self.rank is not None and len(self.rank) != self.own_count:
            return f"rank: {self.own_count} numbers, not {len(self.rank)}"
        if self.preroll > len(self.p):
            return f"preroll: at most {len(self.p)}, not {self.preroll}"
        if self.span is not None and self.span.start > self.span.stop:
            return f"span: a time and a later one, not {list(self.span)}"
        return ""

    @property
    def own_count(self) -> int:
        """How many packets are the chunk's own."""
        return sum(stop - start for start, stop in self.own)

    def own_packets(self) -> list[int]:
        """Return the places of the own packets in `p`."""
        return [at for start, stop in self.own for at in range(start, stop)]


@record
class PassthroughTable(Mapped):
    """A chunk of a stream that is not filtered: its packets, in the stream's own time base."""

    p: list[PacketEntry]


class EncodedEntry(NamedTuple):
    """A packet of a result, of `size` bytes; times in the encoder's index time base, `flags` as of PacketEntry."""

    size: int
    pts: Ticks
    dts: Ticks | None
    flags: int


@record
class ResultTable(Mapped):
    """What came of a chunk: packets, the encoder's extradata, and what happened to the frames."""

    p: list[EncodedEntry]
    x: bytes
    report: ChunkReport
