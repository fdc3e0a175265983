"""A finished file at its aggregator as a file that is read in a thread: what a demuxer needs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from anyio import from_thread

from moviola.base.finished_file import FinishedFile
from moviola.base.random_reads import RandomReads

Pieces = Callable[[int], AsyncGenerator[bytes, None]]
"""Returns the bytes of a file from a place on, in pieces."""


class RemoteFile(RandomReads):
    """A file that is read in a thread which `anyio.to_thread.run_sync` has started; its bytes come by the event loop.

    Reading on from the last position is cheap. After a seek elsewhere the bytes are requested anew, so seek seldom.

    Args:
        file: which one.
        pieces: its bytes, from a place on.
    """

    def __init__(self, file: FinishedFile, pieces: Pieces) -> None:
        super().__init__(file.size, file.file)
        self._pieces = pieces
        self._source: AsyncGenerator[bytes, None] | None = None
        self._held, self._held_at = b"", 0  # the piece that came last, and where it lies

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes, none at the end. Raise moviola.web.problems.Problem where they do not come."""
        if self._at >= self.size or size == 0:
            return b""
        if not self._held_at <= self._at < self._held_at + len(self._held):
            from_thread.run(self._come)
        begin = self._at - self._held_at
        data = self._held[begin : len(self._held) if size < 0 else begin + size]
        self._at += len(data)
        return data

    async def _come(self) -> None:
        """Fetch the piece that begins at the current position, and hold it."""
        if self._source is None or self._at != self._held_at + len(self._held):
            await self.shut()
            self._source = self._pieces(self._at)
        self._held, self._held_at = await anext(self._source), self._at

    async def shut(self) -> None:
        """Ask for nothing more, until it is read again."""
        if self._source is not None:
            await self._source.aclose()
            self._source = None
