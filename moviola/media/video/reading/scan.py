"""Reading a file once without decoding it: what stream it has, and every packet's place and kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from struct import unpack_from
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Fate, Finding
from moviola.media.material import Facts
from moviola.media.video.cropping import Borders
from moviola.media.video.cutting.cut import ANCHORED, SourceTrack
from moviola.media.video.fields import order_of_code
from moviola.media.video.frame_format import UNSPECIFIED
from moviola.media.video.headers import ATTACHMENT, Chapter, DecoderParameters, PassthroughStream, Tags
from moviola.media.video.mastering import ContentLight, MasteringDisplay
from moviola.media.video.mov_boxes import is_dolby_vision
from moviola.media.video.orientation import Orientation
from moviola.media.video.reading import passthrough
from moviola.media.video.reading.alpha import alpha_begins, with_alpha
from moviola.media.video.reading.backward_times import FirstChunk, times_that_fall
from moviola.media.video.reading.changes import Changes
from moviola.media.video.reading.chroma import chroma_location
from moviola.media.video.reading.clocks import MPEG_FORMATS, Clocks, Role, Told
from moviola.media.video.reading.description import Tally, describe
from moviola.media.video.reading.field_pairs import FieldPairs
from moviola.media.video.reading.in_matroska import video_numbers
from moviola.media.video.reading.opening import (
    CHECK_PATH,
    ROUNDING_S,
    decoder_parameters,
    first_frame,
    opened,
    packets_of,
)
from moviola.media.video.reading.promises import damaged_places, is_cut_off, missing_ends
from moviola.media.video.reading.random_access import HEAD_SIZE, Access, Bitstream, distrust_flags
from moviola.media.video.reading.scanned import FirstFrame, LastingSideData, Scan
from moviola.media.video.reading.sound_changes import SoundChanges
from moviola.media.video.reading.text_lines import TextLines
from moviola.media.video.reading.timeline import Timeline, findings_of, timeline_of
from moviola.media.video.side_data import (
    CAPTIONS_MARK,
    NEW_HEADERS,
    beside_the_picture,
    side_data_of_packet,
)
from moviola.media.video.tags import TIMECODE
from moviola.media.video.writing.sound import SKIPPED

# Side data that holds from its packet on, until the next of its kind.
LASTING_SIDE_DATA = ("palette", NEW_HEADERS, "param_change")
# Rates above this are a time base mistaken for a rate.
MAX_RATE = 1000


def _specified(by_file: int, by_frame: int) -> int:
    return by_frame if by_file == UNSPECIFIED else by_file


def scan(path: Path) -> Scan:
    """Read all packets of a file once; raise UnreadableSource if no frame of it can be decoded."""
    first = FirstFrame.of(first_frame(path))
    with opened(path) as (container, stream):
        scanner = Scanner(path, container, stream, first)
        for _ in scanner.packets():
            pass
        found = scanner.found()
        found.damage = list(scanner.damage(found))
        found.findings += scanner.beginning()
        return found


@dataclass
class Scanner:
    """Reads the packets of an open file, one by one, and tells what they are together.

    `first` tells what the first frame has.
    """

    path: Path
    container: InputContainer
    stream: VideoStream
    first: FirstFrame
    pts: list[int | None] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    access: bytearray = field(default_factory=bytearray)
    anchor: bytearray = field(default_factory=bytearray)
    shown: bytearray = field(default_factory=bytearray)
    second: bytearray = field(default_factory=bytearray)
    lasting: list[LastingSideData] = field(default_factory=list)
    encoder_notes: bytes = b""
    key_count: int = 0
    damaged: list[int] = field(default_factory=list)
    has_captions: bool = False
    tallies: dict[int, Tally] = field(default_factory=dict)
    firsts: dict[int, list[av.Packet[Any]]] = field(default_factory=dict)
    first_chunks: defaultdict[int, FirstChunk] = field(default_factory=lambda: defaultdict(FirstChunk))
    errors: list[str] = field(default_factory=list)
    strange_packets: Counter[int] = field(default_factory=Counter)  # by stream: with side data of unknown kinds

    def __post_init__(self) -> None:
        context = self.stream.codec_context
        codec = context.codec
        self._reorders = codec.reorder and not codec.intra_only
        self.bits = Bitstream(
            codec.canonical_name, context.extradata, reorders=self._reorders, reorder_depth=context.reorder_depth
        )
        self._pairs = FieldPairs(self.bits.nal_length_size, context.extradata) if self.bits.codec == "h264" else None
        self._numbers = video_numbers(self.stream)
        parameters = decoder_parameters(context)
        self._alpha = with_alpha(parameters, self.stream).codec != context.name
        self._changes = Changes(codec.canonical_name, self.bits.nal_length_size, parameters, self.first.size)
        self._others, self._left_out = passthrough.candidates(self.container, self.stream)
        self._sounds = {stream.index: SoundChanges(stream) for stream in self._others}
        self._texts = {stream.index: TextLines(stream) for stream in self._others}
        told = {stream.index: _told(stream) for stream in [self.stream, *self._others]}
        self._has_edits = "mov" in self.container.format.name.split(",")
        self._is_dolby_vision = is_dolby_vision(self.path, self.container.format.name)
        self._clocks = Clocks(told, is_mpeg=self.container.format.name in MPEG_FORMATS)

    @property
    def knows_streams(self) -> bool:
        """True once a packet of each stream has been read, so that it is known which of them are carried."""
        return all(stream.index in self.firsts or stream.type == ATTACHMENT for stream in self._others)

    def packets(self) -> Iterator[int]:
        """Read on to the file's end; yield after each packet how many there have been of the filtered stream."""
        for packet in packets_of(self.container, [self.stream, *self._others], self.errors):
            tally = self.tallies.setdefault(packet.stream_index, Tally())
            tally.add(packet, keyframes=packet.stream_index == self.stream.index)
            self._time(packet)
            self.strange_packets[packet.stream_index] += side_data_of_packet(packet)[1] > 0
            if packet.stream_index == self.stream.index:
                self._add(packet)
                yield len(self.pts)
                continue
            self.first_chunks[packet.stream_index].add(packet)
            self._sounds[packet.stream_index].look(packet)
            self._texts[packet.stream_index].look(packet)
            if packet.size:
                firsts = self.firsts.setdefault(packet.stream_index, [])
                if passthrough.wants_more(firsts, packet):
                    firsts.append(packet)
            yield len(self.pts)

    def found(self) -> Scan:
        """Return what the packets tell that have been read so far. Reading on does not change what was returned."""
        codec = self.stream.codec_context.codec
        access = bytearray(self.access)
        distrust_flags(codec.canonical_name, access, intra_only=codec.intra_only)
        timeline = timeline_of(self._clocks)
        findings = [*self._left_out, *passthrough.garbled(self.container), *self._changes.findings()]
        findings += beside_the_picture(
            self.stream,
            self.first.side_data,
            +self.strange_packets,
            has_captions=self.has_captions,
            is_dolby_vision=self._is_dolby_vision,
        )
        carried, numbers = self._carried(self._of_this_programme(findings), self.firsts, findings)
        for index, number in numbers.items():
            shift_of = partial(timeline.shift_of, index)
            if self.first_chunks[index].falls(shift_of):
                findings.append(times_that_fall(carried[number - 1]))
            carried[number - 1] = replace(
                carried[number - 1],
                changes_at=self._sounds[index].first(shift_of),
                has_new_headers=self._sounds[index].is_beside,
                has_markup=self._texts[index].has_markup,
                overlaps=self._texts[index].overlaps,
            )
        track = SourceTrack(
            codec.canonical_name, self._reorders, self.stream.codec_context.reorder_depth,
            timeline.moved(self.stream.index, self.pts), list(self.size), access, bytes(self.anchor), bytes(self.shown),
            bytes(self.second),
        )  # fmt: skip
        return self._summary(track, timeline, carried, numbers, [*findings, *findings_of(timeline)])

    def _time(self, packet: av.Packet[Any]) -> None:
        shown, skipped = self._is_shown(packet), self._skipped(packet)
        self._clocks.add(
            packet.stream_index, packet.pts, packet.dts, packet.duration or 0, shown=shown, skipped=skipped
        )

    def _skipped(self, packet: av.Packet[Any]) -> int:
        """Return for how long a packet is not heard at its beginning. A container may also say that of a stream that is
        no sound, where it means nothing."""
        if not packet.has_sidedata(SKIPPED):
            return 0
        context = getattr(self.container.streams[packet.stream_index], "codec_context", None)
        sample_rate: int = getattr(context, "sample_rate", 0)
        if not sample_rate:
            return 0
        samples: int = unpack_from("<I", bytes(packet.get_sidedata(SKIPPED)))[0]
        return round(samples / (sample_rate * packet.time_base))

    def beginning(self) -> Iterator[Finding]:
        """Yield what is left out before the first frame that can be decoded."""
        first = self.first.pts
        shown = (pts for pts, shown in zip(self.pts, self.shown, strict=True) if shown and pts is not None)
        count = 0 if first is None else sum(pts < first for pts in shown)
        if count:
            what = "1 frame comes" if count == 1 else f"{count} frames come"
            yield Finding("the beginning", Fate.LOST, f"is left out: {what} before the first that can be decoded")
        if told_twice := self._colours_told_twice():
            what = " and ".join(told_twice)
            reason = f"is told in two ways: the file and its pictures name a different {what}; that of the file is kept"
            yield Finding("colour", Fate.CHANGED, reason)

    def _colours_told_twice(self) -> list[str]:
        """Return which colour properties the file tells otherwise than the pictures in it."""
        context, first = self.stream.codec_context, self.first.colour
        told = (
            ("primaries", context.color_primaries, first.primaries),
            ("transfer", context.color_trc, first.transfer),
            ("matrix", context.colorspace, first.matrix),
        )
        return [name for name, *both in told if UNSPECIFIED not in both and both[0] != both[1]]

    def _damaged_packets(self, timeline: Timeline) -> frozenset[int]:
        """Return the video's damaged packets, without those that only look damaged: where recordings were joined,
        MPEG-TS takes the last packet before the joint for broken off, and FFmpeg's parsers mark the one before that
        instead, which they still hold."""
        joints = [shift.first for shift in timeline.shifts.get(self.stream.index, ())]
        return frozenset(self.damaged) - {joint - back for joint in joints for back in (1, 2)}

    def damage(self, found: Scan) -> Iterator[Finding]:
        """Yield what of the file is not whole, once all of it has been read and gave `found`."""
        yield from (Finding("the file", Fate.LOST, error) for error in self.errors)
        base = found.time_base
        shown_s = None if found.last_end is None else found.end * base
        counts = {index: tally.packet_count for index, tally in self.tallies.items()}
        yield from missing_ends(
            self.path, self.container, self.stream, self._others, counts, shown_s, found.timeline.start_s
        )
        if found.damaged_packets:
            places = [index for index in sorted(found.damaged_packets) if index - 1 not in found.damaged_packets]
            times = [found.track.pts[index] for index in places]
            yield damaged_places([None if time is None else time * base for time in times])

    def _is_shown(self, packet: av.Packet[Any]) -> bool:
        """Return False for an empty packet, and for what an edit list cuts away. FFmpeg marks that, but for pictures
        before zero where none can be decoded by itself."""
        before_zero = self._has_edits and packet.pts is not None and packet.pts < 0
        cut_away = packet.is_discard or (before_zero and packet.stream_index == self.stream.index)
        return packet.size > 0 and not cut_away

    def _add(self, packet: av.Packet[Any]) -> None:
        index = len(self.pts)
        head = bytes(memoryview(packet)[:HEAD_SIZE]) if packet.size else b""
        if index == 0:
            self.encoder_notes = self.bits.encoder_notes(head)
        self.has_captions = self.has_captions or CAPTIONS_MARK in head
        self._changes.look(packet, head)
        second = self._pairs is not None and packet.size > 0 and self._pairs.is_second(head, packet)
        self.second.append(second)
        self.pts.append(self.pts[-1] if second else packet.pts)  # a frame has one time, that of its first field
        self.size.append(packet.size)
        access = self.bits.access(head, key=packet.is_keyframe)
        if second or (self._alpha and not alpha_begins(self.bits.codec, packet)):
            access = Access.NONE
        self.access.append(access)
        self.anchor.append(self.bits.codec in ANCHORED and self.bits.is_anchor(head))
        self.shown.append(self._is_shown(packet) and not second)
        self.key_count += packet.is_keyframe and packet.size > 0 and not second
        if packet.is_corrupt or self.bits.has_hole(packet):
            self.damaged.append(index)
        for kind in LASTING_SIDE_DATA:
            if packet.has_sidedata(kind):  # type: ignore[arg-type]
                data = bytes(packet.get_sidedata(kind))  # type: ignore[arg-type]
                self.lasting.append(LastingSideData(index, kind, data))

    def _carried(
        self, others: list[Any], firsts: dict[int, list[av.Packet[Any]]], findings: list[Finding]
    ) -> tuple[list[PassthroughStream], dict[int, int]]:
        carried: list[PassthroughStream] = []
        numbers: dict[int, int] = {}
        for stream in others:
            described, packets = None, firsts.get(stream.index, [])
            if packets or stream.type == ATTACHMENT:
                described = passthrough.describe(stream, self.container, len(carried) + 1, packets)
            if described is None:
                why = "no container carries it" if packets else "it is empty"
                findings.append(Finding(passthrough.called(stream), Fate.LOST, f"is left out: {why}"))
            else:
                carried.append(described)
                numbers[stream.index] = len(carried)
        return carried, numbers

    def _of_this_programme(self, findings: list[Finding]) -> list[Any]:
        """Return the streams that may be carried and go by the video's clock; say it of the others."""
        foreign = self._clocks.foreign
        reason = (
            "is left out: its clock is another than the video's, as that of another programme is; to keep it, copy its "
            "programme into a file of its own"
        )
        findings += (Finding(passthrough.called(self.container.streams[each]), Fate.LOST, reason) for each in foreign)
        return [stream for stream in self._others if stream.index not in foreign]

    def _stream_metadata(self) -> Tags:
        timecode = passthrough.timecode(self.container, self.stream)
        tags = passthrough.own_tags(self.stream, self.container)
        return tags | ({} if timecode is None else {TIMECODE: timecode})

    def _summary(
        self,
        track: SourceTrack,
        timeline: Timeline,
        carried: list[PassthroughStream],
        numbers: dict[int, int],
        findings: list[Finding],
    ) -> Scan:
        stream, container = self.stream, self.container
        times = [pts for pts, shown in zip(track.pts, self.shown, strict=True) if shown and pts is not None]
        frame_count = track.frames_before[-1]
        if frame_count == 0:
            raise UnreadableSource(self.path, "the video has no frame to show", CHECK_PATH)
        base = stream.time_base or Fraction(1, 90000)
        return Scan(
            path=self.path,
            container=container.format.name,
            stream_index=stream.index,
            decoder=self._decoder(),
            profile=stream.profile,
            time_base=base,
            rate=_rate(stream, base, times, frame_count, sum(track.second)),
            sample_aspect=stream.sample_aspect_ratio or None,
            orientation=Orientation.of_side_data(self.first.side_data),
            mastering=MasteringDisplay.of_side_data(self.first.side_data.known),
            light=ContentLight.of_side_data(self.first.side_data.known),
            chroma_location=chroma_location(stream, self._numbers),
            cropping=Borders.of_numbers(self._numbers),
            fields=self.first.fields or order_of_code(int(stream.codec_context.field_order)),
            track=track,
            timeline=timeline,
            first_pts=min(times, default=None),
            last_end=self._last_end(timeline) if times else None,
            key_count=self.key_count,
            encoder_notes=self.encoder_notes,
            lasting=list(self.lasting),
            passthrough=carried,
            passthrough_numbers=numbers,
            duration_s=self._duration_s(timeline),
            bit_rate=container.bit_rate or None,
            language=stream.language or "und",
            disposition=int(stream.disposition & ~Disposition.multilayer),  # only the first layer is filtered
            metadata=dict(container.metadata),
            stream_metadata=self._stream_metadata(),
            chapters=[_chapter(one, timeline) for one in container.chapters()],
            findings=findings,
            damaged_packets=self._damaged_packets(timeline),
            damage=[],
            streams=[_stream_facts(one) for one in container.streams if one.index != stream.index],
            description=describe(container, stream, self.tallies, track.times),
        )

    def _last_end(self, timeline: Timeline) -> int:
        """Return when the last frame is gone, in ticks of the filtered stream.

        What a container says of the whole stream is preferred to the last packet's duration: in MP4 that is the
        distance to the packet decoded next, in Matroska that of frames as a rule. It is not believed of a file that is
        cut off, of which it tells when the missing frames would be gone.
        """
        index, base = self.stream.index, self.stream.time_base or Fraction(1)
        end, last = timeline.ends[index], timeline.lasts[index]
        if timeline.joints or self.container.format.name in MPEG_FORMATS:
            return end
        if is_cut_off(self.path, self.container, self.stream):
            return end
        told = None
        if self._has_edits:
            if self.stream.duration and self.stream.start_time is not None:
                told = self.stream.start_time + self.stream.duration
        elif self.container.duration is not None:
            told = min(end, round(Fraction(self.container.duration, av.time_base) / base))
        if told is None or abs(told - end) * base <= ROUNDING_S:
            return end
        told += timeline.shift_of(index, 0)
        return told if (told - last) * base > ROUNDING_S else end

    def _decoder(self) -> DecoderParameters:
        """Return what a decoder must be told, with colours that only frames tell, as those of VP8."""
        decoder = decoder_parameters(self.stream.codec_context)
        first = self.first.colour
        return with_alpha(
            replace(
                decoder,
                color_range=decoder.color_range or first.range,
                color_primaries=_specified(decoder.color_primaries, first.primaries),
                color_trc=_specified(decoder.color_trc, first.transfer),
                colorspace=_specified(decoder.colorspace, first.matrix),
            ),
            self.stream,
        )

    def _duration_s(self, timeline: Timeline) -> float | None:
        """Return how long the container says that it lasts, or, where times are moved, how long it lasts then; None
        where that is not known."""
        if not timeline.is_moved:
            return None if self.container.duration is None else self.container.duration / av.time_base
        bases = {one.index: one.time_base or Fraction(1) for one in self.container.streams}
        return float(max(end * bases[index] for index, end in timeline.ends.items()))


def _told(stream: Any) -> Told:
    """Return what clocks must know of a stream. A decoder of a coded sound gives whole sound from the second packet
    on."""
    role = {"video": Role.VIDEO, "audio": Role.SOUND}.get(passthrough.type_of(stream), Role.SPARSE)
    runs_up = role is Role.SOUND and not stream.codec_context.name.startswith(("pcm_", "s302m", "flac", "alac"))
    return Told(role, stream.time_base or Fraction(1, 90000), runs_up)


def _rate(stream: VideoStream, base: Fraction, times: list[int], frame_count: int, second_fields: int) -> Fraction:
    """Return the frames per second: what the file says, else what its timestamps say, else 25. Where second fields are
    packets of their own, the file may say how many packets there are."""
    span = (max(times) - min(times)) * base if len(times) > 1 else Fraction(0)
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= MAX_RATE:
            is_of_fields = second_fields > 0 and rate * span > 1.5 * frame_count
            return Fraction(rate) / (2 if is_of_fields else 1)
    if span > 0:
        return min(Fraction(MAX_RATE), Fraction((frame_count - 1) / span).limit_denominator(1001))
    return Fraction(25)


def _chapter(chapter: Any, timeline: Timeline) -> Chapter:
    base = chapter["time_base"] or Fraction(1, 1000)
    earlier = round(timeline.start_s / base)
    begin, end = (max(0, at - earlier) if earlier > 0 else at - earlier for at in (chapter["start"], chapter["end"]))
    return Chapter(chapter["id"], begin, end, base, dict(chapter["metadata"]))


def _stream_facts(stream: Any) -> Facts:
    context = getattr(stream, "codec_context", None)
    facts: Facts = {"type": stream.type, "codec": context.name if context is not None else None}
    if stream.type == "audio" and context is not None:
        facts |= {"sample_rate": context.sample_rate, "channels": context.channels, "layout": context.layout.name}
    return facts | {"language": stream.language or "und"}
