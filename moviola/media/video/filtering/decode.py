"""Decoding one chunk in a fresh decoder to exactly the frames that the whole file would give there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, cast

import av
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext

from moviola.base.mapped import Mapped, Ticks
from moviola.media.bundle import read
from moviola.media.report import DecodeError
from moviola.media.video.bundle import DAMAGED, DISCARD, KEY, SECOND_FIELD, ChunkTable, PacketEntry
from moviola.media.video.filtering.damage import PICTURE_IN_EACH, affected, is_expected
from moviola.media.video.headers import DecoderParameters, VideoProcess
from moviola.media.video.memory import MAX_PIXELS
from moviola.media.video.side_data import attach

# Of packets before those whose frames are wanted, pictures that nothing refers to are left out. That B-pictures are
# never referred to (BIDIR) was true before H.264.
SKIPPED_IN_PREROLL: Literal["NONREF"] = "NONREF"
# libdav1d counts more pictures as unreferenced than are.
SKIPS_BADLY = frozenset({"libdav1d"})
# Errors are counted without end and described up to here: a wholly damaged chunk should not fill its result.
MAX_ERRORS_DESCRIBED = 20
# A source that changes more often what its pictures are is damaged, or made to harm.
MAX_TOLD_APART = 16
# Decoders that conceal an error without a word, unless they are to raise for it; the frames are the same.
SILENT = frozenset({"hevc"})
TELLS_ERRORS = {"err_detect": "crccheck+explode"}
_COLOUR = ("color_range", "color_primaries", "color_trc", "colorspace")
_NUMBERS = ("width", "height", "bits_per_coded_sample", "reorder_depth", "field_order")


@dataclass(slots=True)
class DecodedFrame:
    """`index` is the frame's place in the whole source, in the order of display, as its packets tell it.

    `own` is false for context, which is for filters and is not emitted. `pts` is in the source's time base, as
    the decoder says it (see DecodeReport.times).
    """

    frame: av.VideoFrame
    index: int
    own: bool
    pts: int | None


@dataclass(slots=True)
class DecodeReport(Mapped):
    """Complete once all frames of a chunk have been taken.

    `damaged` are the own frames, by their index in the source, that may differ from those of the undamaged source, and
    `damaged_packets` is of how many packets that comes, those of the preroll among them.
    `errors` are the first ones; `silent_packets` are own packets,
    counted from the chunk's first own one, that gave no frame; `times` are the pts of the emitted frames in order.
    Where the decoder's did not rise they lied, and were sorted: `times_repaired` of them changed. `other_sizes` counts
    the frames of each size, as `1280x720`, that the source has not at its beginning; `formats` and `colours` those of
    each pixel format and each set of colour tags, in words; `unmarked_fields` those that are interlaced where its first
    one is not.
    """

    frame_count: int = 0
    damaged: list[int] = field(default_factory=list)
    damaged_packets: int = 0
    error_count: int = 0
    errors: list[DecodeError] = field(default_factory=list)
    silent_packets: list[int] = field(default_factory=list)
    times: list[Ticks | None] = field(default_factory=list)
    times_repaired: int = 0
    preroll_packets: int = 0
    preroll_frames: int = 0
    preroll_bytes: int = 0
    other_sizes: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    colours: dict[str, int] = field(default_factory=dict)
    unmarked_fields: int = 0


def count_one(counts: dict[str, int], name: str) -> None:
    """Count a frame under a name; the first MAX_TOLD_APART names are told apart."""
    if name in counts or len(counts) < MAX_TOLD_APART:
        counts[name] = counts.get(name, 0) + 1


def open_decoder(
    process: DecoderParameters, max_pixels: int = MAX_PIXELS, *, is_strict: bool = False
) -> VideoCodecContext:
    """Return a fresh decoder for bare packets of a source, from `Source.process`. A picture of more than `max_pixels`
    pixels is refused before memory is taken for it, whatever the description says. With `is_strict` it raises for
    damage that it would pass over in silence."""
    decoder = cast(VideoCodecContext, CodecContext.create(process.codec, "r"))
    set_parameters(decoder, process)
    decoder.options = {"max_pixels": str(max_pixels)} | (TELLS_ERRORS if is_strict else {})
    decoder.thread_count = 1
    decoder.copy_opaque = True
    return decoder


def set_parameters(decoder: VideoCodecContext, process: DecoderParameters) -> None:
    """Tell a decoder what the container knows and bare packets do not; without it some codecs decode wrongly or not
    at all."""
    if process.extradata:
        decoder.extradata = process.extradata
    if process.codec_tag:
        decoder.codec_tag = process.codec_tag
    if process.pix_fmt:
        decoder.pix_fmt = process.pix_fmt
    for name in _NUMBERS + _COLOUR:
        setattr(decoder, name, getattr(process, name))


class ChunkDecoder:
    """Iterate once: first up to `context_frames` frames that are shown before the chunk, then its own, in order.

    `on_preroll` is called after each preroll packet with how many are done, as a sign of life. Damaged packets cost
    their frames and nothing else. Raise BundleError when the payload is no chunk of the filtered stream, MemoryError
    when there is no more.
    """

    def __init__(
        self,
        payload: bytes | bytearray | memoryview,
        process: VideoProcess,
        context_frames: int = 0,
        on_preroll: Callable[[int], None] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.table, self._views = read(ChunkTable, payload)
        table, own = self.table, self.table.own_packets()
        self._entries = table.p
        self._preroll, self._skip, self._first = table.preroll, table.skip, table.first
        self._ranked = table.rank is not None
        self._rank = dict(zip(own, range(len(own)) if table.rank is None else table.rank, strict=True))
        self._context_frames = context_frames
        self._on_preroll = on_preroll
        self._time_base = process.time_base
        self._skips = process.codec not in SKIPS_BADLY
        self._process, self._max_pixels = process, max_pixels
        self._is_strict = process.codec in SILENT
        self._decoder = open_decoder(process, max_pixels, is_strict=self._is_strict)
        self._silent = set(own)
        self._given: list[tuple[int, int]] = []  # packet and index of each own frame
        self._damaged = {at for at, entry in enumerate(self._entries) if entry.flags & DAMAGED}
        self._has_fields = False
        self.report = DecodeReport(
            preroll_packets=self._preroll,
            preroll_bytes=sum(entry.size for entry in self._entries[: self._preroll]),
        )

    def __iter__(self) -> Iterator[DecodedFrame]:
        context: deque[av.VideoFrame] = deque(maxlen=self._context_frames)
        for frame in self._frames():
            packet = source_packet(frame)
            self._has_fields = self._has_fields or frame.interlaced_frame
            if frame.is_corrupt and packet is not None:
                self._damaged.add(packet)
            if packet in self._rank:
                yield from self._hand_out_context(context)
                yield self._own(frame, packet)
            elif packet is not None and packet < self._preroll:
                self.report.preroll_frames += 1
                if not self._entries[packet].flags & DISCARD:
                    context.append(frame)
        self._finish()

    def _frames(self) -> Iterator[av.VideoFrame]:
        for index, packet in enumerate(self._packets()):
            if packet is None:
                continue
            if self._skips:
                self._decoder.skip_frame = SKIPPED_IN_PREROLL if index < self._skip else "DEFAULT"
            yield from self._decode(index, packet)
            if index < self._preroll and self._on_preroll is not None:
                self._on_preroll(index + 1)
        end: av.Packet[Any] = av.Packet()
        end.time_base = self._time_base
        yield from self._decode(len(self._entries), end)

    def _packets(self) -> Iterator[av.Packet[Any] | None]:
        """Yield the chunk's packets; None for an empty one, which to a decoder would mean the end of the stream."""
        for index, (entry, data) in enumerate(zip(self._entries, self._views, strict=True)):
            yield rebuild_packet(entry, data, self._time_base, index) if len(data) else None

    def _decode(self, index: int, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        try:
            return self._decoder.decode(packet)
        except MemoryError:
            raise  # the packet is not to blame
        except av.FFmpegError as error:
            if self._is_strict and index == 0:
                return self._less_strict(packet)
            if is_expected(self.table, index):
                return []
            self._damaged.add(min(index, len(self._entries) - 1))
            self.report.error_count += 1
            if len(self.report.errors) < MAX_ERRORS_DESCRIBED:
                self.report.errors.append(DecodeError(index - self._preroll, self._words(error)))
            return []

    def _less_strict(self, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        """Decode the first packet anew: some encoders write parameters that only a strict decoder refuses, and then
        refuses all."""
        self._is_strict = False
        self._damaged.add(0)
        self._decoder = open_decoder(self._process, self._max_pixels)
        return self._decode(0, packet)

    def _words(self, error: av.FFmpegError) -> str:
        words = error.strerror or str(error)
        if not isinstance(error, av.error.ArgumentError):
            return words
        return f"{words}: damaged, or a picture of more than the {self._max_pixels} pixels that there is memory for"

    def _hand_out_context(self, context: deque[av.VideoFrame]) -> Iterator[DecodedFrame]:
        count = len(context)
        for place, frame in enumerate(context):
            yield DecodedFrame(frame, self._first - count + place, False, frame.pts)
        context.clear()

    def _own(self, frame: av.VideoFrame, packet: int) -> DecodedFrame:
        report = self.report
        rank = self._rank[packet] if self._ranked else report.frame_count
        report.frame_count += 1
        report.times.append(frame.pts)
        self._silent.discard(packet)
        self._given.append((packet, self._first + rank))
        return DecodedFrame(frame, self._first + rank, True, frame.pts)

    def _finish(self) -> None:
        self.report.silent_packets = sorted(packet - self._preroll for packet in self._silent)
        if self._process.codec in PICTURE_IN_EACH and not self._has_fields:
            begins = self.table.recovery[0].packet if self.table.recovery else 0  # before, nothing can be decoded
            self._damaged |= {packet for packet in self._silent if packet >= begins}
        begun = (at - 1 if self._entries[at].flags & SECOND_FIELD else at for at in self._damaged)
        self._damaged = {max(0, at) for at in begun}  # a frame comes of its first field
        met = {packet for packet in self._damaged if not is_expected(self.table, packet)}
        self.report.damaged_packets = len(met)
        spoiled = affected(self.table, met) if met else set()
        self.report.damaged = sorted(index for packet, index in self._given if packet in spoiled)
        self.report.times, self.report.times_repaired = repaired(self.report.times)


def source_packet(frame: av.VideoFrame) -> int | None:
    """Return which packet of the chunk a frame came from: what was hung on the packet comes back on its frame."""
    return frame.opaque[0] if isinstance(frame.opaque, list) else None


def rebuild_packet(entry: PacketEntry, data: memoryview, time_base: Fraction, index: int) -> av.Packet[Any]:
    """Return a packet as the demuxer gave it. FFmpeg reads beyond the end of the data: only `Packet(size)` leaves
    room."""
    size, pts, dts, duration, flags, side_data = entry
    packet: av.Packet[Any] = av.Packet(size)
    packet.update(data)  # type: ignore[arg-type]
    packet.pts, packet.dts, packet.duration = pts, dts, duration
    packet.time_base = time_base
    packet.is_keyframe = bool(flags & KEY)
    attach(packet, side_data or ())
    packet.opaque = [index]  # a fresh object: PyAV finds it by its address, and forgets it with the first frame freed
    return packet


def repaired(times: list[int | None]) -> tuple[list[int | None], int]:
    """Return times in the order in which frames are shown, and how many had to change; missing ones stay missing.

    Frames come from a decoder in the order of display, so times that do not rise are not theirs.
    """
    known = [time for time in times if time is not None]
    if all(one <= two for one, two in pairwise(known)):
        return times, 0
    rising = iter(sorted(known))
    mended = [None if time is None else next(rising) for time in times]
    return mended, sum(one != two for one, two in zip(times, mended, strict=True))
