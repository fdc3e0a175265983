"""A finished file at its aggregator as a file that is read in a thread: what a demuxer needs."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncGenerator, Callable

from anyio import from_thread

Pieces = Callable[[int], AsyncGenerator[bytes, None]]
"""Returns the bytes of a file from a place on, in pieces."""


class RemoteFile(io.RawIOBase):
    """A file that is read in a thread which `anyio.to_thread.run_sync` has started; its bytes come by the event loop.

    It is read on where it was read before. Elsewhere it is asked for anew, so whoever reads it should seek seldom.

    Args:
        size: of the file, in bytes.
        pieces: of the file, from a place on.
    """

    def __init__(self, size: int, pieces: Pieces) -> None:
        self._size, self._pieces = size, pieces
        self._at = 0
        self._source: AsyncGenerator[bytes, None] | None = None
        self._held, self._held_at = b"", 0  # the piece that came last, and where it lies

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; nothing is asked for before it is read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes, none at the end. Raise moviola.web.problems.Problem where they do not come."""
        if self._at >= self._size or size == 0:
            return b""
        if not self._held_at <= self._at < self._held_at + len(self._held):
            from_thread.run(self._come)
        begin = self._at - self._held_at
        data = self._held[begin : len(self._held) if size < 0 else begin + size]
        self._at += len(data)
        return data

    async def _come(self) -> None:
        """Have the piece that begins where it is read next."""
        if self._source is None or self._at != self._held_at + len(self._held):
            await self.shut()
            self._source = self._pieces(self._at)
        self._held, self._held_at = await anext(self._source), self._at

    async def shut(self) -> None:
        """Ask for nothing more, until it is read again."""
        if self._source is not None:
            await self._source.aclose()
            self._source = None
