"""Does a file decode chunk by chunk to exactly what it decodes to as a whole?

    python -m moviola.media.video.check FILE... [--chunk-frames 7,64,auto]

The whole is PyAV's plain decode from the first packet to the last; each chunk is decoded in a fresh decoder.
Compared are number, order, timestamps, and the CRC-32 of all planes of each frame.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from moviola.media.bundle import read_table
from moviola.media.errors import UnreadableSource
from moviola.media.material import Chunk, Cutting, Material, Source, header
from moviola.media.video.bundle import ChunkTable
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.decode import ChunkDecoder, repaired
from moviola.media.video.filtering.rotation import plane_view
from moviola.media.video.headers import VideoProcess, VideoSplice
from moviola.media.video.reading.opening import opened
from moviola.media.video.reading.timeline import source_time

SIZES: tuple[int | None, ...] = (1, 7, 16, 64, None)
# Chunks of fewer frames than this whose prerolls would decode the file more than MAX_WORK times are sampled: every
# n-th is checked.
SAMPLED_BELOW = 7
MAX_WORK = 12
PRINTED_WIDTH = 130  # into a file or a pipe
AS_COLOURS = "rgba"
# So many differing frames are described; the rest are counted.
MAX_DIFFERENCES = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """One decoded frame: its time, the checksum of its pixels, whether the decoder patched it up."""

    pts: int | None
    crc: int
    damaged: bool
    packet: int | None


@dataclass(slots=True)
class Whole:
    """A file decoded from beginning to end."""

    frames: list[Seen] = field(default_factory=list)
    error_count: int = 0
    times_repaired: int = 0

    @property
    def damaged(self) -> bool:
        """Return whether decoding met an error, or the decoder repaired a frame."""
        return self.error_count > 0 or any(one.damaged for one in self.frames)


@dataclass(slots=True)
class Comparison:
    """How one chunk size compares; `differences` are sentences, the first MAX_DIFFERENCES of `differing`."""

    chunk_frames: int | None
    chunk_count: int
    step: int = 1
    frame_count: int = 0
    differing: int = 0
    damaged_only: bool = False
    lossless: bool = False
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Return whether no frame differs."""
        return self.differing == 0

    def differ(self, sentence: str) -> None:
        """Count a difference, and keep its sentence if few were kept before."""
        self.differing += 1
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences.append(sentence)


def checksum(frame: av.VideoFrame, pixel_format: str | None = None) -> int:
    """Return the CRC-32 over the visible bytes of all planes, its format and size; of the frame as `pixel_format`
    if given."""
    if pixel_format is not None:
        frame = frame.reformat(format=pixel_format)
    crc = zlib.crc32(f"{frame.format.name} {frame.width}x{frame.height}".encode())
    for index in range(len(frame.planes)):
        crc = zlib.crc32(np.ascontiguousarray(plane_view(frame, index)).data, crc)
    return crc


def decode_whole(path: Path, pixel_format: str | None = None) -> Whole:
    """Decode a file plainly, and keep only the `checksum` of each frame. Raise UnreadableSource."""
    whole = Whole()
    with opened(path) as (container, stream):
        stream.codec_context.thread_count = 1
        stream.codec_context.copy_opaque = True
        for frame in _plain_frames(container, stream, whole):
            packet = frame.opaque[0] if isinstance(frame.opaque, list) else None
            whole.frames.append(Seen(frame.pts, checksum(frame, pixel_format), frame.is_corrupt, packet))
    times, whole.times_repaired = repaired([one.pts for one in whole.frames])
    whole.frames = [Seen(pts, one.crc, one.damaged, one.packet) for pts, one in zip(times, whole.frames, strict=True)]
    return whole


def _plain_frames(
    container: av.container.InputContainer, stream: av.VideoStream, whole: Whole
) -> Iterator[av.VideoFrame]:
    """Yield the frames of a plain decode. Empty packets are passed over but for the last: PyAV's decoder would take
    them for the end of the stream."""
    packets = container.demux(stream)
    count = 0
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            at_end = packet.size == 0 and packet.pts is None and packet.dts is None
            packet.opaque = [count]
            count += not at_end
            frames = packet.decode() if packet.size or at_end else []
        except av.FFmpegError:
            whole.error_count += 1
            continue
        yield from frames


def compare(path: Path, whole: Whole, chunk_frames: int | None) -> Comparison:
    """Decode a file in chunks of a size and compare with the whole. Raise UnreadableSource."""
    source, chunks = split_file(path, chunk_frames=chunk_frames)
    facts = source.facts
    lossless = facts["lossless_reencode"] is not None
    work = facts["frame_count"] + facts["preroll_frames"]
    sampled = not lossless and chunk_frames is not None and chunk_frames < SAMPLED_BELOW
    step = -(-work // (MAX_WORK * facts["frame_count"])) if sampled else 1
    result = Comparison(chunk_frames, facts["chunk_count"], step, lossless=lossless)
    if lossless and source.process["pix_fmt"] != facts["pix_fmt"]:
        # a palette has become colours, which are the same as colours only
        _compare_all(source, chunks, decode_whole(path, AS_COLOURS), result, AS_COLOURS)
    elif step == 1:
        _compare_all(source, chunks, whole, result)
    else:
        _compare_some(source, chunks, whole, result)
    result.damaged_only = result.differing > 0 and whole.damaged and _counts_agree(result, whole)
    return result


def _counts_agree(result: Comparison, whole: Whole) -> bool:
    return result.step > 1 or result.frame_count == len(whole.frames)


def _compare_all(
    source: Source, chunks: Iterator[Chunk], whole: Whole, result: Comparison, pixel_format: str | None = None
) -> None:
    for index, (expected, found) in enumerate(zip_longest(whole.frames, _seen(source, chunks, pixel_format))):
        result.frame_count += found is not None
        _compare_frame(f"frame {index}", expected, found, result)


def _compare_some(source: Source, chunks: Iterator[Chunk], whole: Whole, result: Comparison) -> None:
    """Compare every `step`-th chunk with those frames of the whole that came from its packets."""
    start = 0
    for chunk in chunks:
        if chunk.stream != 0:
            continue
        table = read_table(ChunkTable, chunk.payload)
        stop = start + len(table.p) - table.preroll
        if chunk.index % result.step == 0:
            own = [one for one in whole.frames if one.packet is not None and start <= one.packet < stop]
            shown = {index + start - table.preroll for index in table.own_packets()}
            expected = [one for one in own if one.packet in shown]
            for at, (one, two) in enumerate(zip_longest(expected, _seen(source, iter([chunk])))):
                result.frame_count += two is not None
                _compare_frame(f"chunk {chunk.index} frame {at}", one, two, result)
        start = stop


def _seen(source: Source, chunks: Iterator[Chunk], pixel_format: str | None = None) -> Iterator[Seen]:
    process, timeline = header(VideoProcess, source.process), header(VideoSplice, source.splice).timeline
    for chunk in chunks:
        if chunk.stream != 0:
            continue
        decoder = ChunkDecoder(chunk.payload, process)
        seen = [(checksum(one.frame, pixel_format), one.index) for one in decoder if one.own]
        damaged = {*decoder.report.damaged}
        for (crc, index), pts in zip(seen, decoder.report.times, strict=True):
            yield Seen(None if pts is None else source_time(timeline, pts), crc, index in damaged, None)


def _compare_frame(where: str, expected: Seen | None, found: Seen | None, result: Comparison) -> None:
    if expected is None or found is None:
        result.differ(f"{where} is {'missing' if found is None else 'one too many'}")
    elif expected.crc != found.crc:
        result.differ(f"{where} has other pixels{' (damaged)' if expected.damaged or found.damaged else ''}")
    elif expected.pts != found.pts:
        result.differ(f"{where} has time {found.pts}, the whole {expected.pts}")


def check(path: Path, sizes: Sequence[int | None] = SIZES) -> list[Comparison]:
    """Compare a file at each of the sizes, None being the automatic one. Raise UnreadableSource."""
    whole = decode_whole(path)
    return [compare(path, whole, size) for size in sizes]


def verify(material: Material, cutting: Cutting) -> None:
    """Decode a whole video, once in one go and once chunk by chunk; raise UnreadableSource where they differ."""
    (result,) = check(material.path, [cutting.chunk_frames])
    if not result.equal and not result.damaged_only:
        reason = f"{result.differing} of its frames come out differently when it is cut ({result.differences[0]})"
        raise UnreadableSource(material.path, reason, "try another --chunk-frames, or convert it first")


def _cell(result: Comparison) -> str:
    extent = f" 1/{result.step}" if result.step > 1 else ""
    lossless = " lossless" if result.lossless else ""
    if result.equal:
        return f"[green]equal[/]{extent}{lossless}"
    colour = "yellow" if result.damaged_only else "red"
    return f"[{colour}]{result.differing} differ[/]{extent}{lossless}"


def _sizes(text: str) -> list[int | None]:
    sizes = [None if one.strip() == "auto" else int(one) for one in text.split(",")]
    if any(size is not None and size < 1 for size in sizes):
        raise argparse.ArgumentTypeError("sizes are 1 or more, or auto")
    return sizes


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if all agree, 1 if one differs, 2 if one cannot be read. Only damaged frames that differ are no
    failure."""
    parser = argparse.ArgumentParser(prog="python -m moviola.media.video.check", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--chunk-frames", type=_sizes, default=list(SIZES), metavar="N,N,auto")
    options = parser.parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    table = Table("file", "codec", "frames", *("auto" if size is None else str(size) for size in options.chunk_frames))
    notes: list[str] = []
    status = 0
    for path in options.files:
        try:
            whole = decode_whole(path)
            source, _ = split_file(path)
            results = [compare(path, whole, size) for size in options.chunk_frames]
        except UnreadableSource as error:
            notes.append(str(error))
            status = 2
            continue
        table.add_row(path.name, source.facts["codec"], str(len(whole.frames)), *map(_cell, results))
        notes += _notes(path, whole, results)
        if status == 0 and any(not one.equal and not one.damaged_only for one in results):
            status = 1
    console.print(table)
    for note in notes:
        console.print(escape(note), highlight=False)
    return status


def _notes(path: Path, whole: Whole, results: Sequence[Comparison]) -> Iterator[str]:
    if whole.times_repaired:
        yield f"{path.name}: {whole.times_repaired} timestamps do not rise and were sorted"
    if whole.error_count:
        yield f"{path.name}: {whole.error_count} packets cannot be decoded, in the whole either"
    for result in results:
        for sentence in result.differences:
            yield f"{path.name} at {result.chunk_frames or 'auto'}: {sentence}"


if __name__ == "__main__":
    sys.exit(main())
