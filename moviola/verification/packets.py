"""Read a file's packets in the form in which a manifest records them, whatever container they are in now, and check
whether they decode."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import av
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from moviola.base.file_names import for_ffmpeg
from moviola.media.manifest.blocks import Blocks
from moviola.media.video.templates import FILE_ONLY
from moviola.media.video.writing.file_streams import proved_streams, stream_line, time_of

_START_CODE: Final = re.compile(b"\\0{2,3}\\x01")

# Units that a muxer puts before the coded picture, by codec: ITU-T H.264 table 7-1, H.265 table 7-1.
_H264_HEADERS: Final = frozenset((7, 8, 9))
_HEVC_HEADERS: Final = frozenset((32, 33, 34, 35))


@dataclass(slots=True)
class FoundStream:
    """A stream of the file: what it is, its packets' times in the order of the file, and CRCs as a manifest has them.

    Attributes:
        type, codec, time_base, extradata: as StreamLine has them.
        size (bytes): of all packets.
        total_crc: CRC-32 of the bytes of all packets, one behind the other.
        has_times: the file tells when each of its packets is shown.
        undecodable: the places of packets that the decoder refused, or had to patch up.
        decoded_count: the frames that the decoder gave.
    """

    type: str
    codec: str
    time_base: Fraction
    extradata: int
    pts: array[int] = field(default_factory=lambda: array("q"))
    crc: array[int] = field(default_factory=lambda: array("L"))
    counts: array[int] = field(default_factory=lambda: array("L"))
    size: int = 0
    total_crc: int = 0
    has_times: bool = True
    undecodable: list[int] = field(default_factory=list)
    decoded_count: int = 0


@dataclass(slots=True)
class FoundFile:
    """All streams of a file, the filtered one first; `broken` is what ended the reading before the file's end."""

    format: str
    streams: list[FoundStream]
    broken: str = ""
    is_decoded: bool = False


def read_file(path: Path, on_packet: Callable[[int], object], *, decode: bool) -> FoundFile:
    """Read all packets of a file.

    Args:
        on_packet: called after each packet of the video, with how many there were.
        decode: whether the video is decoded.

    Raises:
        av.FFmpegError: it cannot be opened.
        ValueError: it has no video.
    """
    with av.open(for_ffmpeg(path), options=dict(FILE_ONLY)) as container:
        streams = proved_streams(container)
        lines = [stream_line(number, stream) for number, stream in enumerate(streams)]
        found = [FoundStream(one.type, one.codec, one.time_base, one.extradata) for one in lines]
        file = FoundFile(container.format.name, found, is_decoded=decode)
        readers = {
            stream.index: _Reader(one, stream, by_blocks=number > 0)
            for number, (one, stream) in enumerate(zip(found, streams, strict=True))
        }
        video = streams[0]
        assert isinstance(video, VideoStream)
        decoder = _Decoder(found[0], video) if decode else None
        if decoder is not None:
            video.thread_type = "AUTO"
        try:
            for packet in container.demux(streams):
                if packet.size:
                    readers[packet.stream_index].add(packet)
                if packet.stream_index == video.index:
                    if decoder is not None:
                        decoder.add(packet)
                    on_packet(len(found[0].pts))
        except av.FFmpegError as error:
            file.broken = error.strerror or str(error)
        return file


class _Reader:
    """Add each packet of a stream to what is found of it."""

    def __init__(self, found: FoundStream, stream: Stream, *, by_blocks: bool) -> None:
        self._found, self._as_made = found, _normaliser(stream)
        self._blocks = Blocks(found.crc, found.counts, by_blocks=by_blocks)

    def add(self, packet: Packet[Any]) -> None:
        """Take the next packet."""
        found, data = self._found, self._as_made(memoryview(packet))
        found.pts.append(time_of(packet))
        found.has_times = found.has_times and packet.pts is not None
        found.size += len(data)
        found.total_crc = crc32(data, found.total_crc)
        self._blocks.add(data)


class _Decoder:
    """Decode the video, count its frames, and note the packets that cannot be decoded."""

    def __init__(self, found: FoundStream, stream: VideoStream) -> None:
        self._found, self._context = found, stream.codec_context
        self._is_over = False

    def add(self, packet: Packet[Any]) -> None:
        found = self._found
        if self._is_over:
            return
        self._is_over = not packet.size  # an empty one, at the end, has it give the last frames
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            found.undecodable.append(max(0, len(found.pts) - 1))
            return
        found.decoded_count += len(frames)
        if any(getattr(frame, "is_corrupt", False) for frame in frames):
            found.undecodable.append(max(0, len(found.pts) - 1))


_Data = memoryview | bytes


def _normaliser(stream: Stream) -> Callable[[memoryview], _Data]:
    """Return a function that brings a packet's data into the form that it has in MP4, MOV and Matroska, from whatever
    form its container has."""
    context: Any = getattr(stream, "codec_context", None)
    codec = "" if context is None else context.codec.canonical_name
    extradata = b"" if context is None else context.extradata or b""
    if codec in ("h264", "hevc") and extradata[:1] != b"\1":  # ISO/IEC 14496-15: its configuration begins with 1
        headers = _H264_HEADERS if codec == "h264" else _HEVC_HEADERS
        return lambda data: b"".join(_length_prefixed(bytes(data), codec, headers))
    if codec == "aac" and not extradata:
        return _without_adts
    return lambda data: data


def _length_prefixed(data: bytes, codec: str, headers: frozenset[int]) -> Iterator[bytes]:
    """Yield the NAL units of an access unit with start codes (annex B), each behind its length in four bytes. Units of
    the types in `headers` are left out."""
    marks = list(_START_CODE.finditer(data))
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(data)
        unit = data[mark.end() : end]
        kind = (unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63) if unit else -1
        if unit and kind not in headers:
            yield len(unit).to_bytes(4, "big")
            yield unit


def _without_adts(data: memoryview) -> _Data:
    """Return an AAC frame without its ADTS header, if it has one: 7 bytes, or 9 with a checksum, of which the first
    twelve bits are set (ISO/IEC 13818-7, 6.2)."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF0 != 0xF0:
        return data
    return data[7 if data[1] & 1 else 9 :]
