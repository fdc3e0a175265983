"""The finished front of an output while its job runs, as a fragmented MP4: from the aggregator's store, chunk by chunk.

The video's results and the sound's chunks are read side by side, one of each at a time. A fragment is made in a thread
once the one before has been taken, so a slow reader takes little memory here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from moviola.media.material import Output, Source, header
from moviola.media.video.headers import VideoSplice
from moviola.media.video.playing.fragments import fragment
from moviola.media.video.playing.initialisation import mime_of
from moviola.media.video.playing.playing import LiveVideo, Shown, beginning, sound_of
from moviola.media.video.playing.replaying import Clock, Played
from moviola.session.reading import Ended, Ending
from moviola.web.heard import Heard
from moviola.web.results import Results

T = TypeVar("T")

ZERO: Final = Fraction(0)

Opener = Callable[[int, int], Results]
"""Returns the results of a track of a job, from an index on."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """An initialisation segment, and what it tells.

    Attributes:
        data: the segment.
        mime: its media type with codecs.
        width (pixels), height (pixels): of the video.
        rate (frames/s): of the video, on average.
        duration_s (s): of all of it; None where that is not known yet.
        has_sound: sound is played, too.
    """

    data: bytes
    mime: str
    width: int
    height: int
    rate: float
    duration_s: float | None
    has_sound: bool


class Front:
    """The finished front of an output: `begin`, then `fragments`.

    Args:
        open_results: opens the results of a track of the job.
        track: the output's number.
        output_count: how many outputs the job has; behind them come the tracks of its other streams.
        with_sound: play the first sound that MP4 takes, too.
        threads: bounds the threads that make fragments.
    """

    def __init__(
        self, open_results: Opener, track: int, output_count: int, with_sound: bool, threads: CapacityLimiter
    ) -> None:
        self._open, self._track, self._output_count = open_results, track, output_count
        self._with_sound, self._threads = with_sound, threads
        self._results = open_results(track, 0)
        self._video: LiveVideo | None = None
        self._sound: Heard | None = None
        self._next: Shown | None = None  # what is to be given next
        self._chunk_frames: int | None = None
        self._rate = Fraction(1)
        self._duration_s: float | None = None
        self._played: Played | None = None

    @property
    def ended(self) -> Ended | None:
        """Why no more frames come."""
        return self._results.ended

    @property
    def is_complete(self) -> bool:
        """True when all frames and all sound have been given."""
        is_all = self.ended is not None and self.ended.ending is Ending.COMPLETE
        return is_all and (self._sound is None or self._sound.is_complete)

    @property
    def played(self) -> Played | None:
        """How far the fragments reach that were given; None before the first."""
        return self._played

    @property
    def clock(self) -> Clock:
        """The time scales of the fragments; may be asked for after `begin`."""
        assert self._video is not None
        if self._sound is None:
            return Clock(self._video.timescale, self._video.lead)
        return Clock(self._video.timescale, self._video.lead, self._sound.live.rate, self._sound.live.lead)

    async def begin(self) -> Beginning | None:
        """Wait for the first frames, and return what a player must know; None where the job ends before.

        Raises:
            MediaError: MP4 does not take it, or a result is none of this version.
        """
        payload = await self._results.next()
        if payload is None or (description := self._results.description) is None:
            return None
        source, output = Source.from_wire(description.source), Output.from_wire(description.output)
        facts = header(VideoSplice, source.splice)
        video = LiveVideo(facts, output)
        self._next = await self._in_thread(video.take, payload) or await self._following(video)
        if self._next is None:
            return None
        stream = await self._in_thread(sound_of, facts) if self._with_sound else None
        if stream is not None:
            track = self._output_count + stream.stream - 1
            self._sound = Heard(self._open, track, stream)
            if not await self._sound.begin():
                return None
        data = await self._in_thread(beginning, video, self._sound.live if self._sound is not None else None)
        self._video, self._rate = video, facts.rate
        if source.fingerprint:  # else only its beginning was known when the job was submitted
            self._chunk_frames = chunk_frames_of(source)
            self._duration_s = video.duration_s(self._next.begin_s)
        about = (mime_of(data), video.width, video.height, float(video.rate), self._duration_s)
        return Beginning(data, *about, self._sound is not None)

    async def fragments(self, begin_s: Fraction) -> AsyncGenerator[bytes, None]:
        """Yield each fragment as soon as its frames are there, beginning with the one that has the frame shown at
        `begin_s` (seconds).

        Raises:
            MediaError: a result is none of this version, or of another encoder than the first.
        """
        assert self._video is not None
        await self._go_to(begin_s, self._video)
        numbers = count(1)
        while (shown := self._next) is not None:
            sound = await self._sound.until(shown.end_s) if self._sound is not None else None
            runs = [shown.run] if sound is None else [shown.run, sound]
            yield await self._in_thread(fragment, next(numbers), runs)
            self._played = Played(shown.last_s, self._sound.given_s if self._sound is not None else ZERO)
            self._next = await self._following(self._video)
        if self._sound is not None and self.ended is not None and self.ended.ending is Ending.COMPLETE:
            rest = await self._sound.rest()
            if rest is not None:
                yield await self._in_thread(fragment, next(numbers), [rest])
                shown_s = self._played.shown_s if self._played is not None else ZERO
                self._played = Played(shown_s, self._sound.given_s)

    def close(self) -> None:
        """Ask for nothing more."""
        self._results.close()
        if self._sound is not None:
            self._sound.close()

    async def _following(self, video: LiveVideo) -> Shown | None:
        """Return what the next result that has frames adds; None at the end."""
        while (payload := await self._results.next()) is not None:
            shown = await self._in_thread(video.take, payload)
            if shown is not None:
                return shown
        return None

    async def _go_to(self, begin_s: Fraction, video: LiveVideo) -> None:
        """Set `_next` to the result that has the frame shown at `begin_s`, or to the last one where the video ends
        before. First jump to a result that begins at or before that time, and then read on from there one by one."""
        first = self._next
        assert first is not None
        if self._duration_s is not None:
            begin_s = min(begin_s, first.begin_s + Fraction(self._duration_s) - 1 / self._rate)
        if begin_s < first.end_s:
            return
        index = int((begin_s - first.begin_s) * self._rate) // self._chunk_frames if self._chunk_frames else 0
        while index > 1:
            self._results.close()
            self._results = self._open(self._track, index)
            self._next = await self._following(video)
            if self._next is None or self._next.begin_s <= begin_s:
                break
            index //= 2  # the source's rate changes
        while self._next is not None and self._next.end_s <= begin_s:
            self._next = await self._following(video)
        if self._sound is not None and self._next is not None:
            await self._sound.go_to(self._next.begin_s)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._threads)


def chunk_frames_of(source: Source) -> int | None:
    """Return how many frames a chunk of a source has at most, as its facts say; None where they do not."""
    told = source.facts.get("chunk_frames")
    return told if isinstance(told, int) and told > 0 else None
