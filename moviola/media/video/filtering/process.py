"""A worker's hot loop: decode, turn upright, filter, encode one chunk, one frame at a time, on one thread.

Frames stay in the decoder's and the filters' own memory; what is kept of a chunk is its encoded packets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, lru_cache
from time import perf_counter
from typing import Any

import xxhash
from av import VideoFrame
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from msgpack import packb

from moviola.base.build_path import BuildPath, to_text
from moviola.base.vocabulary import Mode, OnError
from moviola.filters.base import UnsuitableSize
from moviola.filters.picture import Notes, Picture
from moviola.filters.registry import make_chain
from moviola.filters.runner import ChainRunner, FilterError
from moviola.filters.toolbox.boxes import moved
from moviola.media.bundle import pack, read_table
from moviola.media.errors import ProcessingFailed, ResultTooLarge, ResultTooLong, last_line
from moviola.media.material import MODES, NO_VIDEO, Header, Output, Result, header
from moviola.media.report import MAX_ERROR_LENGTH, Fallback, FrameNotes, Lost
from moviola.media.video import memory
from moviola.media.video.bundle import KEY, ChunkTable, EncodedEntry, ResultTable
from moviola.media.video.codecs import FieldMarks, codec_of
from moviola.media.video.fields import marked
from moviola.media.video.filtering.encode import encodable, open_encoder
from moviola.media.video.filtering.fit import Fitter
from moviola.media.video.filtering.frame_source import (
    FrameItem,
    IntermediateSource,
    Payload,
    builds_after,
    frame_source_of,
)
from moviola.media.video.filtering.source_format import colour_after, source_format
from moviola.media.video.filtering.stages import hand_on
from moviola.media.video.grid import Pace, grid_of
from moviola.media.video.headers import VideoProcess
from moviola.media.video.report import ChunkReport

# What one result may hold, below the 256 MiB that the wire carries: a picture that is shown for hours, or a codec that
# loses nothing, could fill a worker's memory.
MAX_RESULT_SIZE = 240 * 1024 * 1024

MAX_RESULT_FRAMES = 500_000
"""At a frame rate of its own: a picture that is shown again and again takes some bytes, but a kilobyte of memory each
time, and a line in the result's table. That many are five hours at 25 a second, in one chunk."""

MAX_SIZES = 16
"""Sizes of a source of which it is remembered what the chain makes of them: few sources have more than two."""

BYPASSED = "filters bypassed"
DROPPED = "its chunk failed"
NOT_DECODED = "not decoded"


def process(
    payload: Payload,
    source_process: Header,
    output: Output,
    *,
    mode: str = Mode.FILTER,
    on_frame: Callable[[int], None] | None = None,
    stage: range | None = None,
) -> Result:
    """Filter and encode the chunk `payload` of a source described by `Source.process`.

    With `stage`, only these steps of the output's chain: `payload` is then what the stage before returned, and, where
    more steps follow, an intermediate is returned for the next (moviola/media/video/filtering/stages.py).

    A filter that raises on a frame is tried once more; then `output.on_error` decides for that frame alone: the
    source's frame passes unfiltered (`original`), a black one takes its place (`black`), it is left out (`drop`), or
    all ends with ProcessingFailed (`fail`). With the mode `bypass` no filter runs, the same becomes of every frame and
    each counts as fallback; with `drop` nothing runs and all are lost.
    `on_frame(n)` is called after each frame with how many are done, and with 0 while the preroll is decoded.

    Raise ValueError for an unknown mode, BadHeader when `source_process` is none of a video, BundleError when the
    payload is no chunk, filters.schema.ParameterError for a chain that cannot be made, TooMuchMemory and MemoryError
    for pictures that are too large, av.FFmpegError when decoder or encoder cannot be opened, TooLargeToHandOn,
    ResultTooLarge and ResultTooLong when it cannot be sent.
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, not one of {', '.join(MODES)}")
    mode = output.mode(mode)
    told = on_frame or _nobody
    whole = range(len(output.chain))
    stage = whole if stage is None else stage
    is_last = stage.stop == whole.stop
    source = header(VideoProcess, source_process)
    if mode == Mode.DROP and is_last:
        return _dropped(payload, source, stage)
    max_pixels = _max_pixels(source, output, stage)
    if not is_last:
        return _handed_on(payload, source, output, stage, mode != Mode.FILTER, told, max_pixels)
    work = _Work(payload, source, output, stage, mode == Mode.BYPASS, told, max_pixels)
    try:
        return work.run()
    finally:
        work.let_go()


def _max_pixels(source: VideoProcess, output: Output, stage: range) -> int:
    """Return how many pixels a picture of the source may have. Raise TooMuchMemory where too many are announced."""
    filters = make_chain(output.chain[stage.start : stage.stop])
    size = source.display_width, source.display_height
    largest = size[0] * size[1]
    for each in filters if not stage.start else ():  # what comes to a later stage has another size
        size = each.output_size(*size)
        largest = max(largest, size[0] * size[1])
    return memory.check(source, output, sum(each.context_frames for each in filters), largest)


def _handed_on(
    payload: Payload,
    source: VideoProcess,
    output: Output,
    stage: range,
    bypass: bool,
    on_frame: Callable[[int], None],
    max_pixels: int,
) -> Result:
    """Return the result of a stage that is not the last: an intermediate."""
    reach = source.context_frames
    frame_source = frame_source_of(payload, source, stage, reach, lambda _packets: on_frame(0), max_pixels)
    try:
        intermediate, count = hand_on(frame_source, stage, output, reach, bypass, on_frame)
    finally:
        frame_source.let_go()
    return Result(intermediate, to_text(builds_after(frame_source.builds, stage)), count, 0, 0, 0, 0)


def _dropped(payload: Payload, source: VideoProcess, stage: range) -> Result:
    """Return the result of a chunk that is left out: no packet, and every frame accounted for."""
    chunk: Payload = payload
    before: BuildPath = ()
    if stage.start:
        handed = IntermediateSource(payload, source)
        chunk, before = handed.chunk, handed.builds
    table = read_table(ChunkTable, chunk)
    count, first = table.own_count, table.first
    lost = [Lost(frame, DROPPED) for frame in range(first, first + count)]
    report = ChunkReport(first, count, frames_in=count, lost=lost, fingerprint=to_text(builds_after(before, stage)))
    return Result(
        payload=pack(ResultTable([], b"", report).to_wire(), []),
        fingerprint=report.fingerprint,
        frames_in=count,
        frames_out=0,
        fallback_frames=0,
        lost_frames=count,
        damaged_frames=0,
    )


class _Work:
    """One chunk's way through decoder, filters and encoder."""

    def __init__(
        self,
        payload: Payload,
        process: VideoProcess,
        output: Output,
        stage: range,
        bypass: bool,
        on_frame: Callable[[int], None],
        max_pixels: int,
    ) -> None:
        self._output = output
        self._bypass = bypass
        self._on_frame = on_frame
        self._is_black = output.on_error == OnError.BLACK  # what takes the place of a frame that is not filtered
        self._runner = ChainRunner(make_chain(output.chain[stage.start :]), hides_failed=self._is_black)
        self._frame_source = frame_source_of(
            payload, process, stage, self._runner.context_frames, self._preroll_done, max_pixels
        )
        table = self._frame_source.table
        grid = grid_of(output, process)
        self._pace = Pace(grid, table, process) if grid is not None else None
        self._held: tuple[FrameItem, float] | None = None  # until it is known how long it is shown
        self._unseen = deque[FrameItem](maxlen=self._runner.context_frames)  # may be context of a frame to come
        source = source_format(process)
        rate = source.rate if grid is None else grid.rate
        self._size_of = lru_cache(MAX_SIZES)(self._runner.output_size)
        self._size = self._size_of(*self._frame_source.size)
        self._source_format = source
        aspect = self._runner.output_pixel_aspect(self._frame_source.pixel_aspect)
        fields = self._runner.output_fields(self._frame_source.fields)
        width, height = self._size
        wanted = replace(
            source,
            width=width,
            height=height,
            rate=rate,
            pixel_aspect=aspect,
            colour=colour_after(source, self._size),
            fields=fields,
        )
        self._format, warnings = wanted, list[str]()
        self._encoder: VideoCodecContext | None = None
        if output.encoder.codec != NO_VIDEO:
            self._format, warnings = encodable(wanted, output.encoder)
            self._encoder = open_encoder(output.encoder, self._format)
        self._fitter = Fitter(self._format, self._size)
        self._index_base = 1 / self._format.rate
        self._packets: list[Packet[Any]] = []
        self._encoded_count = self._encoded_size = 0
        self._decoded: list[int] = []  # frame indices, in the order in which the decoder gave them
        self._started = 0.0
        # Of each frame that came out: its tick, or without a grid its place in `_decoded`.
        self._emitted: list[int] = []
        self._report = ChunkReport(
            first=table.first,
            sent=table.own_count,
            format=self._format,
            warnings=warnings,
            seconds=self._frame_source.seconds,
            fingerprint=to_text(builds_after(self._frame_source.builds, stage)),
        )

    def run(self) -> Result:
        if self._pace is not None and self._pace.count > MAX_RESULT_FRAMES:
            raise ResultTooLong(self._pace.count, MAX_RESULT_FRAMES)
        items = iter(self._frame_source)
        while True:
            begun = self._started = perf_counter()
            item = next(items, None)
            self._report.seconds.decode += perf_counter() - begun
            if item is None:
                break
            if item.own:
                self._decoded.append(item.index)
                self._own_frame(item)
            elif self._pace is None:
                self._show_filters(item)
            else:
                self._unseen.append(item)
            self._on_frame(len(self._decoded))
        if self._pace is not None:
            self._show_held(self._pace.rest())
        self._flush()
        self._settle()
        return self._result()

    def let_go(self) -> None:
        """Free decoder and encoder now. The decoder knows this object, so only the garbage collector would, some
        chunks later; x264 holds 76 MB at 720p, 170 MB with the preset medium."""
        self._frame_source.let_go()
        del self._encoder

    def _preroll_done(self, _packets: int) -> None:
        """Begin to measure the first frame's latency anew, which does not include the preroll, and call `on_frame`."""
        self._started = perf_counter()
        self._on_frame(0)

    def _own_frame(self, item: FrameItem) -> None:
        if self._pace is None:
            self._show(item, (len(self._decoded) - 1,), self._started)
        else:
            self._show_held(self._pace.before(item.index))
            self._held = item, self._started

    def _show_held(self, ticks: range) -> None:
        """Show the frame that is held, now that it is known at which ticks. If there are none, it is filtered only if
        a later frame that is shown looks back at it."""
        if self._held is None:
            return
        item, started = self._held
        self._held = None
        if not ticks:
            self._unseen.append(item)
            return
        while self._unseen:
            self._show_filters(self._unseen.popleft())
            self._on_frame(len(self._decoded))
        self._show(item, ticks, started)

    def _show(self, item: FrameItem, marks: Iterable[int], decode_began: float) -> None:
        """Filter a frame, and encode it once for each of `marks`, which `_emitted` keeps."""
        seconds, report = self._report.seconds, self._report
        begun = perf_counter()
        picture, notes = self._filtered(item)
        filtered = perf_counter()
        if picture is not None:
            frame = self._fitted(picture) if self._encoder is not None else picture.frame
            fitted = ended = perf_counter()
            for mark in marks:
                if self._encoder is not None:
                    self._encode(frame, self._encoder)
                ended = perf_counter()
                if report.frames and report.frames[-1] == item.index:
                    self._on_frame(len(self._decoded))  # one picture may be shown for hours
                self._emitted.append(mark)
                report.frames.append(item.index)
                report.latency_ms.append((ended - decode_began) * 1000 + item.latency_ms)
            seconds.convert += fitted - filtered
            seconds.encode += ended - fitted
            if notes:
                report.notes.append(FrameNotes(item.index, [dict(note) for note in notes]))
        seconds.filter += filtered - begun

    def _show_filters(self, item: FrameItem) -> None:
        """Show a frame to the filters as context only: nothing comes out."""
        started = perf_counter()
        if item.picture is not None and not self._bypass:
            show = self._runner.prepare if item.failure is None else self._runner.pass_by
            show(item.picture)
        self._report.seconds.filter += perf_counter() - started

    def _filtered(self, item: FrameItem) -> tuple[Picture | None, Notes]:
        """Return what the chain makes of the picture, and its notes; where the policy says so, the source's picture, a
        black one, or None, without notes."""
        if item.failure is not None and not self._bypass:
            if item.picture is not None:
                self._runner.pass_by(item.picture)
            return self._failed(item, *item.failure), ()
        if item.picture is None or self._bypass:
            self._report.fallback.append(Fallback(item.index, "", BYPASSED))
            return self._instead(item), ()
        try:
            picture = self._runner.run(item.picture)
            self._check_size(item, picture)
            return picture, self._fitted_notes(item, picture)
        except FilterError as error:
            if self._output.on_error == OnError.FAIL:
                raise ProcessingFailed([item.index], error.filter_name, error.trace) from error
            return self._failed(item, error.filter_name, error.trace), ()

    def _failed(self, item: FrameItem, filter_name: str, trace: str) -> Picture | None:
        report, cause = self._report, last_line(trace)[:MAX_ERROR_LENGTH]
        report.tell_failure(item.index, filter_name, trace)
        if self._output.on_error == OnError.DROP:
            report.lost.append(Lost(item.index, f"{filter_name}: {cause}"))
            return None
        report.fallback.append(Fallback(item.index, filter_name, cause))
        return self._instead(item)

    def _instead(self, item: FrameItem) -> Picture:
        """Return what takes the place of a frame that is not filtered: the source's, or a black one."""
        return self._black if self._is_black else self._frame_source.source(item)

    @cached_property
    def _black(self) -> Picture:
        """A picture of the output's size in which nothing can be seen."""
        source = self._source_format
        frame = VideoFrame(*self._size, source.pix_fmt)
        frame.color_range, frame.colorspace = source.colour.range, source.colour.matrix
        return Picture(frame, fields=self._format.fields).black()

    def _fitted(self, picture: Picture) -> VideoFrame:
        """Return a frame that the encoder takes, and that tells it the order of its fields."""
        frame, fields = self._fitter.fit(picture.frame, is_interlaced=bool(picture.fields)), self._format.fields
        if not fields:
            return frame
        if picture.fields != fields and codec_of(self._output.encoder).field_marks is not FieldMarks.FRAME:
            self._report.alike_fields += 1
            return marked(frame, fields)
        return marked(frame, picture.fields)

    def _fitted_notes(self, item: FrameItem, picture: Picture) -> Notes:
        """Return a picture's notes, with boxes where things are once it has the output's size. Raise FilterError where
        these are no boxes."""
        width, height = self._size
        if (picture.width, picture.height) == self._size:
            return picture.notes
        across, down = width / picture.width, height / picture.height
        try:
            return moved(picture.notes, lambda x, y: (x * across, y * down), width, height)
        except ValueError as error:
            raise FilterError(self._output.chain[-1].name, item.index, error) from error

    def _check_size(self, item: FrameItem, picture: Picture) -> None:
        """Raise FilterError for a picture of another size than the filters said they would make of the frame's."""
        try:
            width, height = self._size_of(*item.size)
        except UnsuitableSize as error:
            raise FilterError(self._output.chain[-1].name, item.index, error) from error
        if (picture.width, picture.height) != (width, height):
            made = f"{picture.width}x{picture.height}"
            wrong = ValueError(f"the chain made {made}, but its filters' output_size says {width}x{height}")
            raise FilterError(self._output.chain[-1].name, item.index, wrong)

    def _encode(self, frame: VideoFrame, encoder: VideoCodecContext) -> None:
        frame.pts = self._encoded_count
        frame.time_base = self._index_base
        frame.pict_type = PictureType.NONE  # else x264 takes over the source's choice of I, P and B
        packets = encoder.encode(frame)
        self._packets += packets
        self._encoded_count += 1
        self._encoded_size += sum(packet.size for packet in packets)
        if self._encoded_size > MAX_RESULT_SIZE:
            raise ResultTooLarge(MAX_RESULT_SIZE)

    def _flush(self) -> None:
        if self._encoder is not None and self._encoded_count:
            started = perf_counter()
            self._packets += self._encoder.encode(None)
            self._report.seconds.encode += perf_counter() - started

    def _settle(self) -> None:
        """Put into the report what is known only at the end: times, preroll, errors, and the frames that never
        came."""
        report, decoding = self._report, self._frame_source.report
        report.pts = [*self._emitted] if self._pace else [decoding.times[place] for place in self._emitted]
        if self._pace:
            shown_at = dict(zip(self._decoded, decoding.times, strict=False))
            report.source_pts = [shown_at.get(index) for index in report.frames]
        report.frames_out = len(report.pts)
        report.times_repaired, report.other_sizes = decoding.times_repaired, decoding.other_sizes
        report.formats, report.colours = decoding.formats, decoding.colours
        report.damaged = sorted({*decoding.damaged} & {*report.frames})
        report.unmarked_fields = decoding.unmarked_fields
        report.decode_errors = decoding.errors
        report.decode_error_count = decoding.error_count
        report.preroll_packets, report.preroll_size = decoding.preroll_packets, decoding.preroll_bytes
        silent = self._silent_frames()
        if decoding.damaged_packets:
            report.lost = sorted([*report.lost, *(Lost(index, NOT_DECODED) for index in silent)])
            silent = []
        report.frames_in = report.sent - len(silent)

    def _silent_frames(self) -> list[int]:
        """Return the frames that no packet gave. Without any error these were no frames: some codecs fill up with
        empty packets.

        A packet may hold two frames, whose second one then stands for that of an empty packet.
        """
        report, given = self._report, set(self._decoded)
        silent = [index for index in range(report.first, report.first + report.sent) if index not in given]
        return silent[len(self._decoded) - len(given) :]

    def _result(self) -> Result:
        report = self._report
        entries = [_entry_of(packet) for packet in self._packets]
        extradata = self._encoder.extradata if self._encoder is not None else None
        table = ResultTable(entries, extradata or b"", report)
        return Result(
            payload=pack(table.to_wire(), [memoryview(packet) for packet in self._packets]),
            fingerprint=report.fingerprint,
            frames_in=report.frames_in,
            frames_out=report.frames_out,
            fallback_frames=len(report.fallback),
            lost_frames=len(report.lost),
            damaged_frames=len(report.damaged),
            content=self._content(),
        )

    def _content(self) -> int:
        """Return a checksum of the packets, or, if there are none, of what filters noted. The rest of the report is
        left out, because it has times."""
        hashed = xxhash.xxh3_64()
        if self._encoder is None:
            hashed.update(packb([self._report.frames, self._report.pts, self._report.notes]))
        for packet in self._packets:
            hashed.update(memoryview(packet))
        return hashed.intdigest() >> 1


def _entry_of(packet: Packet[Any]) -> EncodedEntry:
    assert packet.pts is not None
    return EncodedEntry(packet.size, packet.pts, packet.dts, KEY if packet.is_keyframe else 0)


def _nobody(_done: int) -> None:
    """Do nothing: nobody wants to know how far the work is."""
