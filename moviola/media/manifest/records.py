"""The lines of a manifest. Lists of numbers are steps where it says so: the first number, then what each adds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import ClassVar, Final, NamedTuple

from moviola.base.mapped import Mapped, Ticks
from moviola.base.records import record


class Maker(NamedTuple):
    """Who made the result of a chunk; `attempt` is which try of it that was, from 1."""

    worker: str
    attempt: int


@record
class Header(Mapped):
    """The first line.

    Attributes:
        format: of the manifest.
        program: the version of Moviola that wrote it.
        kind: of material.
        job: its id; empty for one that was done in one process.
        output: the output's name.
        source: the source's name.
        source_xxh3: xxh3_128 of the source's bytes, in hex.
        source_frames (frames): that the source has, as far as that was known before it was decoded.
    """

    LINE: ClassVar = "manifest"
    format: int
    program: str
    kind: str
    job: str
    output: str
    source: str
    source_xxh3: str
    source_frames: int


@record
class ChunkLine(Mapped):
    """A chunk; the lines of its frames, pictures, records and losses come behind it.

    Attributes:
        index: of the chunk.
        worker, attempt: as of Maker.
        first: index in the source of its first frame.
        frames_in (frames): of the source.
        frames_out (frames): of the output.
        left_out (frames): of the source that are never shown, as the output has another frame rate.
    """

    LINE: ClassVar = "chunk"
    index: int
    worker: str
    attempt: int
    first: int
    frames_in: int
    frames_out: int
    left_out: int = 0


@record
class FramesLine(Mapped):
    """Frames of the output, in the order in which they are shown.

    Attributes:
        source: the index in the source of what each shows, as steps.
        time_base (s): of the source's times.
        times (time_base): when that is shown in the source, as steps; None where that is not known.
        fallback: which of them, counted from 0 in this line, are not filtered: the source's frame, or a black one,
            stands there.
        damaged: which of them the decoder had to patch up, because the source is damaged.
    """

    LINE: ClassVar = "frames"
    source: list[Ticks]
    time_base: Fraction
    times: list[Ticks] | None
    fallback: list[int]
    damaged: list[int] = field(default_factory=list)

    def contradiction(self) -> str:
        """Return what contradicts the rest."""
        if self.times is not None and len(self.times) != len(self.source):
            return f"times: {len(self.source)} numbers, not {len(self.times)}"
        places = max([*self.fallback, *self.damaged], default=-1)
        return "" if places < len(self.source) else f"fallback, damaged: places among {len(self.source)}, not {places}"


class LostFrames(NamedTuple):
    """Frames of the source that are not in the output: `frame_count` of them from `first` on, and why."""

    first: int
    frame_count: int
    cause: str


@record
class LostLine(Mapped):
    """What of the source is not in the output, though it should be."""

    LINE: ClassVar = "lost"
    frames: list[LostFrames]


@record
class StreamLine(Mapped):
    """A stream of the finished file.

    Attributes:
        number: 0 is the filtered one, the others are counted in the file's order.
        type: as FFmpeg names it: `video`, `audio`, `subtitle`.
        codec: FFmpeg's name.
        time_base (s): of its times in the file.
        extradata: CRC-32 of the codec's headers; 0 where there are none.
    """

    LINE: ClassVar = "stream"
    number: int
    type: str
    codec: str
    time_base: Fraction
    extradata: int


@record
class PacketsLine(Mapped):
    """Packets of a stream, in the order of the file.

    Attributes:
        stream: its number.
        pts (time base of the stream): of each packet, as steps.
        crc: CRC-32 of the packets' bytes, as demuxed.
        counts (packets): where several packets that follow each other, a block, have one CRC together: how many each
            block has; empty where each packet has its own.
    """

    LINE: ClassVar = "packets"
    stream: int
    pts: list[Ticks]
    crc: list[int]
    counts: list[int] = field(default_factory=list)

    def contradiction(self) -> str:
        """Return what contradicts the rest."""
        counts = self.counts or [1] * len(self.pts)
        if len(self.crc) != len(counts):
            return f"crc: {len(counts)} numbers, not {len(self.crc)}"
        return "" if min(counts, default=1) and sum(counts) == len(self.pts) else f"counts: {len(self.pts)} packets"


class PictureEntry(NamedTuple):
    """A picture of a folder: its name there, the index in the source of what it was made of, bytes, xxh3_128 in hex."""

    name: str
    source: int
    size: int
    xxh3: str


@record
class PicturesLine(Mapped):
    """Pictures that came of a chunk."""

    LINE: ClassVar = "pictures"
    pictures: list[PictureEntry]


@record
class PartLine(Mapped):
    """What a chunk of records became in the file.

    Attributes:
        records (records): that stand there.
        start, size (bytes): where they lie, with what is around them.
        crc: CRC-32 of these bytes.
    """

    LINE: ClassVar = "part"
    records: int
    start: int
    size: int
    crc: int


class StreamTotal(NamedTuple):
    """All of a stream: how many packets, their bytes, and the CRC-32 of these, one packet behind the other."""

    stream: int
    packets: int
    size: int
    crc: int


@record
class EndLine(Mapped):
    """The last line; a manifest without it is cut off.

    Attributes:
        file: the main file's, or folder's, name in the job's folder.
        size (bytes): of the file, or of all files of the folder.
        xxh3: xxh3_128 of the file, in hex; empty of a folder.
        digest: as the metrics have it.
        frames_in, frames_out, fallback_frames, lost_frames, damaged_frames (frames): as the metrics have them.
        streams: of a video.
    """

    LINE: ClassVar = "end"
    file: str
    size: int
    xxh3: str
    digest: str
    frames_in: int
    frames_out: int
    fallback_frames: int
    lost_frames: int
    damaged_frames: int
    streams: list[StreamTotal] = field(default_factory=list)


Line = Header | ChunkLine | FramesLine | LostLine | StreamLine | PacketsLine | PicturesLine | PartLine | EndLine

LINES: Final[dict[str, type[Line]]] = {
    one.LINE: one
    for one in (
        Header,
        ChunkLine,
        FramesLine,
        LostLine,
        StreamLine,
        PacketsLine,
        PicturesLine,
        PartLine,
        EndLine,
    )
}
"""By the key that tells them."""


def steps(values: list[int]) -> list[int]:
    """Return numbers as steps."""
    return [*values[:1], *(after - before for before, after in pairwise(values))]


def unstepped(values: Iterable[int]) -> Iterable[int]:
    """Return the numbers that `steps` was given."""
    return accumulate(values)
