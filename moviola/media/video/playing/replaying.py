"""A finished video as a fragmented MP4: its packets as they are, in fragments that begin with a key frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol, Self

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from moviola.media.errors import SpliceError
from moviola.media.video.containers import MP4, Container
from moviola.media.video.filtering.encode import RATE_UNKNOWN
from moviola.media.video.playing.fragments import Frame, Run, Sample, video_run
from moviola.media.video.playing.initialisation import initialisation
from moviola.media.video.playing.playing import LEAD_FRAMES, SOUND_TRACK, VIDEO_TRACK, first_packet, playable
from moviola.media.video.templates import NO_PROTOCOLS, add_untouched, header_takes

MIN_FRAGMENT_S: Final = Fraction(2)
"""A fragment ends at the first key frame after this time; most chunks are as long."""

SEEK_MARGIN_S: Final = Fraction(1)
"""By how much a key frame is looked for before a time: demuxers seek by when frames are decoded, not shown."""

BUFFER_SIZE: Final = 256 * 1024
"""Bytes that a demuxer asks for at a time."""


class Readable(Protocol):
    """What is needed of a file: it is read mostly in order."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most so many bytes; none at the end."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go to a place."""

    def tell(self) -> int:
        """Return the place."""


class Clock(NamedTuple):
    """The units in which a fragmented MP4 tells its times.

    Attributes:
        timescale: ticks a second of the video.
        lead (ticks): of the video, as `video_run` has it.
        sound_rate: ticks a second of the sound; 0 without sound.
        sound_lead (ticks): of the sound, likewise.
    """

    timescale: int
    lead: int
    sound_rate: int = 0
    sound_lead: int = 0


@dataclass(frozen=True, slots=True)
class Played:
    """How far somebody is who has had fragments elsewhere, in seconds.

    Attributes:
        shown_s: when the last frame is shown that they have.
        heard_s: until when they have sound.
    """

    shown_s: Fraction
    heard_s: Fraction


class FinishedVideo:
    """A finished file of an output; `with` closes it.

    Args:
        file: its bytes.
        container: its format.
        with_sound: its sound is played, too.

    Raises:
        SpliceError: it is none, or an MP4 cannot hold its video.
    """

    def __init__(self, file: Readable, container: Container, *, with_sound: bool = True) -> None:
        self._container = container
        self._file = _opened(file, container)
        self._video: VideoStream = self._file.streams.video[0]
        self._codec = playable(self._video.codec_context.name)
        sounds = [each for each in self._file.streams.audio if header_takes(MP4.format, each)] if with_sound else []
        self._sound: Stream | None = sounds[0] if sounds else None
        self._first = {stream.index: self._first_packet(stream) for stream in self._streams}
        self.clock = self._clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def _streams(self) -> list[Stream]:
        return [self._video] if self._sound is None else [self._video, self._sound]

    @property
    def has_sound(self) -> bool:
        """True if sound is played beside the video."""
        return self._sound is not None

    @property
    def duration_s(self) -> float:
        """How long it is, in seconds."""
        return (self._file.duration or 0) / av.time_base

    @property
    def size(self) -> tuple[int, int]:
        """Return the width and the height of its frames, in pixels."""
        context = self._video.codec_context
        return context.width, context.height

    @property
    def rate(self) -> float:
        """How many frames a second it has, on average."""
        return float(self._video.average_rate or 0)

    def beginning(self) -> bytes:
        """Return the initialisation segment. Raise SpliceError where MP4 does not take these streams."""
        return initialisation(self._add_tracks, self.clock.timescale)

    def runs(self, begin_s: Fraction, clock: Clock, played: Played | None = None) -> Iterator[list[Run]]:
        """Yield the runs of each fragment.

        Args:
            begin_s: the first fragment has the frame that is shown then, in seconds.
            clock: of the file for which they are.
            played: what is left out, because whoever asks has it.
        """
        video: list[Packet[Any]] = []
        sound: list[Packet[Any]] = []
        is_first = True
        for packet in self._packets(begin_s if played is None else played.shown_s):
            if packet.stream is self._sound:
                if played is None or not _is_heard(packet, played.heard_s):
                    sound.append(packet)
                continue
            at = _time(packet)
            if packet.is_keyframe and is_first and played is None and at <= begin_s:
                video, sound = [packet], []
            elif packet.is_keyframe and video and at - _time(video[0]) >= MIN_FRAGMENT_S:
                yield self._runs(video, sound, clock)
                video, sound, is_first = [packet], [], False
            elif video or (packet.is_keyframe and not self._is_shown(at, played)):
                video.append(packet)
        if video or sound:
            yield self._runs(video, sound, clock)

    def _is_shown(self, at: Fraction, played: Played | None) -> bool:
        return played is not None and at <= played.shown_s + (self._container.resolution or 0)

    def _packets(self, begin_s: Fraction) -> Iterator[Packet[Any]]:
        """Yield the packets from a key frame on that is shown before a time, or from the file's beginning on."""
        assert self._video.time_base is not None
        self._file.seek(round((begin_s - SEEK_MARGIN_S) / self._video.time_base), stream=self._video)
        yield from (packet for packet in self._file.demux(*self._streams) if packet.size and packet.pts is not None)

    def _first_packet(self, stream: Stream) -> Packet[Any]:
        packets = (packet for packet in self._file.demux(stream) if packet.size and packet.pts is not None)
        first = next(packets, None)
        if first is None:
            raise SpliceError(f"stream {stream.index} of the finished file has no packet")
        self._file.seek(0)
        return first

    def _clock(self) -> Clock:
        assert self._video.time_base is not None
        timescale = self._video.time_base.denominator
        lead = round(LEAD_FRAMES * timescale / (self._video.average_rate or RATE_UNKNOWN))
        if self._sound is None:
            return Clock(timescale, lead)
        rate: int = self._sound.codec_context.sample_rate  # type: ignore[attr-defined]
        begins = round(_time(self._first[self._sound.index]) * rate)
        return Clock(timescale, lead, rate, max(0, -begins))

    def _add_tracks(self, file: OutputContainer) -> list[Packet[Any]]:
        video = file.add_stream_from_template(self._video, opaque=True)
        if tag := self._codec.tags.get(MP4.format):
            video.codec_context.codec_tag = tag
        clock = self.clock
        data = bytes(self._first[self._video.index])
        packets = [first_packet(video, data, Fraction(1, clock.timescale), 0, clock.lead)]
        if self._sound is not None:
            sound = add_untouched(file, self._sound)
            data = bytes(self._first[self._sound.index])
            packets.append(first_packet(sound, data, Fraction(1, clock.sound_rate), -clock.sound_lead, 0))
        return packets

    def _runs(self, video: list[Packet[Any]], sound: list[Packet[Any]], clock: Clock) -> list[Run]:
        return [*_video_run(video, clock), *_sound_run(sound, clock)]


def _opened(file: Readable, container: Container) -> InputContainer:
    try:
        opened = av.open(file, "r", format=container.format, options=dict(NO_PROTOCOLS), buffer_size=BUFFER_SIZE)
    except av.FFmpegError as error:
        raise SpliceError(f"the finished file cannot be read: {error}") from error
    if not opened.streams.video:
        opened.close()
        raise SpliceError("the finished file has no video")
    return opened


def _time(packet: Packet[Any]) -> Fraction:
    """When a packet is shown, in seconds."""
    assert packet.pts is not None
    assert packet.time_base is not None
    return packet.pts * packet.time_base


def _is_heard(packet: Packet[Any], heard_s: Fraction) -> bool:
    """Return True if at least half of a packet of sound lies before a time: containers round."""
    assert packet.time_base is not None
    return _time(packet) + (packet.duration or 0) * packet.time_base / 2 <= heard_s


def _video_run(packets: list[Packet[Any]], clock: Clock) -> Iterator[Run]:
    if not packets:
        return
    frames = [Frame(bytes(packet), round(_time(packet) * clock.timescale), packet.is_keyframe) for packet in packets]
    last, before = sorted((frame.shown_at for frame in frames), reverse=True)[:2] if len(frames) > 1 else (1, 0)
    end = max(frame.shown_at for frame in frames) + last - before
    yield video_run(VIDEO_TRACK, frames, end, clock.lead)


def _sound_run(packets: list[Packet[Any]], clock: Clock) -> Iterator[Run]:
    if not packets:
        return
    times = [round(_time(packet) * clock.sound_rate) for packet in packets]
    last = packets[-1]
    assert last.time_base is not None
    times.append(times[-1] + round((last.duration or 0) * last.time_base * clock.sound_rate))
    samples = [
        Sample(bytes(packet), max(0, end - begin), 0, True)
        for packet, (begin, end) in zip(packets, pairwise(times), strict=True)
    ]
    yield Run(SOUND_TRACK, times[0] + clock.sound_lead, samples)
