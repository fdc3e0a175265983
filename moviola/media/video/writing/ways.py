"""How packets of streams that are not filtered come into a file: as they are, taken apart, or in another notation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, pairwise
from math import ceil, floor
from typing import Any, Final

from av import CodecContext, Packet
from av.bitstream import BitStreamFilterContext
from av.stream import Stream

from moviola.media.video.writing.tracks import Mux

_HALF: Final = Fraction(1, 2)


def untouched(
    packets: Iterable[Packet[Any]], stream: Stream, base: Fraction, *, is_strict: bool = False
) -> Iterator[Mux]:
    """Yield packets for a stream that takes them as they are; `base` is their time base.

    With `is_strict` the muxer refuses times that do not rise in its own ticks, which may be longer: such are moved on.
    """
    tick_s = float(base)
    for packet in _rising(packets, stream, base) if is_strict else packets:
        assert packet.dts is not None
        packet.stream = stream
        packet.time_base = base
        yield Mux(packet.dts * tick_s, packet)


def _rising(packets: Iterable[Packet[Any]], stream: Stream, base: Fraction) -> Iterator[Packet[Any]]:
    """Yield packets whose times rise by a tick of the muxer at least; it has chosen its ticks when the first is due."""
    earliest: int | None = None
    for packet in packets:
        assert packet.dts is not None
        tick = (stream.time_base or base) / base
        if tick > 1:
            if earliest is not None and packet.dts < earliest:
                packet.pts, packet.dts = max(packet.dts if packet.pts is None else packet.pts, earliest), earliest
            earliest = ceil((floor(packet.dts / tick + _HALF) + _HALF) * tick)
        yield packet


def repacked(packets: Iterable[Packet[Any]], template: Stream) -> Iterator[Packet[Any]]:
    """Yield packets of one frame each, where some hold several, as those of AMR in 3GP do: a muxer may want them so. A
    packet that is not taken apart byte for byte stays as it is."""
    step: int | None = None
    for packet, following in pairwise(chain(packets, (None,))):
        assert packet is not None
        assert packet.dts is not None
        pieces = _frames_in(bytes(packet), template)
        if step is None and len(pieces) > 1:
            step = _step(packet, following, len(pieces))
        for number, data in enumerate(pieces if step is not None else ()):
            piece: Packet[Any] = Packet(len(data))
            piece.update(data)
            piece.pts = piece.dts = packet.dts + number * (step or 0)
            piece.duration, piece.time_base = step or 0, packet.time_base
            piece.is_keyframe = packet.is_keyframe
            yield piece
        if step is None:
            yield packet


def _step(packet: Packet[Any], following: Packet[Any] | None, count: int) -> int:
    """Return how long one of a packet's frames is; a demuxer may tell the length of the packet or that of a frame."""
    duration, dts = packet.duration or 0, packet.dts or 0
    until_next = duration if following is None else (following.dts or 0) - dts
    return duration if duration and duration * count == until_next else (duration or until_next) // count


def _frames_in(data: bytes, template: Stream) -> list[bytes]:
    context = CodecContext.create(template.codec_context.name, "r")
    pieces = [bytes(piece) for end in (data, b"") for piece in context.parse(end)]
    return pieces if b"".join(pieces) == data else [data]


def converted(packets: Iterable[Packet[Any]], stream: Stream, bitstream_filter: str) -> Iterator[Mux]:
    """Yield packets for a stream in another notation, by a bit-stream filter that makes one packet of one."""
    converter = BitStreamFilterContext(bitstream_filter)
    for packet in packets:
        base = packet.time_base  # the filter forgets it
        for ready in converter.filter(packet):
            yield from untouched((ready,), stream, base)


def as_shown(packets: Iterator[Packet[Any]], base: Fraction, end_s: Fraction) -> Iterator[Packet[Any]]:
    """Yield subtitles. If the last one does not tell how long it is shown, it lasts until the video ends: an edit list
    that ends where it begins would cut it away.

    Args:
        base (s): unit of the packets' times.
        end_s (s): when the video ends.
    """
    for packet, following in pairwise(chain(packets, (None,))):
        assert packet is not None
        assert packet.pts is not None
        if following is None and not packet.duration:
            packet.duration = max(1, round(end_s / base) - packet.pts)
        yield packet
