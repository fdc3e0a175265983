"""Sound that no suitable container takes as it is, decoded to PCM, so that it is kept all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Any

import av
from av import AudioFrame, AudioResampler, Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer

from moviola.media.video.container_choice import name_channels
from moviola.media.video.tracks import Mux

# The codec whose samples hold those of a decoder; what is not listed becomes 16-bit.
_PCM = {"s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f32le"}
_SAMPLES = {"pcm_s16le": "s16", "pcm_s32le": "s32", "pcm_f32le": "flt"}

# Times of a container with 1 ms steps jitter by less; a larger difference is a gap in the sound.
GAP_S = 0.05


def add_decoded(file: OutputContainer, template: AudioStream) -> AudioStream:
    """A PCM stream of `file` that can hold what the decoder of `template` gives."""
    given = template.codec_context
    codec = _PCM.get(given.format.packed.name, "pcm_s16le")
    stream = file.add_stream(codec, rate=given.sample_rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = given.layout
    stream.codec_context.format = _SAMPLES[codec]
    stream.codec_context.time_base = Fraction(1, given.sample_rate)
    name_channels(stream)
    return stream


def decoded_packets(packets: Iterable[Packet[Any]], template: AudioStream, stream: AudioStream) -> Iterator[Mux]:
    """The sound of `packets`, which belong to `template`, as packets of `stream`. Damaged ones leave a gap."""
    decoder, encoder = template.codec_context, stream.codec_context
    resampler = AudioResampler(encoder.format, encoder.layout)
    clock = _SampleClock(encoder.sample_rate)
    for packet in chain(packets, (None,)):
        for frame in _decoded(decoder.decode, packet):
            for part in resampler.resample(frame):
                clock.stamp(part)
                for ready in encoder.encode(part):
                    assert ready.dts is not None
                    ready.stream = stream
                    ready.time_base = clock.base
                    yield Mux(float(ready.dts * clock.base), ready)


def _decoded(decode: Any, packet: Packet[Any] | None) -> list[AudioFrame]:
    try:
        frames: list[AudioFrame] = decode(packet)
    except av.FFmpegError:
        return []
    return frames


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
