"""Reading a file once without decoding it: what stream it has, and every packet's place and kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Fate, Finding
from moviola.media.material import Facts
from moviola.media.video import passthrough
from moviola.media.video.cut import ANCHORED, SourceTrack
from moviola.media.video.description import Tally, describe
from moviola.media.video.headers import Chapter, DecoderParameters, PassthroughStream, Tags
from moviola.media.video.opening import CHECK_PATH, decoder_parameters, first_frame, opened, packets_of
from moviola.media.video.orientation import Orientation
from moviola.media.video.random_access import HEAD_SIZE, Bitstream, distrust_flags

# Side data that holds from its packet on, until the next of its kind.
LASTING_SIDE_DATA = ("palette", "new_extradata", "param_change")
# Rates above this are a time base mistaken for a rate.
MAX_RATE = 1000


@dataclass(frozen=True, slots=True)
class LastingSideData:
    """`kind` as FFmpeg names it, valid from packet `index` on."""

    index: int
    kind: str
    data: bytes


@dataclass(slots=True)
class Scan:
    """What one pass over a file's packets tells.

    Times are in `time_base`;
    `first_pts` and `last_end` are where the shown frames begin and end, None without timestamps.
    `passthrough` describes the streams that are carried beside it, and `passthrough_numbers` maps their index in
    the file to their number there. `damaged` is what the container knows of damage; decoding may find more.
    `description` is what metadata.json tells of the file.
    """

    path: Path
    container: str
    stream_index: int
    decoder: DecoderParameters
    profile: str | None
    time_base: Fraction
    rate: Fraction
    sample_aspect: Fraction | None
    orientation: Orientation
    track: SourceTrack
    first_pts: int | None
    last_end: int | None
    key_count: int
    damaged: bool
    encoder_notes: bytes
    lasting: list[LastingSideData]
    passthrough: list[PassthroughStream]
    passthrough_numbers: dict[int, int]
    duration_s: float | None
    bit_rate: int | None
    language: str
    disposition: int
    metadata: Tags
    stream_metadata: Tags
    chapters: list[Chapter]
    findings: list[Finding]
    streams: list[Facts]
    description: Facts

    @property
    def end(self) -> int:
        """When the last frame is gone; where the file does not tell how long it is shown, a frame at the usual rate."""
        latest = (self.track.times or [0])[-1]
        if self.last_end is not None and self.last_end > latest:
            return self.last_end
        return latest + max(1, round(1 / self.rate / self.time_base))


def scan(path: Path) -> Scan:
    """Read all packets of a file once; raise UnreadableSource if no frame of it can be decoded."""
    first = first_frame(path)
    with opened(path) as (container, stream):
        scanner = Scanner(path, container, stream, Orientation.of_frame(first))
        for _ in scanner.packets():
            pass
        return scanner.found()


@dataclass
class Scanner:
    """Reads the packets of an open file, one by one, and tells what they are together.

    `orientation` is that of the first frame.
    """

    path: Path
    container: InputContainer
    stream: VideoStream
    orientation: Orientation
    pts: list[int | None] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    access: bytearray = field(default_factory=bytearray)
    anchor: bytearray = field(default_factory=bytearray)
    shown: bytearray = field(default_factory=bytearray)
    lasting: list[LastingSideData] = field(default_factory=list)
    encoder_notes: bytes = b""
    key_count: int = 0
    damaged: bool = False
    last_end: int | None = None
    tallies: dict[int, Tally] = field(default_factory=dict)
    firsts: dict[int, av.Packet[Any]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        context = self.stream.codec_context
        codec = context.codec
        self._reorders = codec.reorder and not codec.intra_only
        self.bits = Bitstream(
            codec.canonical_name, context.extradata, reorders=self._reorders, reorder_depth=context.reorder_depth
        )
        self._others, self._left_out = passthrough.candidates(self.container, self.stream)

    @property
    def knows_streams(self) -> bool:
        """True once a packet of each stream has been read, so that it is known which of them are carried."""
        return all(stream.index in self.firsts for stream in self._others)

    def packets(self) -> Iterator[int]:
        """Read on to the file's end; yield after each packet how many there have been of the filtered stream."""
        for packet in packets_of(self.container, [self.stream, *self._others], self.errors):
            tally = self.tallies.setdefault(packet.stream_index, Tally())
            tally.add(packet, keyframes=packet.stream_index == self.stream.index)
            if packet.stream_index == self.stream.index:
                self._add(packet)
            else:
                self.firsts.setdefault(packet.stream_index, packet)
            yield len(self.pts)

    def found(self) -> Scan:
        """Return what the packets tell that have been read so far; more of them change nothing of it."""
        codec = self.stream.codec_context.codec
        access = bytearray(self.access)
        distrust_flags(codec.canonical_name, access, intra_only=codec.intra_only)
        findings = [*self._left_out, *(Finding("the file", Fate.LOST, error) for error in self.errors)]
        carried, numbers = self._carried(self._others, self.firsts, findings)
        track = SourceTrack(
            codec.canonical_name, self._reorders, self.stream.codec_context.reorder_depth,
            list(self.pts), list(self.size), access, bytes(self.anchor), bytes(self.shown),
        )  # fmt: skip
        return self._summary(track, carried, numbers, findings)

    def _add(self, packet: av.Packet[Any]) -> None:
        index = len(self.pts)
        head = bytes(memoryview(packet)[:HEAD_SIZE]) if packet.size else b""
        if index == 0:
            self.encoder_notes = self.bits.encoder_notes(head)
        shown = packet.size > 0 and not packet.is_discard
        self.pts.append(packet.pts)
        self.size.append(packet.size)
        self.access.append(self.bits.access(head, key=packet.is_keyframe))
        self.anchor.append(self.bits.codec in ANCHORED and self.bits.is_anchor(head))
        self.shown.append(shown)
        self.key_count += packet.is_keyframe and packet.size > 0
        self.damaged = self.damaged or packet.is_corrupt
        if shown and packet.pts is not None:
            self.last_end = max(self.last_end or packet.pts, packet.pts + (packet.duration or 0))
        for kind in LASTING_SIDE_DATA:
            if packet.has_sidedata(kind):  # type: ignore[arg-type]
                data = bytes(packet.get_sidedata(kind))  # type: ignore[arg-type]
                self.lasting.append(LastingSideData(index, kind, data))

    def _carried(
        self, others: list[Any], firsts: dict[int, av.Packet[Any]], findings: list[Finding]
    ) -> tuple[list[PassthroughStream], dict[int, int]]:
        carried: list[PassthroughStream] = []
        numbers: dict[int, int] = {}
        for stream in others:
            described = None
            if stream.index in firsts:
                described = passthrough.describe(stream, len(carried) + 1, firsts[stream.index])
            if described is None:
                why = "no container carries it" if stream.index in firsts else "it is empty"
                findings.append(Finding(passthrough.called(stream), Fate.LOST, f"is left out: {why}"))
            else:
                carried.append(described)
                numbers[stream.index] = len(carried)
        return carried, numbers

    def _summary(
        self, track: SourceTrack, carried: list[PassthroughStream], numbers: dict[int, int], findings: list[Finding]
    ) -> Scan:
        stream, container = self.stream, self.container
        times = [pts for pts, shown in zip(self.pts, self.shown, strict=True) if shown and pts is not None]
        frame_count = track.frames_before[-1]
        if frame_count == 0:
            raise UnreadableSource(self.path, "the video has no frame to show", CHECK_PATH)
        base = stream.time_base or Fraction(1, 90000)
        duration = container.duration
        return Scan(
            path=self.path,
            container=container.format.name,
            stream_index=stream.index,
            decoder=decoder_parameters(stream.codec_context),
            profile=stream.profile,
            time_base=base,
            rate=_rate(stream, base, times, frame_count),
            sample_aspect=stream.sample_aspect_ratio or None,
            orientation=self.orientation,
            track=track,
            first_pts=min(times, default=None),
            last_end=self.last_end,
            key_count=self.key_count,
            damaged=self.damaged or bool(self.errors),
            encoder_notes=self.encoder_notes,
            lasting=list(self.lasting),
            passthrough=carried,
            passthrough_numbers=numbers,
            duration_s=None if duration is None else duration / av.time_base,
            bit_rate=container.bit_rate or None,
            language=stream.language or "und",
            disposition=int(stream.disposition),
            metadata=dict(container.metadata),
            stream_metadata=dict(stream.metadata),
            chapters=[_chapter(one) for one in container.chapters()],
            findings=findings,
            streams=[_stream_facts(one) for one in container.streams if one.index != stream.index],
            description=describe(container, stream, self.tallies, track.times),
        )


def _rate(stream: VideoStream, base: Fraction, times: list[int], frame_count: int) -> Fraction:
    """Frames per second: what the file says, else what its timestamps say, else 25."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= MAX_RATE:
            return Fraction(rate)
    span = (max(times) - min(times)) * base if len(times) > 1 else 0
    if span > 0:
        return min(Fraction(MAX_RATE), Fraction((frame_count - 1) / span).limit_denominator(1001))
    return Fraction(25)


def _chapter(chapter: Any) -> Chapter:
    base = chapter["time_base"] or Fraction(1, 1000)
    return Chapter(chapter["id"], chapter["start"], chapter["end"], base, dict(chapter["metadata"]))


def _stream_facts(stream: Any) -> Facts:
    context = getattr(stream, "codec_context", None)
    facts: Facts = {"type": stream.type, "codec": context.name if context is not None else None}
    if stream.type == "audio" and context is not None:
        facts |= {"sample_rate": context.sample_rate, "channels": context.channels, "layout": context.layout.name}
    return facts | {"language": stream.language or "und"}
