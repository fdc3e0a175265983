"""Reads a manifest back. What it says is checked as it comes, for a file may be anybody's."""

from __future__ import annotations

import gzip
import json
import zlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from moviola.base.mapped import Malformed
from moviola.media.manifest import FORMAT, MAX_LINE_SIZE, MAX_UNITS
from moviola.media.manifest.records import (
    LINES,
    ChunkLine,
    EndLine,
    FramesLine,
    Header,
    Line,
    LostFrames,
    LostLine,
    PacketsLine,
    PartLine,
    PictureEntry,
    PicturesLine,
    StreamLine,
    StreamTotal,
    unstepped,
)

NO_TIME: Final = -(2**63)
"""Stands in an array for a time that is not known."""


class BadManifest(ValueError):
    """A file that is no manifest, or none that this version reads, or not a whole one."""


class ManifestFrame(NamedTuple):
    """A frame of an output.

    Attributes:
        number: its place in the output, in the order in which frames are shown, from 0.
        time (s): when it is shown there.
        crc: CRC-32 of its packet's bytes.
        source_frame: the index in the source of the frame that it shows.
        source_time (s): when that is shown in the source; None where that is not known.
        chunk: the index of its chunk.
        worker: who made it; empty where that was no cluster's worker.
        attempt: which try of the chunk that was, from 1.
        fallback: whether it is not filtered: the source's frame, or a black one, stands there.
        damaged: whether the decoder had to patch it up, because the source is damaged.
    """

    number: int
    time: Fraction
    crc: int
    source_frame: int
    source_time: Fraction | None
    chunk: int
    worker: str
    attempt: int
    fallback: bool
    damaged: bool


@dataclass(slots=True)
class RecordedStream:
    """A stream of the finished file: what it is, the times of its packets, in the order of the file, and of each block
    of packets (of the video each packet by itself) its CRC-32 and how many they are."""

    line: StreamLine
    pts: array[int] = field(default_factory=lambda: array("q"))
    crc: array[int] = field(default_factory=lambda: array("L"))
    counts: array[int] = field(default_factory=lambda: array("L"))
    total: StreamTotal = field(default_factory=lambda: StreamTotal(0, 0, 0, 0))


class Part(NamedTuple):
    """Where the records of a chunk stand in a file, as PartLine has it, with the chunk's index."""

    chunk: int
    records: int
    start: int
    size: int
    crc: int


@dataclass(slots=True)
class Manifest:
    """What a manifest says of an output.

    `chunks` are in order. The arrays have an entry for each frame of a video, in the order in which frames are shown:
    `source_frames`, `source_times` in units of `source_time_base` (NO_TIME where that is not known), `frame_chunks` the
    place in `chunks`, `fallback` 1 for those that are not filtered, `damaged` for those that the decoder had to patch
    up. `pictures` are those of a folder, `parts` those of a file of records.
    """

    header: Header
    end: EndLine = field(init=False)
    chunks: list[ChunkLine] = field(default_factory=list)
    lost: list[LostFrames] = field(default_factory=list)
    source_time_base: Fraction = Fraction(1)
    source_frames: array[int] = field(default_factory=lambda: array("q"))
    source_times: array[int] = field(default_factory=lambda: array("q"))
    frame_chunks: array[int] = field(default_factory=lambda: array("L"))
    fallback: bytearray = field(default_factory=bytearray)
    damaged: bytearray = field(default_factory=bytearray)
    streams: list[RecordedStream] = field(default_factory=list)
    pictures: list[PictureEntry] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def has_frames(self) -> bool:
        """Whether it is of a video, so that each frame has a packet."""
        return bool(self.streams)

    def shown(self) -> list[int]:
        """Return the places of the video's packets in the file, in the order in which they are shown."""
        pts = self.streams[0].pts
        return sorted(range(len(pts)), key=pts.__getitem__)

    def frames(self) -> Iterator[ManifestFrame]:
        """Yield all frames of a video, in the order in which they are shown."""
        if not self.has_frames:
            return
        video = self.streams[0]
        base = video.line.time_base
        for number, place in enumerate(self.shown()):
            chunk, at = self.chunks[self.frame_chunks[number]], self.source_times[number]
            yield ManifestFrame(
                number=number,
                time=video.pts[place] * base,
                crc=video.crc[place],
                source_frame=self.source_frames[number],
                source_time=None if at == NO_TIME else at * self.source_time_base,
                chunk=chunk.index,
                worker=chunk.worker,
                attempt=chunk.attempt,
                fallback=bool(self.fallback[number]),
                damaged=bool(self.damaged[number]),
            )


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises:
        BadManifest: it is none, or is cut off; the text names the file.
        OSError: it cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(file)
    except (Malformed, OverflowError, IndexError) as error:
        raise BadManifest(f"{path} is not a manifest of this version: {error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, zlib.error, gzip.BadGzipFile) as error:
        raise BadManifest(f"{path} is not a manifest, or is damaged: {str(error) or type(error).__name__}") from None
    except EOFError:
        raise BadManifest(f"{path} is cut off: it is not a whole manifest") from None


def _read(file: BinaryIO) -> Manifest:
    """Return the manifest in a file. Raise EOFError where its end is missing, and all else that `read_manifest`
    catches."""
    with gzip.GzipFile("", "rb", fileobj=file) as lines:
        first = _next(lines)
        if not isinstance(first, Header):
            raise Malformed("its first line is not a header")
        if first.format != FORMAT:
            raise Malformed(f"it has the format {first.format}, and this version reads {FORMAT}")
        reader = _Reader(Manifest(first))
        while not reader.is_over:
            reader.take(_next(lines))
        if lines.read(1):
            raise Malformed("there is more after its last line")
    return reader.manifest


def _next(lines: gzip.GzipFile) -> Line:
    text = lines.readline(MAX_LINE_SIZE + 1)
    if len(text) > MAX_LINE_SIZE:
        raise Malformed(f"it has a line of more than {MAX_LINE_SIZE} bytes")
    if not text.endswith(b"\n"):
        raise EOFError
    told: Any = json.loads(text)
    if not isinstance(told, dict) or len(told) != 1:
        raise Malformed("it has a line that is not an object with one key")
    [(name, fields)] = told.items()
    kind = LINES.get(name)
    if kind is None:
        raise Malformed(f"it has a line of the unknown kind {name!r:.40}")
    return kind.from_wire(fields)


class _Reader:
    """Takes the lines of a manifest in their order."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.is_over = False
        self._units = 0

    def take(self, line: Line) -> None:
        """Take the next line; raise Malformed if it does not fit those before."""
        manifest = self.manifest
        self._count(1)
        match line:
            case ChunkLine():
                manifest.chunks.append(line)
            case FramesLine():
                self._frames(line)
            case LostLine():
                manifest.lost += line.frames
            case StreamLine():
                if line.number != len(manifest.streams):
                    raise Malformed(f"stream {line.number} is not the next one")
                manifest.streams.append(RecordedStream(line))
            case PacketsLine():
                self._packets(line)
            case PicturesLine():
                self._count(len(line.pictures))
                manifest.pictures += line.pictures
            case PartLine():
                manifest.parts.append(Part(self._chunk().index, line.records, line.start, line.size, line.crc))
            case EndLine():
                self._end(line)
            case _:
                raise Malformed("it has two headers")

    def _count(self, units: int) -> None:
        self._units += units
        if self._units > MAX_UNITS:
            raise Malformed(f"it has more than {MAX_UNITS} frames, packets and lines")

    def _chunk(self) -> ChunkLine:
        if not self.manifest.chunks:
            raise Malformed("it has frames or a part before its first chunk")
        return self.manifest.chunks[-1]

    def _frames(self, line: FramesLine) -> None:
        manifest, count = self.manifest, len(line.source)
        self._count(count)
        self._chunk()
        manifest.source_time_base = line.time_base
        manifest.source_frames.extend(unstepped(line.source))
        manifest.source_times.extend([NO_TIME] * count if line.times is None else unstepped(line.times))
        manifest.frame_chunks.extend([len(manifest.chunks) - 1] * count)
        manifest.fallback += _flags(count, line.fallback)
        manifest.damaged += _flags(count, line.damaged)

    def _packets(self, line: PacketsLine) -> None:
        self._count(len(line.pts))
        if line.stream >= len(self.manifest.streams):
            raise Malformed(f"it has packets of stream {line.stream}, which it does not describe")
        stream = self.manifest.streams[line.stream]
        stream.pts.extend(unstepped(line.pts))
        stream.crc.extend(line.crc)
        stream.counts.extend(line.counts or [1] * len(line.pts))

    def _end(self, line: EndLine) -> None:
        manifest = self.manifest
        if [total.stream for total in line.streams] != list(range(len(manifest.streams))):
            raise Malformed("its last line lists other streams than the lines before")
        for stream, total in zip(manifest.streams, line.streams, strict=True):
            stream.total = total
            if len(stream.pts) != total.packets:
                raise Malformed(f"it lists {len(stream.pts)} of {total.packets} packets of stream {total.stream}")
        packets = len(manifest.streams[0].crc) if manifest.streams else len(manifest.source_frames)
        if packets != len(manifest.source_frames) or (manifest.streams and packets != len(manifest.streams[0].pts)):
            raise Malformed(f"it lists {len(manifest.source_frames)} frames, but {packets} packets")
        manifest.end = line
        self.is_over = True


def _flags(count: int, places: Iterable[int]) -> bytearray:
    flags = bytearray(count)
    for place in places:
        flags[place] = 1
    return flags
