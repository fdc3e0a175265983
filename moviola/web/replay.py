"""A finished output as a fragmented MP4, read from its aggregator as it is played."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from fractions import Fraction
from itertools import count
from pathlib import PurePosixPath
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from moviola.base.finished_file import FinishedFile
from moviola.media.video.containers import BY_EXTENSION, MP4
from moviola.media.video.playing.fragments import fragment
from moviola.media.video.playing.initialisation import mime_of
from moviola.media.video.playing.replaying import Clock, FinishedVideo, Played
from moviola.web.front import Beginning
from moviola.web.remote_file import Pieces, RemoteFile
from moviola.wire.limits import MAX_CHUNKS

T = TypeVar("T")

FIRST_NUMBER: Final = MAX_CHUNKS + 1
"""The sequence number of the first fragment that is made of a file. It may follow fragments that were made of chunks,
and the numbers of fragments must rise."""


class Replay:
    """A finished file as it is played: `begin`, then `fragments`; `fragments` alone where a player has the beginning.

    Args:
        file: of the output.
        pieces: its bytes, from a place on.
        with_sound: play its sound, too.
        threads: bounds the threads that read it. One may still read when a request has ended; it lets the file go then.
    """

    def __init__(self, file: FinishedFile, pieces: Pieces, with_sound: bool, threads: CapacityLimiter) -> None:
        self._remote = RemoteFile(file, pieces)
        self._container = BY_EXTENSION.get(PurePosixPath(file.file).suffix.lower(), MP4)
        self._with_sound, self._threads = with_sound, threads
        self._video: FinishedVideo | None = None

    async def begin(self) -> Beginning:
        """Return what a player must know.

        Raises:
            MediaError: MP4 does not take it, or it is no file of its format.
            Problem: the aggregator does not give it.
        """
        video = await self._opened()
        data = await self._in_thread(video.beginning)
        width, height = video.size
        return Beginning(data, mime_of(data), width, height, video.rate, video.duration_s, video.has_sound)

    async def fragments(
        self, begin_s: Fraction, played: Played | None = None, clock: Clock | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield each fragment, beginning with the one that has the frame shown at `begin_s`.

        Args:
            begin_s: the time in seconds.
            played: how far it was played before; what comes before that is left out, and `begin_s` is ignored.
            clock: the time scales of the beginning that the player has; by default the file's own.

        Raises:
            as `begin`.
        """
        video = await self._opened()
        runs, numbers = video.runs(begin_s, clock or video.clock, played), count(FIRST_NUMBER)
        while (part := await self._in_thread(next, runs, None)) is not None:
            yield await self._in_thread(fragment, next(numbers), part)

    async def close(self) -> None:
        """Ask for nothing more."""
        await self._remote.shut()

    async def _opened(self) -> FinishedVideo:
        if self._video is None:
            self._video = await self._in_thread(self._open)
        return self._video

    def _open(self) -> FinishedVideo:
        return FinishedVideo(self._remote, self._container, with_sound=self._with_sound)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._threads, abandon_on_cancel=True)
