"""The way round for video that cannot be cut: the client encodes it anew, without loss, into chunks that can.

Every chunk comes from an encoder of its own, so it begins with a keyframe and needs nothing before it. That costs
the client a decode and an encode of everything, so it is only done where cutting is impossible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import av
from av.codec.codec import Codec, find_best_pix_fmt_of_list
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from moviola.base.interlacing import FieldOrder
from moviola.media.bundle import pack
from moviola.media.material import Chunk, Facts
from moviola.media.video.bundle import DAMAGED, KEY, ChunkTable, PacketEntry, Range, RecoveryPoint, Span
from moviola.media.video.cutting.plan import CHUNK_FRAMES, MAX_CHUNK_SIZE, Limits
from moviola.media.video.fields import CODES, marked, order_of
from moviola.media.video.filtering.decode import open_decoder
from moviola.media.video.headers import DecoderParameters
from moviola.media.video.reading.opening import decoder_parameters, opened
from moviola.media.video.reading.passthrough import Carrier
from moviola.media.video.reading.random_access import Access
from moviola.media.video.reading.scanned import Scan, packets_as_scanned


@dataclass(frozen=True, slots=True)
class LosslessCodec:
    """`formats` are the beginnings of pixel formats that its decoder gives back under the same name."""

    encoder: str
    decoder: str
    options: tuple[tuple[str, str], ...]
    formats: tuple[str, ...]


# In this order: x264 is by far the fastest, ffv1 knows the formats that it lacks; gray comes back from x264 as YUV.
CODECS = (
    LosslessCodec("libx264", "h264", (("preset", "ultrafast"), ("qp", "0")), ("yuv",)),
    LosslessCodec("ffv1", "ffv1", (("level", "3"), ("slicecrc", "0")), ("",)),
)


def codecs_for(pixel_format: str) -> Iterator[tuple[LosslessCodec, str]]:
    """Yield lossless codecs for a pixel format, each with the format it is given; what loses least comes first, and of
    such the fastest.

    The format is another one only where no encoder takes the given one (palettes, packed and interleaved ones): one
    that loses nothing.
    """
    formats: dict[str, list[LosslessCodec]] = {}
    for codec in reversed(CODECS):
        for one in Codec(codec.encoder, "w").video_formats or ():
            if one.name.startswith(codec.formats):
                formats.setdefault(one.name, []).insert(0, codec)
    while formats:
        best, _ = find_best_pix_fmt_of_list(list(formats), pixel_format, True)
        if best is None:
            return
        yield from ((codec, best.name) for codec in formats.pop(best.name))


class LosslessSplitter:
    """Decodes a scanned file from its beginning and encodes it anew in chunks.

    `chunk_frames` and `context_frames` as for `split`: each chunk begins with the frames shown before it.
    """

    def __init__(self, found: Scan, chunk_frames: int | None, context_frames: int) -> None:
        limits = Limits.of(found.decoder.width, found.decoder.height)
        self.chunk_frames = min(chunk_frames or CHUNK_FRAMES, limits.frames)
        self._scan = found
        self._context: deque[_Timed] = deque(maxlen=context_frames)
        self._codec, self._format = self._chosen()
        self._piece: _Piece | None = None
        self._index = self._first = 0
        self._is_damaged = False
        self._shown_until = found.first_pts or 0  # by the frames of the pieces taken so far

    @cached_property
    def decoder(self) -> DecoderParameters:
        """Return what takes the place of the source's own parameters in `Source.process`."""
        encoder = decoder_parameters(self._open_encoder(self._codec, self._format))
        return replace(encoder, codec=self._codec.decoder, codec_tag="", reorder_depth=0)

    def facts(self, reason: str) -> Facts:
        """Return what takes the place of the facts about cutting; the count is a guess, as some frames may not
        decode."""
        frame_count = self._scan.track.frames_before[-1]
        return {
            "lossless_reencode": reason,
            "chunk_count": -(-frame_count // self.chunk_frames),
            "chunk_frames": self.chunk_frames,
            "preroll_frames": 0,
            "preroll_bytes": 0,
            "preroll_share": 0.0,
        }

    def chunks(self) -> Iterator[Chunk]:
        """As `Splitter.chunks`; a packet that cannot be decoded costs its frames, as it would on a worker."""
        found = self._scan
        with opened(found.path) as (container, stream):
            decoder = open_decoder(found.decoder)  # which gives what workers would see, transparency included
            carrier = Carrier(container, found.passthrough_numbers)
            yield from carrier.attachments()
            for packet in packets_as_scanned(found, container, [stream, *carrier.streams]):
                if packet.stream_index != stream.index:
                    yield from carrier.add(packet)
                elif packet.size:
                    yield from self._add(decoder, packet)
            yield from self._add(decoder, None)
        if self._piece is not None:
            yield self._take(found.end)
        yield from carrier.rest()

    def _add(self, decoder: VideoCodecContext, packet: av.Packet[Any] | None) -> Iterator[Chunk]:
        begin = self._scan.first_pts
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            self._is_damaged = True
            return
        for frame in frames:
            self._is_damaged = frame.is_corrupt or (self._is_damaged and not frame.key_frame)
            if begin is not None and frame.pts is not None and frame.pts < begin:
                continue  # an edit list cut it away
            if self._piece is not None and self._is_full(self._piece):
                yield self._take(frame.pts)
            if self._piece is None:
                self._piece = _Piece(self._open_encoder(self._codec, self._format), self._format, self._scan.fields)
                for earlier in self._context:
                    self._piece.add(earlier)
                self._piece.preroll = len(self._context)
            timed = _Timed(frame, frame.pts, frame.duration or 0, self._is_damaged)
            self._piece.add(timed)
            self._context.append(timed)

    def _is_full(self, piece: _Piece) -> bool:
        return piece.frame_count == self.chunk_frames or piece.size >= MAX_CHUNK_SIZE

    def _take(self, following: int | None) -> Chunk:
        """End the piece, and return it as a chunk; `following` is when the frame behind it is shown."""
        assert self._piece is not None
        frame_count = self._piece.frame_count
        span: Span | None = None
        if self._scan.track.times is not None:
            begin = self._shown_until
            self._shown_until = begin if following is None else max(begin, following)
            span = Span(begin, self._shown_until)
        chunk = Chunk(0, self._index, frame_count, self._piece.payload(self._first, span))
        self._piece = None
        self._index += 1
        self._first += frame_count
        return chunk

    def _chosen(self) -> tuple[LosslessCodec, str]:
        """Return the first codec that takes pictures like these, and the format that it is given. That is tried: x264
        takes only whole chroma samples, of each field, and FFV1 not every number of them."""
        wanted = self._scan.decoder.pix_fmt or "yuv420p"
        for codec, pixel_format in codecs_for(wanted):
            try:
                self._open_encoder(codec, pixel_format)
            except av.FFmpegError:
                continue
            return codec, pixel_format
        raise ValueError(f"no lossless encoder takes anything like {wanted}")

    def _open_encoder(self, codec: LosslessCodec, pixel_format: str) -> VideoCodecContext:
        found = self._scan
        encoder = cast(VideoCodecContext, CodecContext.create(codec.encoder, "w"))
        for name in ("width", "height", "color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(encoder, name, getattr(found.decoder, name))
        encoder.pix_fmt = pixel_format
        encoder.time_base = 1 / found.rate
        encoder.framerate = found.rate
        encoder.thread_count = 1
        encoder.flags |= Flags.global_header
        encoder.options = dict(codec.options)
        if found.fields:
            encoder.field_order = CODES[found.fields]
            encoder.flags |= Flags.interlaced_dct | Flags.interlaced_me
        encoder.open()
        return encoder


@dataclass(frozen=True, slots=True)
class _Timed:
    """A frame with its own time, which encoding on an index takes from it, and whether it may differ from the undamaged
    source's: its own packet or one before it, from the last keyframe on, was damaged."""

    frame: av.VideoFrame
    pts: int | None
    duration: int
    is_damaged: bool


class _Piece:
    """One chunk in the making. Its encoders show frames in the order of coding: packet n is frame n."""

    def __init__(self, encoder: VideoCodecContext, pixel_format: str, fields: FieldOrder) -> None:
        self.preroll = 0
        self.size = 0
        self._encoder = encoder
        self._format = pixel_format
        self._fields = fields
        self._times: list[tuple[int | None, int, bool]] = []
        self._packets: list[av.Packet[Any]] = []

    @property
    def frame_count(self) -> int:
        return len(self._times) - self.preroll

    def add(self, timed: _Timed) -> None:
        """Add a frame. One of another size or format than the first (the source changes midway) is brought to that."""
        frame = timed.frame.reformat(self._encoder.width, self._encoder.height, self._format)
        if self._fields:
            frame = marked(frame, order_of(timed.frame))
        frame.pts, frame.time_base = len(self._times), self._encoder.time_base
        frame.pict_type = PictureType.NONE
        self._times.append((timed.pts, timed.duration, timed.is_damaged))
        self._keep(self._encoder.encode(frame))

    def payload(self, first: int, span: Span | None) -> bytes:
        self._keep(self._encoder.encode(None))
        entries = [
            PacketEntry(packet.size, pts, pts, duration, packet.is_keyframe * KEY | is_damaged * DAMAGED, None)
            for packet, (pts, duration, is_damaged) in zip(self._packets, self._times, strict=True)
        ]
        table = ChunkTable(
            p=entries,
            own=[Range(self.preroll, len(entries))],
            preroll=self.preroll,
            skip=0,
            first=first,
            rank=None,
            span=span,
            recovery=[RecoveryPoint(at, Access.CLOSED) for at in range(len(entries))],  # damage is of single frames
        )
        return pack(table.to_wire(), [bytes(packet) for packet in self._packets])

    def _keep(self, packets: list[av.Packet[Any]]) -> None:
        self._packets += packets
        self.size += sum(packet.size for packet in packets)
