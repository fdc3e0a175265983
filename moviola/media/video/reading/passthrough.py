"""Streams that are not filtered: which of them are carried, and how the splicer learns what they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import av
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream

from moviola.media.bundle import pack
from moviola.media.errors import SpliceError
from moviola.media.fidelity import Fate, Finding
from moviola.media.material import Chunk
from moviola.media.video.bundle import DISCARD, KEY, PacketEntry, PassthroughTable, fills_a_chunk
from moviola.media.video.headers import ATTACHMENT, COVER, PassthroughStream, Tags
from moviola.media.video.reading.opening import is_cut_away
from moviola.media.video.side_data import side_data_of_packet
from moviola.media.video.tags import CREATED, TIMECODE, named, time_of
from moviola.media.video.templates import CARRIED, TEMPLATE_FORMATS, open_template
from moviola.media.video.writing.sound import SKIPPED

# Of a template, which has one packet in it: the middleware takes no larger one.
MAX_TEMPLATE_SIZE = 1024 * 1024

# Of the first packets, with which it is tried what a container takes: enough to meet those that are unlike the first.
MAX_FIRST_PACKETS = 8
MAX_FIRST_BYTES = 16 * 1024
# Of a file within the file, which is in memory when an output is written; the largest fonts have 30 MB.
MAX_FILE_SIZE = 64 * 1024 * 1024
MAX_CARRIED = 63
"""Streams beside the filtered one that a job may have."""

_MARK: Final = "\N{REPLACEMENT CHARACTER}"

_PROBE_FIELDS = ("name", "extradata", "sample_rate", "channels")


def called(stream: Stream) -> str:
    """Return what people are told of a stream of a source: its index in the file, its type and its codec."""
    parts = [type_of(stream), _codec_of(stream)]
    return f"stream {stream.index} ({', '.join(part for part in parts if part)})"


def candidates(container: InputContainer, filtered: Stream) -> tuple[list[Stream], list[Finding]]:
    """Return the streams that may be carried beside the filtered one, and what becomes of the others; of the timecode,
    which is the video's, each output tells it."""
    carried: list[Stream] = []
    findings: list[Finding] = []
    kept = timecode(container, filtered)
    for stream in container.streams:
        if stream.index == filtered.index or (stream.type == "data" and stream.metadata.get(TIMECODE, "") == kept):
            continue
        found = _fate(container, stream)
        if found is None and len(carried) == MAX_CARRIED:
            reason = f"is left out: at most {MAX_CARRIED} streams are kept beside the video"
            found = Finding(called(stream), Fate.LOST, reason)
        if found is None:
            carried.append(stream)
        else:
            findings.append(found)
    return carried, findings


def _fate(container: InputContainer, stream: Stream) -> Finding | None:
    """Return what becomes of a stream that is not carried as one; None of one that may be."""
    name, kind = called(stream), type_of(stream)
    if kind == "data":
        if TIMECODE in stream.metadata:
            return Finding(name, Fate.LOST, f"is left out: it tells a second timecode, {stream.metadata[TIMECODE]}")
        if stream.discard == Discard.all and container.chapters():
            return Finding(name, Fate.KEPT, "is kept: it has the titles of the chapters")
        return (
            None if _codec_of(stream) else Finding(name, Fate.LOST, "is left out: FFmpeg cannot write data of its kind")
        )
    if kind == ATTACHMENT:
        size = len(stream.data)  # type: ignore[attr-defined]
        reason = "it is empty" if not size else f"it has {size} bytes, and the limit is {MAX_FILE_SIZE}"
        return None if 0 < size <= MAX_FILE_SIZE else Finding(name, Fate.LOST, f"is left out: {reason}")
    if kind == "video":
        what = "pictures of chapters" if stream.disposition & Disposition.timed_thumbnails else "another video"
        return Finding(f"stream {stream.index} ({what})", Fate.LOST, "is left out: only one video stream is filtered")
    if kind not in (*CARRIED, COVER):
        return Finding(name, Fate.LOST, "is left out: it is neither sound, subtitles, data nor an attachment")
    if getattr(stream, "codec_context", None) is None:
        return Finding(name, Fate.LOST, "is left out: FFmpeg does not know its codec")
    return None


def timecode(container: InputContainer, filtered: Stream) -> str | None:
    """Return the timecode of the first frame, which a file may tell of its video or in a stream of its own."""
    streams = [filtered, *(one for one in container.streams if one.type == "data")]
    return next((one.metadata[TIMECODE] for one in streams if TIMECODE in one.metadata), None)


def type_of(stream: Stream) -> str:
    """Return a stream's type as FFmpeg names it, or COVER."""
    if stream.type == "video" and stream.disposition & Disposition.attached_pic:
        return "video" if stream.disposition & Disposition.timed_thumbnails else COVER
    return stream.type


def _codec_of(stream: Stream) -> str:
    if stream.type == "attachment":
        return ""
    context = getattr(stream, "codec_context", None)
    return context.name if context is not None else (getattr(stream, "name", None) or "")


def garbled(container: InputContainer) -> Iterator[Finding]:
    """Yield the tags whose text is no UTF-8: it was read with marks in place of what cannot be read."""
    told = [("", container.metadata), *((f" of stream {one.index}", one.metadata) for one in container.streams)]
    for whose, tags in told:
        for name, text in tags.items():
            if _MARK in text or _MARK in name:
                reason = "is changed: its text is not UTF-8, and a mark replaces what cannot be read"
                yield Finding(f"tag {name}{whose}", Fate.CHANGED, reason)


def own_tags(stream: Stream, container: InputContainer) -> Tags:
    """Return a stream's tags without the file's time of creation, which containers tell of every stream again."""
    created = named(container.metadata, CREATED)
    return {
        name: text
        for name, text in stream.metadata.items()
        if name.lower() != CREATED or not created or time_of(text) != time_of(created)
    }


def describe(
    stream: Stream, container: InputContainer, number: int, firsts: list[av.Packet[Any]]
) -> PassthroughStream | None:
    """Return what the splicer is told of passthrough stream `number`; None if no container carries its parameters."""
    kind = type_of(stream)
    template: tuple[str, bytes] | None = ("", b"")
    if kind not in (ATTACHMENT, COVER):
        template = _first_template(stream, firsts[0])
    if template is None:
        return None
    return PassthroughStream(
        stream=number,
        type=kind,
        codec=_codec_of(stream),
        time_base=stream.time_base or (firsts[0].time_base if firsts else None) or Fraction(1, 1000),
        template=template[1],
        template_format=template[0],
        language=stream.language or "und",
        # A timecode is the video's, on whichever stream FFmpeg tells it too.
        metadata={name: text for name, text in own_tags(stream, container).items() if name.lower() != TIMECODE},
        disposition=int(stream.disposition),
        first=b"" if kind in (ATTACHMENT, COVER) else _chunk(firsts),
        index=stream.index,
    )


def wants_more(firsts: list[av.Packet[Any]], packet: av.Packet[Any]) -> bool:
    """Return True if a packet is to be added to the first ones of its stream."""
    size = sum(one.size for one in firsts) + packet.size
    return not firsts or (len(firsts) < MAX_FIRST_PACKETS and size <= MAX_FIRST_BYTES)


def _chunk(packets: list[av.Packet[Any]]) -> bytes:
    """Return packets as a chunk that begins at zero, whatever the source's clock tells, and that is heard at once."""
    entries = [packet_entry(one) for one in packets]
    begin = min((at for entry in entries for at in (entry.pts, entry.dts) if at is not None), default=0)
    moved = [
        entry._replace(
            pts=None if entry.pts is None else entry.pts - begin,
            dts=None if entry.dts is None else entry.dts - begin,
            side_data=[one for one in entry.side_data or () if one.kind != SKIPPED] or None,
        )
        for entry in entries
    ]
    return pack(PassthroughTable(moved).to_wire(), [bytes(one) for one in packets])


def _attachment_chunk(stream: Stream, number: int) -> Chunk:
    """Return the only chunk of an attachment, whose content no packet has."""
    data = stream.data  # type: ignore[attr-defined]
    table = PassthroughTable([PacketEntry(len(data), 0, 0, 0, KEY, None)])
    return Chunk(number, 0, 1, pack(table.to_wire(), [data]))


def _first_template(stream: Stream, first: av.Packet[Any]) -> tuple[str, bytes] | None:
    for form in TEMPLATE_FORMATS:
        template = _template(stream, first, form)
        if template is not None:
            return form, template
    return None


def _template(stream: Stream, first: av.Packet[Any], form: str) -> bytes | None:
    buffer = io.BytesIO()
    try:
        # bitexact: no random identifier, no date; the same source has the same description
        with av.open(buffer, "w", format=form, container_options={"fflags": "+bitexact"}) as container:
            target = container.add_stream_from_template(stream)
            packet: av.Packet[Any] = av.Packet(first.size)
            packet.update(bytes(first))
            packet.pts = packet.dts = 0
            packet.duration = first.duration
            packet.time_base = first.time_base
            packet.is_keyframe = True
            packet.stream = target
            container.mux(packet)
        if buffer.tell() > MAX_TEMPLATE_SIZE:
            return None
        with open_template(form, buffer.getvalue()) as again:
            same = len(again.streams) == 1 and _parameters(again.streams[0]) == _parameters(stream)
    except (av.FFmpegError, ValueError, UnicodeError, SpliceError):
        return None  # this format has no room for this codec
    return buffer.getvalue() if same else None


def _parameters(stream: Stream) -> list[object]:
    context = getattr(stream, "codec_context", None)
    if context is None:
        return [stream.type, getattr(stream, "name", None)]
    return [getattr(context, field, None) or None for field in _PROBE_FIELDS]


def packet_entry(packet: av.Packet[Any]) -> PacketEntry:
    """Return a packet's line in a chunk's table."""
    side_data, _ = side_data_of_packet(packet)
    flags = packet.is_keyframe * KEY | packet.is_discard * DISCARD
    return PacketEntry(packet.size, packet.pts, packet.dts, packet.duration or 0, flags, side_data or None)


class Carrier:
    """Makes chunks of the passthrough streams of an open file: first of its attachments, then of packets as they come.

    `numbers` maps a stream's index in the file to its number among the streams of the Source, from 1.
    """

    def __init__(self, container: InputContainer, numbers: dict[int, int]) -> None:
        self.streams = [container.streams[index] for index in numbers]
        self._groups = {index: _Group(number) for index, number in numbers.items()}

    def attachments(self) -> Iterator[Chunk]:
        """Yield a chunk for each attachment, of which there is no packet."""
        for stream in self.streams:
            if stream.type == ATTACHMENT:
                yield _attachment_chunk(stream, self._groups[stream.index].number)

    def add(self, packet: av.Packet[Any]) -> Iterator[Chunk]:
        """Add a packet, and yield a chunk if its stream has enough packets for one."""
        if is_cut_away(packet):
            return
        group = self._groups[packet.stream_index]
        group.entries.append(packet_entry(packet))
        group.packets.append(bytes(packet))
        group.size += packet.size
        if fills_a_chunk(len(group.packets), group.size):
            yield group.take()

    def rest(self) -> Iterator[Chunk]:
        """Yield a chunk for each stream that has packets left at the end of the file."""
        for group in self._groups.values():
            if group.packets:
                yield group.take()


@dataclass
class _Group:
    number: int
    index: int = 0
    size: int = 0
    entries: list[PacketEntry] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)

    def take(self) -> Chunk:
        chunk = Chunk(
            self.number, self.index, len(self.packets), pack(PassthroughTable(self.entries).to_wire(), self.packets)
        )
        self.index += 1
        self.size = 0
        self.entries, self.packets = [], []
        return chunk
