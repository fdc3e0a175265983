"""One watching of an output: its finished front while the job runs, then what is left, from the finished file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from http import HTTPStatus
from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.vocabulary import JobState
from moviola.media.video.playing.replaying import Clock, Played
from moviola.session.job_session import FINAL_STATES
from moviola.session.reading import Ended, Ending
from moviola.session.target import Target
from moviola.web.fetched import parts
from moviola.web.front import Beginning, Front
from moviola.web.gateway import MAX_PLAYS, Gateway
from moviola.web.problems import Problem, away
from moviola.web.replay import Replay
from moviola.web.results import Results
from moviola.wire.messages import Job

MAX_PLAYS_OF_USER: Final = 16
"""Outputs that one user watches at a time: each takes two of the 64 reads that an aggregator lets one user wait for."""

RETRY_AFTER_S: Final = 10
"""What is told to whoever finds all places taken."""

HAVE_FILES: Final = (JobState.DONE, JobState.PARTIAL)

END_S: Final = 60.0
"""How long the middleware may take to say that a job has ended after the aggregator has no more results of it, because
they are spliced."""

LOOK_S: Final = 0.2
"""Between two looks at a job that is about to end."""


@dataclass(slots=True)
class Play:
    """One watching of an output.

    Attributes:
        gateway: shared by all.
        target: the cluster, and for whom.
        job: its record.
        track: the output's number.
        with_sound: play its sound, too.
    """

    gateway: Gateway
    target: Target
    job: Job
    track: int
    with_sound: bool = True

    async def beginning(self) -> Beginning | None:
        """Wait for the first frames, and return what a player must know; None where the job ends without files.

        Raises:
            MediaError: MP4 does not take it.
            Problem: the aggregator does not give it; too many are played.
        """
        with self._place():
            if self.job.state not in HAVE_FILES:
                front = self._front()
                try:
                    found = await front.begin()
                finally:
                    front.close()
                if found is not None:
                    return found
                self.job = await self._with_files(front.ended)
            replay = self._replay(self.with_sound)
            try:
                return await replay.begin()
            finally:
                await replay.close()

    async def stream(self, begin_s: Fraction) -> AsyncGenerator[bytes, None]:
        """Yield the initialisation segment, and the fragments from that on which has the frame of a time in seconds.

        Raises:
            as `beginning`; Problem also where the job ends without files.
        """
        with self._place():
            played, clock, with_sound = None, None, self.with_sound
            if self.job.state not in HAVE_FILES:
                front = self._front()
                try:
                    found = await front.begin()
                    if found is not None:
                        yield found.data
                        async with aclosing(front.fragments(begin_s)) as fragments:
                            async for fragment in fragments:
                                yield fragment
                        if front.is_complete:
                            return
                        played, clock, with_sound = front.played, front.clock, found.has_sound
                finally:
                    front.close()
                self.job = await self._with_files(front.ended)
            async with aclosing(self._rest(begin_s, played, clock, with_sound)) as rest:
                async for piece in rest:
                    yield piece

    async def _rest(
        self, begin_s: Fraction, played: Played | None, clock: Clock | None, with_sound: bool
    ) -> AsyncGenerator[bytes, None]:
        """Yield what is left, from the finished file; the initialisation segment, too, where no clock was given."""
        replay = self._replay(with_sound)
        try:
            if clock is None:
                yield (await replay.begin()).data
            async with aclosing(replay.fragments(begin_s, played, clock)) as fragments:
                async for fragment in fragments:
                    yield fragment
        finally:
            await replay.close()

    def _front(self) -> Front:
        return Front(self._results, self.track, len(self.job.progress.outputs), self.with_sound, self.gateway.players)

    def _results(self, track: int, first: int) -> Results:
        return Results(self.target, self.job.job, track, first, self.gateway.memory)

    def _replay(self, with_sound: bool) -> Replay:
        file = self._file()

        def pieces(start: int) -> AsyncGenerator[bytes, None]:
            return parts(self.target, self.job, file, start, file.size, self.gateway.memory)

        return Replay(file, pieces, with_sound, self.gateway.players)

    def _file(self) -> FinishedFile:
        """Return the finished file of the output. Raises Problem where there is none."""
        name = self.job.progress.outputs[self.track]
        main = next((output.file for output in self.job.outputs if output.name == name), "")
        for file in self.job.files:
            if main and file.file == main:
                return file
        raise Problem(HTTPStatus.NOT_FOUND, f"Job {self.job.job} has no file of its output '{name}'", "unknown-file")

    async def _with_files(self, ended: Ended | None) -> Job:
        """Return the record of the job once it has its files. Raises Problem where it has none."""
        if ended is not None and ended.ending is Ending.UNREACHABLE:
            raise away(ended.reason, "aggregator-away")
        if ended is not None and ended.ending is Ending.REFUSED:
            raise Problem(HTTPStatus.BAD_GATEWAY, ended.reason, ended.code)
        gives_up_at = asyncio.get_running_loop().time() + END_S
        while (job := await self.gateway.caller.job_details(self.target.user, self.job.job)).state not in FINAL_STATES:
            if asyncio.get_running_loop().time() >= gives_up_at:
                raise away(f"Job {self.job.job} gives no more frames, but does not end")
            await asyncio.sleep(LOOK_S)
        if job.state not in HAVE_FILES:
            detail = f"Job {job.job} is {job.state}, and has nothing to play: {job.reason}"
            raise Problem(HTTPStatus.CONFLICT, detail, "wrong-state")
        return job

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Give the block a place among all that is played. Raises Problem where there is none."""
        plays, user = self.gateway.plays, self.target.user
        if plays.total() >= MAX_PLAYS or plays[user] >= MAX_PLAYS_OF_USER:
            detail = f"{plays[user]} of your outputs are played, {plays.total()} in all, the most allowed at a time"
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, f"{detail}; close one", "too-many-plays", headers)
        plays[user] += 1
        try:
            yield
        finally:
            plays[user] -= 1
            if not plays[user]:
                del plays[user]
