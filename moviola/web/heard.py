"""The sound beside the finished front of an output: read from a track of its own, as far as it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction

from moviola.media.video.headers import PassthroughStream
from moviola.media.video.playing.fragments import Run
from moviola.media.video.playing.playing import LiveSound
from moviola.session.reading import Ending
from moviola.web.results import Results


class Heard:
    """The sound of a job, from the chunks that its aggregator has.

    Args:
        open_results: opens the results of a track of the job, from an index on.
        track: the sound's.
        facts: of its stream.
    """

    def __init__(self, open_results: Callable[[int, int], Results], track: int, facts: PassthroughStream) -> None:
        self.live = LiveSound(facts)
        self._open, self._track = open_results, track
        self._results = open_results(track, 0)
        self._asked: asyncio.Task[bytes | None] | None = None

    @property
    def is_complete(self) -> bool:
        """True when all of it has been given."""
        ended = self._results.ended
        return ended is not None and ended.ending is Ending.COMPLETE

    @property
    def given_s(self) -> Fraction:
        """Until when it has been given."""
        return self.live.given_s

    async def begin(self) -> bool:
        """Wait for the first of it; False where the job ends before."""
        while not self.live.has_begun:
            if not await self._take():
                return False
        return True

    async def until(self, end_s: Fraction) -> Run | None:
        """Return the sound before `end_s` that was not given yet; None where there is none.

        A chunk that is not full may be the last one, and then no other comes before the job ends. So after such a chunk
        the next one is taken only if it is there already, and not waited for.
        """
        while self.live.end_s < end_s:
            if self.live.may_be_over and not self._ask().done():
                break
            if not await self._take():
                break
        return self.live.until(end_s)

    async def rest(self) -> Run | None:
        """Return what is left at the end of the job."""
        while await self._take():
            pass
        return self.live.until(None)

    async def go_to(self, begin_s: Fraction) -> None:
        """Skip the sound before a time."""
        index = int((begin_s - self.live.first_s) / self.live.chunk_s) if self.live.chunk_s else 0
        if index > 1:
            self.close()
            self._results, self._asked = self._open(self._track, index), None
            self.live.jump()
        while self.live.end_s <= begin_s and not (self.live.may_be_over and not self._ask().done()):
            if not await self._take():
                break
        self.live.skip(begin_s)

    def close(self) -> None:
        """Ask for nothing more."""
        if self._asked is not None:
            self._asked.cancel()
        self._results.close()

    def _ask(self) -> asyncio.Task[bytes | None]:
        if self._asked is None:
            self._asked = asyncio.create_task(self._results.next())
        return self._asked

    async def _take(self) -> bool:
        """Wait for the next chunk; False where there is none."""
        payload = await asyncio.shield(self._ask())
        self._asked = None
        if payload is None:
            return False
        self.live.take(payload)
        return True
