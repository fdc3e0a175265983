"""The finished front of an output as runs of a fragmented MP4: results of the video, chunks of the sound.

A chunk's packets begin with a key frame and refer to none of another chunk, so a chunk is timed by itself. Its frames
are shown when they are in the finished file; its packets are decoded a little earlier, in their order.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any, Final, NamedTuple

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from moviola.media.errors import ForeignExtradata, NothingToSplice, SpliceError
from moviola.media.material import Output
from moviola.media.video.bundle import MAX_PACKET_BYTES, MAX_PACKET_COUNT
from moviola.media.video.codecs import CODECS, Codec
from moviola.media.video.containers import MP4, Way
from moviola.media.video.headers import PassthroughStream, VideoSplice
from moviola.media.video.playing.fragments import Frame, Run, Sample, length_prefixed, video_run
from moviola.media.video.playing.initialisation import initialisation
from moviola.media.video.templates import NO_PROTOCOLS, add_untouched, template_stream
from moviola.media.video.writing.rehearsal import way_into
from moviola.media.video.writing.ticks import base_in
from moviola.media.video.writing.timing import StrictTimes
from moviola.media.video.writing.tracks import PassthroughTrack, ShownChunk, VideoTrack

VIDEO_TRACK: Final = 1
SOUND_TRACK: Final = 2

LEAD_FRAMES: Final = 4
"""By how many frames, at the usual rate, pictures are decoded before they are shown: encoders reorder by two."""


def playable(name: str) -> Codec:
    """Return the record of a codec that can be played so. Raise SpliceError, with the way out, for any other."""
    codec = CODECS.get(name)
    if codec is None or not codec.bare_format:
        told = codec.in_browsers if codec is not None else ""
        raise SpliceError(told or f"{name} cannot be played in a browser: get the finished file")
    return codec


def sound_of(source: VideoSplice) -> PassthroughStream | None:
    """Return the stream that is played beside the video: the first sound that MP4 takes as it is; None without one."""
    sounds = (stream for stream in source.passthrough if stream.type == "audio")
    return next((stream for stream in sounds if way_into(MP4, stream) is Way.UNTOUCHED), None)


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of the video.

    Attributes:
        run: its samples.
        begin_s (s), last_s (s): when its first frame is shown, and its last one.
        end_s (s): until when that is shown, as far as it is known here.
    """

    run: Run
    begin_s: Fraction
    last_s: Fraction
    end_s: Fraction


class LiveVideo:
    """Results of an output, each as a part of its video. They may begin anywhere, the first result of all comes first.

    Args:
        source: of the job.
        output: one with a video.

    Raises:
        SpliceError: its codec cannot be played.
    """

    def __init__(self, source: VideoSplice, output: Output) -> None:
        self._codec = playable(output.encoder.codec)
        self._source, self._output = source, output
        self._times = StrictTimes()
        self._extradata: bytes | None = None
        self._first = b""  # the first packet, with its encoder's start codes
        # What follows is known from the first result on.
        self.width = self.height = 0  # pixels
        self.rate = source.rate  # frames a second
        self.timescale = self.lead = 1  # ticks a second, and those of `video_run`

    def take(self, payload: bytes) -> Shown | None:
        """Return what a result adds; None of one that has no frame.

        Raises:
            BundleError: it is none of this version.
            ForeignExtradata: another encoder made it than the ones before.
        """
        base = base_in(MP4, self._source, self._output)
        track = VideoTrack(self._source, self._output, [payload], lambda *_: None, base)
        try:
            track.format()
        except NothingToSplice:
            return None
        if self._extradata is None:
            self.rate = track.grid.rate if track.grid is not None else self._source.rate
            self.timescale = track.time_base.denominator
            self.lead = round(LEAD_FRAMES * self.timescale / self.rate)
        track.times = self._times
        (chunk,) = track.chunks()
        self._check(chunk)
        return self._shown(chunk, track.time_base)

    def _check(self, chunk: ShownChunk) -> None:
        if self._extradata is None:
            self._extradata = chunk.extradata
            self._first = bytes(chunk.packets[0].data)
            self.width, self.height = chunk.format.width, chunk.format.height
        elif chunk.extradata != self._extradata:
            raise ForeignExtradata(chunk.index, chunk.fingerprint)

    def _shown(self, chunk: ShownChunk, base: Fraction) -> Shown:
        factor, times = base.numerator, chunk.pts
        step = times[-1] - times[-2] if len(times) > 1 else max(1, round(1 / self.rate / base))
        end = times[-1] + step
        in_units = self._codec.has_start_codes
        frames = [
            Frame(length_prefixed(packet.data) if in_units else packet.data, packet.pts * factor, packet.keyframe)
            for packet in chunk.packets
        ]
        run = video_run(VIDEO_TRACK, frames, end * factor, self.lead)
        return Shown(run, times[0] * base, times[-1] * base, end * base)

    def duration_s(self, begin_s: Fraction) -> float | None:
        """Return how long the video is that begins at a time, in seconds; None where the source does not tell."""
        source = self._source
        if not source.frame_count:
            return None
        if source.last_end is None:
            return float(source.frame_count / source.rate)
        return float(source.last_end * source.time_base - begin_s)

    def add_to(self, file: OutputContainer, stack: ExitStack) -> Packet[Any]:
        """Add a stream of this video to a file, as its packets describe it, and return its first packet.

        No encoder is opened for it: the library here need not be that of the workers.
        """
        assert self._extradata is not None
        bare = BytesIO(self._extradata + self._first)
        raw = stack.enter_context(av.open(bare, "r", format=self._codec.bare_format, options=dict(NO_PROTOCOLS)))
        stream = file.add_stream_from_template(raw.streams.video[0], opaque=True)
        stream.codec_context.extradata = self._extradata
        if tag := self._codec.tags.get(MP4.format):
            stream.codec_context.codec_tag = tag
        return first_packet(stream, self._first, Fraction(1, self.timescale), 0, self.lead)


class _Waiting(NamedTuple):
    """A packet of sound; times in samples."""

    at: int
    duration: int
    data: bytes


class LiveSound:
    """The sound beside the video, which comes in longer chunks of its own.

    Args:
        facts: of the stream.
    """

    def __init__(self, facts: PassthroughStream) -> None:
        self._facts = facts
        self._track = PassthroughTrack(facts, lambda _: None)
        self._packets: deque[_Waiting] = deque()  # that were not given yet
        self._first: _Waiting | None = None
        self.end_s = self.given_s = Fraction(0)  # until when sound has come, and was given
        self.may_be_over = False  # the chunk that came last was not full, as the last one of a stream is
        with template_stream(facts.template_format, facts.template) as template:
            assert isinstance(template, AudioStream)
            self.rate = template.codec_context.sample_rate

    @property
    def has_begun(self) -> bool:
        """Return True if sound has come."""
        return self._first is not None

    @property
    def first_s(self) -> Fraction:
        """Return when the sound begins, in seconds; 0 before any has come."""
        return Fraction(self._first.at, self.rate) if self._first is not None else Fraction(0)

    @property
    def lead(self) -> int:
        """Return by how many ticks the sound is later on the clock of its media, which cannot begin before zero as
        sound may. An edit list takes that off."""
        return max(0, -self._first.at) if self._first is not None else 0

    @property
    def chunk_s(self) -> Fraction:
        """Return how long a chunk is at most, in seconds; 0 where that is not known."""
        return MAX_PACKET_COUNT * Fraction(self._first.duration, self.rate) if self._first is not None else Fraction(0)

    def take(self, payload: bytes) -> None:
        """Take the next chunk. Raise BundleError where it is none of this version."""
        scale = self._facts.time_base * self.rate
        packets = list(self._track.packets(payload))
        for packet in packets:
            assert packet.pts is not None
            duration = round((packet.duration or 0) * scale)
            self._packets.append(_Waiting(round(packet.pts * scale), duration, bytes(packet)))
        if self._packets:
            self._first = self._first or self._packets[0]
            self.end_s = Fraction(self._packets[-1].at + self._packets[-1].duration, self.rate)
        self.may_be_over = len(packets) < MAX_PACKET_COUNT and len(payload) < MAX_PACKET_BYTES

    def until(self, end_s: Fraction | None) -> Run | None:
        """Return what begins before a time, in seconds, and was not given; None: all that is here."""
        taken: list[_Waiting] = []
        while self._packets and (end_s is None or Fraction(self._packets[0].at, self.rate) < end_s):
            taken.append(self._packets.popleft())
        if not taken:
            return None
        ends = [*(each.at for each in taken[1:]), taken[-1].at + taken[-1].duration]
        self.given_s = Fraction(ends[-1], self.rate)
        samples = [Sample(each.data, max(0, end - each.at), 0, True) for each, end in zip(taken, ends, strict=True)]
        return Run(SOUND_TRACK, taken[0].at + self.lead, samples)

    def skip(self, begin_s: Fraction) -> None:
        """Leave out what ends before a time, in seconds."""
        while self._packets and Fraction(self._packets[0].at + self._packets[0].duration, self.rate) <= begin_s:
            self._packets.popleft()

    def jump(self) -> None:
        """Forget what is here: the next chunk is a later one."""
        self._packets.clear()

    def add_to(self, file: OutputContainer, stack: ExitStack) -> Packet[Any]:
        """Add a stream of this sound to a file, and return its first packet."""
        facts = self._facts
        template = stack.enter_context(template_stream(facts.template_format, facts.template))
        stream = add_untouched(file, template)
        assert self._first is not None
        return first_packet(stream, self._first.data, Fraction(1, self.rate), -self.lead, 0)


def beginning(video: LiveVideo, sound: LiveSound | None) -> bytes:
    """Return the initialisation segment of a video and its sound, of each of which something has come.

    Raises:
        SpliceError: MP4 does not take them.
    """
    tracks: list[LiveVideo | LiveSound] = [video] if sound is None else [video, sound]
    with ExitStack() as stack:
        return initialisation(lambda file: [each.add_to(file, stack) for each in tracks], video.timescale)


def first_packet(stream: Stream, data: bytes, time_base: Fraction, shown_at: int, lead: int) -> Packet[Any]:
    """Return a key packet of a stream, from which a muxer makes its edit list; times in units of `time_base`."""
    packet: Packet[Any] = Packet(len(data))
    packet.update(data)
    packet.pts, packet.dts = shown_at, shown_at - lead
    packet.duration = 1
    packet.time_base = time_base
    packet.is_keyframe = True
    packet.stream = stream
    return packet
