"""Sound that no suitable container takes as it is, decoded and stored without loss, so that it is kept all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Any, Final

import av
from av import AudioFifo, AudioFrame, AudioResampler, Packet
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import PacketSideData, packet_sidedata_type_from_literal

from moviola.media.video.containers import Container
from moviola.media.video.templates import name_channels
from moviola.media.video.writing.tracks import Mux

SKIPPED: Final = "skip_samples"
"""FFmpeg's name of the side data that says how much of a packet's sound is not heard."""

# Times of a container with 1 ms steps jitter by less; a larger difference is a gap in the sound.
GAP_S = 0.05

MAX_SILENCE_S: Final = 24 * 3600
"""Silence that may fill the gaps of a stream: a recorder may pause overnight. A day of it has a million packets, of
which a muxer keeps note in memory; a damaged time can ask for any number."""


class TooMuchSilence(ValueError):
    """Raised if the gaps of a sound are longer than they may be filled; the text says so of the stream."""

    def __init__(self) -> None:
        hours = MAX_SILENCE_S // 3600
        super().__init__(f"has gaps of more than {hours} hours, which would be filled with silence (in .mkv they stay)")


def add_decoded(file: OutputContainer, template: AudioStream, container: Container) -> AudioStream:
    """Add a stream to `file`, which is a file of `container`, that can hold what the decoder of `template` gives;
    return it."""
    given = template.codec_context
    codec, samples = container.decoded_as(given.format.packed.name)
    stream = file.add_stream(codec, rate=given.sample_rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = given.layout
    stream.codec_context.format = samples
    stream.codec_context.time_base = Fraction(1, given.sample_rate)
    name_channels(stream)
    return stream


def decoded_packets(
    packets: Iterable[Packet[Any]], template: AudioStream, stream: AudioStream, say: Callable[[str], None]
) -> Iterator[Mux]:
    """Yield the sound of `packets`, which belong to `template`, as packets of `stream`, from zero on. Damaged ones
    leave a gap; a sound that changes its layout or its rate midway goes on in the stream's, of which `say` is told.
    Raise TooMuchSilence where gaps cannot stay, and are too long to be filled."""
    decoder, encoder = template.codec_context, stream.codec_context
    clock = _SampleClock(encoder.sample_rate)

    def frames() -> Iterator[AudioFrame]:
        for packet in chain(packets, (None,)):
            yield from _decoded(decoder.decode, _from_its_begin(packet))

    def stamped() -> Iterator[AudioFrame]:
        for part in _alike(frames(), encoder, say):
            clock.stamp(part)
            yield from _from_zero(part)

    for frame in chain(_framed(stamped(), encoder), (None,)):
        for ready in encoder.encode(frame):
            assert ready.dts is not None
            ready.stream = stream
            ready.time_base = clock.base
            yield Mux(float(ready.dts * clock.base), ready)


def _from_its_begin(packet: Packet[Any] | None) -> Packet[Any] | None:
    """Return a packet whose sound is given from its beginning on: a decoder that is to skip some of it must know the
    unit of its time, which may be another than the template's. What is not heard lies before zero."""
    if packet is not None and packet.has_sidedata(SKIPPED):
        content = bytes(packet.get_sidedata(SKIPPED))
        whole = PacketSideData(packet_sidedata_type_from_literal(SKIPPED), len(content))  # type: ignore[call-arg]
        whole.update(bytes(4) + content[4:])
        packet.set_sidedata(whole)
    return packet


def _from_zero(part: AudioFrame) -> Iterator[AudioFrame]:
    """Yield the part of a frame of sound that lies behind zero; its time is in samples."""
    assert part.pts is not None
    if part.pts >= 0:
        yield part
    elif part.pts + part.samples > 0:
        samples = part.to_ndarray()
        values = -part.pts * (1 if part.format.is_planar else part.layout.nb_channels)
        heard = AudioFrame.from_ndarray(samples[:, values:], part.format.name, part.layout.name)
        heard.sample_rate, heard.pts, heard.time_base = part.sample_rate, 0, part.time_base
        yield heard


def _decoded(decode: Any, packet: Packet[Any] | None) -> list[AudioFrame]:
    try:
        frames: list[AudioFrame] = decode(packet)
    except av.FFmpegError:
        return []
    return frames


def _alike(
    frames: Iterable[AudioFrame], encoder: AudioCodecContext, say: Callable[[str], None]
) -> Iterator[AudioFrame]:
    """Yield sound as an encoder takes it. A resampler takes frames of one kind, so each change gets another one; `say`
    is told of the first that people would hear."""
    stored, has_changed, given = (encoder.layout.nb_channels, encoder.sample_rate), False, None
    resampler = AudioResampler(encoder.format, encoder.layout, encoder.sample_rate)
    for frame in frames:
        heard = frame.layout.nb_channels, frame.sample_rate
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if given not in (None, kind):
            yield from resampler.resample(None)
            resampler = AudioResampler(encoder.format, encoder.layout, encoder.sample_rate)
        if heard != stored and not has_changed:
            has_changed = True
            since = "" if frame.time is None else f" from {frame.time:.1f} s on"
            say(f"has {_named(*heard)}{since}: its sound is stored with {_named(*stored)} throughout")
        given = kind
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _named(channels: int, rate: int) -> str:
    return f"{channels} channel{'' if channels == 1 else 's'} at {rate} Hz"


def _framed(parts: Iterator[AudioFrame], encoder: AudioCodecContext) -> Iterator[AudioFrame]:
    """Yield sound in frames of the size that an encoder wants; gaps become silence there, for no frame may be short but
    the last. An encoder that takes any size, as those of PCM do, gets the parts as they are. Raise TooMuchSilence."""
    first = next(parts, None)
    size = encoder.frame_size
    if first is None or not size:
        yield from parts if first is None else chain((first,), parts)
        return
    fifo, base = AudioFifo(), first.time_base
    room = MAX_SILENCE_S * encoder.sample_rate
    assert first.pts is not None
    given = taken = first.pts

    def whole(*, partial: bool) -> Iterator[AudioFrame]:
        nonlocal taken
        while fifo.samples >= size or (partial and fifo.samples):
            frame = fifo.read(size, partial=partial)
            assert isinstance(frame, AudioFrame)
            frame.pts, frame.time_base = taken, base
            taken += frame.samples
            yield frame

    for part in chain((first,), parts):
        assert part.pts is not None
        room -= max(0, part.pts - given)
        if room < 0:
            raise TooMuchSilence
        while part.pts > given:
            silence = _silence(part, min(size, part.pts - given))
            given += silence.samples
            fifo.write(silence)
            yield from whole(partial=False)
        given += part.samples
        part.pts = None
        fifo.write(part)
        yield from whole(partial=False)
    yield from whole(partial=True)


def _silence(like: AudioFrame, samples: int) -> AudioFrame:
    frame = AudioFrame(format=like.format.name, layout=like.layout.name, samples=samples)
    frame.sample_rate = like.sample_rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


class _SampleClock:
    """Counts samples, so that the times of decoded sound do not jitter, and follows its gaps."""

    def __init__(self, rate: int) -> None:
        self.base = Fraction(1, rate)
        self._gap = round(GAP_S * rate)
        self._next: int | None = None

    def stamp(self, frame: AudioFrame) -> None:
        pts, base = frame.pts, frame.time_base
        if pts is not None:  # what a decoder gives at the end has a pts, but no time base to it
            pts = None if base is None else round(pts * base / self.base)
        if self._next is None or (pts is not None and pts - self._next > self._gap):
            self._next = pts or 0
        frame.pts, frame.time_base = self._next, self.base
        self._next += frame.samples
