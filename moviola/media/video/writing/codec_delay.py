"""Sound that a file holds and that is not heard: what begins before zero, in a Matroska, and what ends a stream.

An MP4 has edit lists for that, and FFmpeg writes them by itself. A Matroska has a field of the track, CodecDelay: by so
much its blocks are stamped later, and so much of the decoded sound is not played (RFC 9559, 5.1.4.1.28). FFmpeg writes
it as `AVCodecParameters.initial_padding` says, which PyAV does not show; so it is told by a stream's template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from itertools import chain
from struct import unpack_from
from typing import Any, Final

import av
from av import Packet
from av.audio.stream import AudioStream

from moviola.media.errors import SpliceError
from moviola.media.video.templates import NO_PROTOCOLS
from moviola.media.video.writing.sound import SKIPPED

LONG_RUN_UP_S: Final = Fraction(80, 1000)
"""How much sound, in seconds, a decoder needs before it gives whole sound, where that is more than one packet."""

LONG_RUN_UP: Final = frozenset({"opus", "mp3", "mp3float"})
"""Opus asks for 80 ms (RFC 7845, 4.6); a packet of MP3 may need bits of the three before it (ISO/IEC 11172-3, 2.4.2.7,
`main_data_begin`)."""

STEP_S: Final = Fraction(1, 1000)
"""The unit of a Matroska's times, in seconds. FFmpeg guesses durations that are shorter."""

_UNDETERMINED: Final = b"\x22\xb5\x9c\x83und"
"""Language (RFC 9559, 5.1.4.1.19): as many bytes as `_delay` has. A stream's language is told elsewhere."""


def from_run_up(packets: Iterable[Packet[Any]], base: Fraction, codec: str) -> tuple[Iterator[Packet[Any]], Fraction]:
    """Leave out the packets that are over long before zero: they were cut away.

    Args:
        packets: of a stream of sound.
        base (s): unit of their times.
        codec: FFmpeg's name of it.

    Returns:
        The others, and how long before zero these begin, in seconds.
    """
    rest = iter(packets)
    for first in rest:
        assert first.pts is not None
        lasts_s = (first.duration or 0) * base
        run_up_s = LONG_RUN_UP_S if codec in LONG_RUN_UP else 0 if codec.startswith("pcm_") else lasts_s
        if first.pts * base + lasts_s > -run_up_s:
            delay_s = max(Fraction(0), -first.pts * base)
            return _counted_from_zero(chain([first], rest), delay_s, base), delay_s
    return iter(()), Fraction(0)


def _counted_from_zero(packets: Iterable[Packet[Any]], delay_s: Fraction, base: Fraction) -> Iterator[Packet[Any]]:
    """Yield packets whose durations are shorter by `delay_s`: they are stamped later by as much, and the file should
    not be longer for that."""
    for packet in packets:
        if delay_s and packet.duration and not packet.has_sidedata(SKIPPED):
            packet.duration = round(max(STEP_S, packet.duration * base - delay_s) / base)
        yield packet


def as_heard(packets: Iterable[Packet[Any]], base: Fraction, sample_rate: int) -> Iterator[Packet[Any]]:
    """Yield packets that last as long as they are heard: the last one is often filled up by its encoder, which an MP4
    tells by a shorter duration. Where the source's container does so as well, it is shorter already."""
    usual = 0
    for packet in packets:
        duration = packet.duration or 0
        if packet.has_sidedata(SKIPPED) and duration >= usual:
            (skipped,) = unpack_from("<4xI", bytes(packet.get_sidedata(SKIPPED)))
            packet.duration = max(1, duration - round(skipped / sample_rate / base)) if skipped else duration
        usual = duration
        yield packet


@contextmanager
def delayed(template: AudioStream, delay_s: Fraction) -> Iterator[AudioStream]:
    """Return the stream that a template describes, with a CodecDelay.

    Raises:
        SpliceError: no Matroska holds it.
    """
    if template.codec_context.delay:
        yield template  # it tells its own, as Opus does
        return
    buffer = BytesIO()
    options = {"fflags": "+bitexact", "write_crc32": "0"}
    with av.open(buffer, "w", format="matroska", container_options=options) as file:
        stream = file.add_stream_from_template(template)
        stream.metadata["language"] = "und"
        given: Any = template.container
        packet = next(packet for packet in given.demux(template) if packet.size)
        packet.stream = stream
        file.mux_one(packet)
    data = buffer.getvalue()
    if _UNDETERMINED not in data:
        raise SpliceError(f"sound of {template.codec_context.name} cannot begin before zero in a Matroska file")
    data = data.replace(_UNDETERMINED, _delay(delay_s), 1)
    with av.open(BytesIO(data), "r", format="matroska", options=dict(NO_PROTOCOLS)) as file:
        yield file.streams.audio[0]


def _delay(delay_s: Fraction) -> bytes:
    """Return a CodecDelay in nanoseconds; 4 bytes hold more than there is of a run-up."""
    return b"\x56\xaa\x84" + round(delay_s * 10**9).to_bytes(4, "big")
