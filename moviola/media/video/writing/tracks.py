"""The streams of an output file, each as packets in the order of their dts, read lazily from payloads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from av import Packet
from av.stream import Stream

from moviola.media.bundle import read
from moviola.media.errors import BundleError, ForeignExtradata, NothingToSplice
from moviola.media.material import NO_VIDEO, Output
from moviola.media.video.bundle import KEY, EncodedEntry, PacketEntry, PassthroughTable, ResultTable
from moviola.media.video.frame_format import FrameFormat
from moviola.media.video.grid import Grid, grid_of
from moviola.media.video.headers import PassthroughStream, VideoSplice
from moviola.media.video.reading.backward_times import times_fall, times_that_fall
from moviola.media.video.report import ChunkReport
from moviola.media.video.side_data import attach
from moviola.media.video.writing.ticks import exact_base
from moviola.media.video.writing.timing import StrictTimes, TimedPacket, ToldTime, completed, decode_times


@dataclass(frozen=True, slots=True)
class Mux:
    """A packet on its way into the file, and its dts in seconds, by which the streams are merged."""

    dts_s: float
    packet: Packet[Any]


@dataclass(slots=True)
class _Encoded:
    """One chunk's result taken apart."""

    index: int
    report: ChunkReport
    entries: list[EncodedEntry]
    packets: list[memoryview]
    extradata: bytes


@dataclass(frozen=True, slots=True)
class ShownChunk:
    """A chunk of the filtered stream with its place in time.

    Attributes:
        index: of the chunk.
        format: of its frames, as their encoder got them.
        extradata: their encoder's headers.
        fingerprint: of the worker that encoded them.
        pts: when its frames are shown, in order; ticks of the track's time base.
        packets: in the order of decoding, without dts and duration.
    """

    index: int
    format: FrameFormat
    extradata: bytes
    fingerprint: str
    pts: list[int]
    packets: list[TimedPacket]


@dataclass(slots=True)
class VideoTrack:
    """The filtered stream: results in index order become packets with the source's own times.

    An empty result is that of a chunk which is left out; its frames are missed by whoever counts the reports.
    `on_report` gets each chunk's index and report, and the times of its frames, as it passes. Times are in units of
    `time_base`, which ticks.py tells, rounded to it where it is not exact.
    """

    source: VideoSplice
    output: Output
    results: Iterable[bytes]
    on_report: Callable[[int, ChunkReport, list[int]], None]
    time_base: Fraction
    grid: Grid | None = field(init=False)
    _factor: Fraction = field(init=False)  # from exact times to these
    _step: int = field(init=False, default=1)  # the shortest time between frames of the first chunk
    times: StrictTimes = field(init=False, default_factory=StrictTimes)
    _chunks: Iterator[_Encoded] = field(init=False)
    _waiting: deque[_Encoded] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self.grid = grid_of(self.output, self.source)
        self._factor = exact_base(self.source, self.output) / self.time_base
        has_video = self.output.encoder.codec != NO_VIDEO
        self._chunks = (
            _taken_apart(index, payload, has_video) for index, payload in enumerate(self.results) if payload
        )

    def format(self) -> FrameFormat:
        """Return the format of the encoded frames, from the first chunk that has any; raise NothingToSplice if none
        has."""
        for chunk in self._chunks:
            self._waiting.append(chunk)
            if chunk.packets and chunk.report.format is not None:
                times = self._shown_at(chunk.report)
                rate = self.grid.rate if self.grid else self.source.rate
                usual = round(1 / rate / self.time_base)
                self._step = max(1, min((two - one for one, two in pairwise(times)), default=usual))
                return chunk.report.format
        raise NothingToSplice("no frame came out, so no file can be made")

    def packets(self, stream: Stream, extradata: bytes, delay: int) -> Iterator[Mux]:
        """Yield all packets for `stream`, whose encoder has this extradata and reorders by up to `delay` frames.

        Raise ForeignExtradata for the first chunk that another encoder made.
        """
        shown: deque[int] = deque()
        end = None if self.grid or self.source.last_end is None else round(self.source.last_end * self._factor)
        tick_s = float(self.time_base)
        for timed in decode_times(self._timed(extradata, shown), iter(shown.popleft, None), delay, self._step, end):
            packet: Packet[Any] = Packet(len(timed.data))
            packet.update(timed.data)  # type: ignore[arg-type]
            packet.stream = stream
            packet.pts, packet.dts, packet.duration = timed.pts, timed.dts, timed.duration
            packet.time_base = self.time_base
            packet.is_keyframe = timed.keyframe
            yield Mux(timed.dts * tick_s, packet)

    def skim(self) -> None:
        """Pass the reports of all chunks on, for an output that has no video."""
        for chunk in self._chunks:
            self.on_report(chunk.index, chunk.report, self._rising(chunk.report))

    def _timed(self, extradata: bytes, shown: deque[int]) -> Iterator[TimedPacket]:
        for chunk in self.chunks():
            if chunk.extradata != extradata:
                raise ForeignExtradata(chunk.index, chunk.fingerprint)
            shown.extend(chunk.pts)
            yield from chunk.packets

    def chunks(self) -> Iterator[ShownChunk]:
        """Yield the chunks that have frames, each when its result has been taken; after `format`."""
        while True:
            chunk = self._waiting.popleft() if self._waiting else next(self._chunks, None)
            if chunk is None:
                return
            report = chunk.report
            if not chunk.packets:
                self.on_report(chunk.index, report, [])
                continue
            if report.format is None:
                raise BundleError(f"chunk {chunk.index} has frames, and does not tell their format")
            pts = self._rising(report)
            self.on_report(chunk.index, report, pts)
            packets = [
                TimedPacket(data, bool(entry.flags & KEY), pts[entry.pts])
                for entry, data in zip(chunk.entries, chunk.packets, strict=True)
            ]
            yield ShownChunk(chunk.index, report.format, chunk.extradata, report.fingerprint, pts, packets)

    def _rising(self, report: ChunkReport) -> list[int]:
        """Return when the next chunk's frames are shown, each later than the one before."""
        rising = [self.times.next(each) for each in self._shown_at(report)]
        told = [ToldTime(at, pts) for at, pts in zip(report.frames, report.pts, strict=True) if pts is not None]
        self.times.told = told[-1] if told else self.times.told
        return rising

    def _shown_at(self, report: ChunkReport) -> list[int]:
        """Return when the chunk's frames are shown, in order."""
        times = self._exactly_shown_at(report)
        return times if self._factor == 1 else [round(each * self._factor) for each in times]

    def _exactly_shown_at(self, report: ChunkReport) -> list[int]:
        """Return that in units of the source's time base, or of the grid's where the output has a frame rate of its
        own; frames whose times the source does not tell are shown at its rate."""
        known = [pts for pts in report.pts if pts is not None]
        if self.grid is not None:
            return [self.grid.units(tick) for tick in known]
        if len(known) == len(report.pts):
            return known
        source = self.source
        begin = self.times.told or ToldTime(0, source.first_pts or 0)
        return completed(report.pts, report.frames, 1 / source.rate / source.time_base, begin)


def _taken_apart(index: int, payload: bytes, has_video: bool) -> _Encoded:
    try:
        table, packets = read(ResultTable, payload)
    except BundleError as error:
        raise BundleError(f"result {index} is not one of this version: {error}") from error
    report = table.report
    count = len(report.pts) if has_video else 0
    if count != len(packets) or sorted(entry.pts for entry in table.p) != list(range(count)):
        raise BundleError(f"chunk {index} has {len(packets)} packets for {count} frames")
    return _Encoded(index, report, table.p, packets, table.x)


def passthrough_packets(
    payloads: Iterable[bytes], facts: PassthroughStream, say: Callable[[str], None]
) -> Iterator[Packet[Any]]:
    """Yield the packets of a stream that is not filtered, of all its chunks, as `PassthroughTrack` gives them."""
    track = PassthroughTrack(facts, say)
    for payload in payloads:
        yield from track.packets(payload)


class PassthroughTrack:
    """The packets of a stream that is not filtered, chunk by chunk, as they came.

    Where the times of the first chunk go backwards, as some Ogg files' do, the durations alone are believed, and `say`
    is told.
    """

    def __init__(self, facts: PassthroughStream, say: Callable[[str], None]) -> None:
        self._facts, self._say = facts, say
        self._earliest: int | None = None
        self._by_duration: bool | None = None

    def packets(self, payload: bytes) -> Iterator[Packet[Any]]:
        """Yield the packets of the next chunk."""
        table, views = read(PassthroughTable, payload)
        if self._by_duration is None:
            self._by_duration = times_fall(table.p)
            if self._by_duration:
                self._say(times_that_fall(self._facts).sentence)
        for entry, data in zip(table.p, views, strict=True):
            if not len(data):
                continue
            if self._by_duration:
                at = max(0, entry.dts or 0) if self._earliest is None else self._earliest
                entry = entry._replace(pts=at, dts=at)
            packet = _rebuilt(entry, data, self._earliest)
            assert packet.dts is not None
            packet.time_base = self._facts.time_base
            self._earliest = packet.dts + max(1, entry.duration if self._by_duration else 1)
            yield packet


def _rebuilt(entry: PacketEntry, data: memoryview, earliest: int | None) -> Packet[Any]:
    """Return the packet as it was; `earliest` is the lowest dts that the file still takes, which matters for broken
    ones."""
    _, pts, dts, duration, flags, side_data = entry
    packet: Packet[Any] = Packet(len(data))
    packet.update(data)  # type: ignore[arg-type]
    dts = dts if dts is not None else pts
    dts = (earliest or 0) if dts is None else dts
    if earliest is not None:
        dts = max(dts, earliest)
    packet.dts = dts
    packet.pts = dts if pts is None else max(dts, pts)
    packet.duration = duration
    packet.is_keyframe = bool(flags & KEY)
    attach(packet, side_data or ())
    return packet
