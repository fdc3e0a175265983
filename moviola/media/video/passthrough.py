"""Streams that are not filtered: which of them are carried, and how the splicer learns what they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

from moviola.media.bundle import pack
from moviola.media.errors import SpliceError
from moviola.media.fidelity import Fate, Finding
from moviola.media.material import Chunk
from moviola.media.video.bundle import DISCARD, KEY, PacketEntry, PassthroughTable
from moviola.media.video.headers import PassthroughStream
from moviola.media.video.side_data import side_data_of_packet
from moviola.media.video.templates import CARRIED, TEMPLATE_FORMATS, open_template

# A chunk of such a stream: about a minute of sound, small beside a chunk of video.
MAX_PACKET_COUNT = 2048
MAX_PACKET_BYTES = 1024 * 1024
# Of a template, which has one packet in it: the middleware takes no larger one.
MAX_TEMPLATE_SIZE = 1024 * 1024

_PROBE_FIELDS = ("name", "extradata", "sample_rate", "channels")


def called(stream: Stream) -> str:
    """Return what people are told of a stream of a source: its index in the file, its type and its codec."""
    context = getattr(stream, "codec_context", None)
    return (
        f"stream {stream.index} ({stream.type}, {context.name})"
        if context is not None
        else (f"stream {stream.index} ({stream.type})")
    )


def candidates(container: InputContainer, filtered: Stream) -> tuple[list[Stream], list[Finding]]:
    """The streams that may be carried beside the filtered one, and what becomes of those that are left out."""
    carried: list[Stream] = []
    lost: list[Finding] = []
    for stream in container.streams:
        if stream.index == filtered.index:
            continue
        if stream.type in CARRIED and getattr(stream, "codec_context", None) is not None:
            carried.append(stream)
        elif stream.type == "video":
            kind = "the cover picture" if stream.disposition & av.stream.Disposition.attached_pic else "another video"
            reason = "is left out: only one video stream is filtered"
            lost.append(Finding(f"stream {stream.index} ({kind})", Fate.LOST, reason))
        else:
            reason = "is left out: it is neither sound nor subtitles"
            lost.append(Finding(f"stream {stream.index} ({stream.type})", Fate.LOST, reason))
    return carried, lost


def describe(stream: Stream, number: int, first: av.Packet[Any]) -> PassthroughStream | None:
    """What the splicer is told of passthrough stream `number`, or None if no container carries its parameters."""
    for form in TEMPLATE_FORMATS:
        template = _template(stream, first, form)
        if template is not None:
            base = stream.time_base or first.time_base
            return PassthroughStream(
                stream=number,
                type=stream.type,
                codec=stream.codec_context.name,
                time_base=base,
                template=template,
                template_format=form,
                language=stream.language or "und",
                metadata=dict(stream.metadata),
                disposition=int(stream.disposition),
            )
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
    context = stream.codec_context
    return [getattr(context, field, None) or None for field in _PROBE_FIELDS]


def packet_entry(packet: av.Packet[Any]) -> PacketEntry:
    """Return a packet's line in a chunk's table."""
    side_data, _ = side_data_of_packet(packet)
    flags = packet.is_keyframe * KEY | packet.is_discard * DISCARD
    return PacketEntry(packet.size, packet.pts, packet.dts, packet.duration or 0, flags, side_data or None)


class Carrier:
    """Turns the packets of the passthrough streams into chunks, as they come.

    `numbers` maps a stream's index in the file to its number among the streams of the Source, from 1.
    """

    def __init__(self, numbers: dict[int, int]) -> None:
        self._groups = {index: _Group(number) for index, number in numbers.items()}

    def add(self, packet: av.Packet[Any]) -> Iterator[Chunk]:
        """Add a packet, and yield a chunk if its stream has enough packets for one."""
        group = self._groups[packet.stream_index]
        group.entries.append(packet_entry(packet))
        group.packets.append(bytes(packet))
        group.size += packet.size
        if len(group.packets) >= MAX_PACKET_COUNT or group.size >= MAX_PACKET_BYTES:
            yield group.take()

    def rest(self) -> Iterator[Chunk]:
        """What is left at the end of the file."""
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
