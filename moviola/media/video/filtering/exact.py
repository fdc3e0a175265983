"""Frames kept exactly, sample for sample, in whatever pixel format: for the way between two workers.

Frames of one size and format in a row are one *run*. A lossless video codec keeps those formats that it gives back
under the same name; what no codec keeps so is deflated, plane by plane.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import av
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.plane import VideoPlane

from moviola.base.arrays import np
from moviola.base.mapped import Mapped, Ticks
from moviola.media.errors import BundleError
from moviola.media.video.cutting.lossless import CODECS, LosslessCodec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOUR = ("colorspace", "color_range", "color_trc", "color_primaries")
_TIME_BASE = Fraction(1, 25)  # of a run's packets, which are told apart by their order
_DEFLATE_LEVEL = 1
_MAX_ANSWERS = 64  # sizes and formats remembered; a chain has a few, and a worker meets many jobs


class RunFormat(NamedTuple):
    """The size, in pixels, and FFmpeg's pixel format of all frames of a run."""

    width: int
    height: int
    pixel_format: str


class FrameTags(NamedTuple):
    """What a frame has beside samples: colours as FFmpeg numbers them, times in `time_base`, which is in seconds."""

    colorspace: int
    color_range: int
    color_trc: int
    color_primaries: int
    pts: Ticks | None
    duration: Ticks | None
    time_base: Fraction | None


@dataclass(slots=True)
class Run(Mapped):
    """Frames of one format in a row: `parts` bytes strings, made by the lossless `codec`, "" where none keeps them."""

    format: RunFormat
    codec: str
    extradata: bytes
    frames: list[FrameTags] = field(default_factory=list)
    parts: int = 0


class FramePacker:
    """Takes frames one after another. `size` is how many bytes they take up so far."""

    def __init__(self) -> None:
        self.size = 0
        self._runs: list[Run] = []
        self._parts: list[bytes] = []
        self._run: _CodecRun | _DeflatedRun | None = None
        self._key: RunFormat | None = None

    def add(self, frame: av.VideoFrame) -> None:
        """Keep the samples, the colour tags and the times of a frame, which is not written into."""
        key = RunFormat(frame.width, frame.height, frame.format.name)
        if key != self._key or self._run is None:
            self._end_run()
            self._key = key
            codec = codec_of(*key)
            self._run = _CodecRun(codec, *key) if codec is not None else _DeflatedRun()
            name = "" if codec is None else codec.decoder
            self._runs.append(Run(key, name, self._run.extradata))
        space, span, transfer, primaries = (int(getattr(frame, name)) for name in _COLOUR)
        times = frame.pts, frame.duration, frame.time_base or None
        self._runs[-1].frames.append(FrameTags(space, span, transfer, primaries, *times))
        self._keep(self._run.add(frame))

    def finish(self) -> tuple[list[Run], list[bytes]]:
        """End the last run, and return what `unpacked` takes: the runs and their parts."""
        self._end_run()
        return self._runs, self._parts

    def _end_run(self) -> None:
        if self._run is not None:
            self._keep(self._run.end())
            self._run = None

    def _keep(self, parts: Sequence[bytes]) -> None:
        if parts:
            self._parts += parts
            self._runs[-1].parts += len(parts)
            self.size += sum(map(len, parts))


def unpacked(runs: Sequence[Run], parts: Sequence[memoryview]) -> Iterator[av.VideoFrame]:
    """Yield the frames in the order in which they were added, decoded as they are asked for.

    Raise BundleError when the parts do not give these frames.
    """
    start = 0
    for run in runs:
        stop = start + run.parts
        width, height, name = run.format
        count = 0
        for frame in _frames(run, parts[start:stop]):
            if count == len(run.frames) or (frame.width, frame.height, frame.format.name) != (width, height, name):
                raise BundleError(f"a run of {name} frames of {width}x{height} does not hold what it says: {frame}")
            yield _tagged(frame, run.frames[count])
            count += 1
        if count != len(run.frames):
            raise BundleError(f"a run of {len(run.frames)} {name} frames holds {count}")
        start = stop


@lru_cache(maxsize=_MAX_ANSWERS)
def codec_of(width: int, height: int, pixel_format: str) -> LosslessCodec | None:
    """Return the fastest codec that gives frames of this size and format back as they were; None where there is none.

    That is tried, not believed: half chroma samples, gray and some rare subsamplings come back as something else.
    """
    return next((codec for codec in CODECS if _keeps(codec, width, height, pixel_format)), None)


def _keeps(codec: LosslessCodec, width: int, height: int, pixel_format: str) -> bool:
    if all(one.name != pixel_format for one in av.Codec(codec.encoder, "w").video_formats or ()):
        return False
    frame = _noise(width, height, pixel_format)
    try:
        run = _CodecRun(codec, width, height, pixel_format)
        parts = [*run.add(frame), *run.end()]
        back = list(_decoded(codec, run.extradata, [memoryview(part) for part in parts], width, height, pixel_format))
    except av.FFmpegError:
        return False
    return len(back) == 1 and _is_same(frame, back[0])


def _noise(width: int, height: int, pixel_format: str) -> av.VideoFrame:
    """Return a frame of random samples, to try codecs with: every bit of every sample counts."""
    frame = av.VideoFrame(width, height, pixel_format)
    depth = max(component.bits for component in frame.format.components)
    random = np.random.default_rng(1)
    for lines in _lines(frame):
        if depth > 8:
            samples = random.integers(0, 1 << depth, lines.size // 2).astype("<u2")
            lines[...] = samples.view(np.uint8).reshape(lines.shape)
        else:
            lines[...] = random.integers(0, 256, lines.shape, np.uint8)
    return frame


def _is_same(one: av.VideoFrame, other: av.VideoFrame) -> bool:
    return (one.width, one.height, one.format.name) == (other.width, other.height, other.format.name) and all(
        np.array_equal(lines, others) for lines, others in zip(_lines(one), _lines(other), strict=True)
    )


class _CodecRun:
    """A run that a lossless codec keeps. No codec here reorders frames: packet n is frame n."""

    def __init__(self, codec: LosslessCodec, width: int, height: int, pixel_format: str) -> None:
        encoder = cast(VideoCodecContext, CodecContext.create(codec.encoder, "w"))
        encoder.width, encoder.height, encoder.pix_fmt = width, height, pixel_format
        encoder.time_base, encoder.framerate = _TIME_BASE, 1 / _TIME_BASE
        encoder.thread_count = 1
        encoder.flags |= Flags.global_header
        encoder.options = dict(codec.options)
        encoder.open()
        self.extradata = encoder.extradata or b""
        self._encoder = encoder
        self._count = 0

    def add(self, frame: av.VideoFrame) -> list[bytes]:
        before = frame.pts, frame.time_base, frame.pict_type
        frame.pts, frame.time_base, frame.pict_type = self._count, _TIME_BASE, PictureType.NONE
        self._count += 1
        packets = self._encoder.encode(frame)
        frame.pts, frame.pict_type = before[0], PictureType(before[2])
        if before[1] is not None:
            frame.time_base = before[1]
        return [bytes(packet) for packet in packets]

    def end(self) -> list[bytes]:
        return [bytes(packet) for packet in self._encoder.encode(None)]


class _DeflatedRun:
    """A run of frames whose planes are deflated, one part a frame."""

    extradata = b""

    def add(self, frame: av.VideoFrame) -> list[bytes]:
        lines = b"".join(plane.tobytes() for plane in _lines(frame))
        return [zlib.compress(lines, _DEFLATE_LEVEL)]

    def end(self) -> list[bytes]:
        return []


def _frames(run: Run, parts: Sequence[memoryview]) -> Iterator[av.VideoFrame]:
    width, height, name = run.format
    codec = next((one for one in CODECS if one.decoder == run.codec), None)
    if codec is not None:
        yield from _decoded(codec, run.extradata, parts, width, height, name)
    else:
        for part in parts:
            yield _inflated(part, width, height, name)


def _decoded(
    codec: LosslessCodec, extradata: bytes, parts: Sequence[memoryview], width: int, height: int, pixel_format: str
) -> Iterator[av.VideoFrame]:
    decoder = cast(VideoCodecContext, CodecContext.create(codec.decoder, "r"))
    decoder.extradata = bytes(extradata)
    decoder.width, decoder.height, decoder.pix_fmt = width, height, pixel_format
    decoder.thread_count = 1
    for number, part in enumerate(parts):
        packet: av.Packet[Any] = av.Packet(len(part))
        packet.update(part)  # type: ignore[arg-type]
        packet.pts = packet.dts = number
        packet.time_base = _TIME_BASE
        yield from decoder.decode(packet)
    yield from decoder.decode(None)


def _inflated(part: memoryview, width: int, height: int, name: str) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, name)
    data, start = zlib.decompress(part), 0
    for plane in _lines(frame):
        stop = start + plane.size
        if stop > len(data):
            raise BundleError(f"a {name} frame of {width}x{height} is cut short at {len(data)} bytes")
        plane[...] = np.frombuffer(data[start:stop], np.uint8).reshape(plane.shape)
        start = stop
    return frame


def _lines(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Return each plane as lines × bytes, without what aligns lines; views."""
    return [_line_view(plane, frame, number) for number, plane in enumerate(frame.planes)]


def _line_view(plane: VideoPlane, frame: av.VideoFrame, number: int) -> NDArray[np.uint8]:
    line = plane.line_size
    if abs(line) * plane.height > plane.buffer_size or not line:  # a palette
        return np.frombuffer(memoryview(plane), np.uint8).reshape(1, -1)
    used = _line_bytes(frame.format.name, frame.width, number)
    offset = 0 if line > 0 else (plane.height - 1) * -line  # lines may be stored bottom up
    return np.ndarray((plane.height, used), np.uint8, memoryview(plane), offset, (line, 1))


@lru_cache(maxsize=_MAX_ANSWERS)
def _line_bytes(name: str, width: int, number: int) -> int:
    """Return the bytes of a line of a plane, without what aligns lines."""
    shape = av.VideoFormat(name, width, 1)
    if len({component.plane for component in shape.components}) == 1:
        return -(-shape.padded_bits_per_pixel * width // 8)
    return sum(one.width * -(-one.bits // 8) for one in shape.components if one.plane == number)


def _tagged(frame: av.VideoFrame, tags: FrameTags) -> av.VideoFrame:
    for name in _COLOUR:
        setattr(frame, name, getattr(tags, name))
    frame.pts, frame.duration = tags.pts, tags.duration  # type: ignore[assignment]
    if tags.time_base is not None:
        frame.time_base = tags.time_base
    return frame
