"""Long bitmaps in parts: their heads travel in the message that ends an answer, what is behind in windows before it.

A bitmap of ten million chunks has 1.25 MB, and a job has one for each track. Almost every job has a few hundred chunks,
so almost every answer is one message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from moviola.base.vocabulary import ErrorCode
from moviola.wire.bitmap import Bitmap
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import KIB, MAX_CHUNKS, MAX_TRACKS
from moviola.wire.messages import ChunkWindow

HEAD_SIZE: Final = 8 * KIB
"""Bytes of each bitmap, of its first 65 536 chunks, in the message itself: 1 MiB for the 127 tracks that a job may
have."""

WINDOW_SIZE: Final = 256 * KIB
"""Bytes of one window."""


def heads(bitmaps: Sequence[Bitmap]) -> list[bytes]:
    """Return what the message that ends an answer carries of each bitmap."""
    return [bitmap.part(0, HEAD_SIZE)[1] for bitmap in bitmaps]


def windows(job: str, owner_epoch: int, bitmaps: Sequence[Bitmap]) -> Iterator[ChunkWindow]:
    """Yield what is sent before it: the chunks behind the heads, without stretches in which there are none."""
    for number, bitmap in enumerate(bitmaps):
        size = (bitmap.end + 7) // 8
        for start in range(HEAD_SIZE, size, WINDOW_SIZE):
            offset, bits = bitmap.part(start, min(start + WINDOW_SIZE, size))
            if bits:
                yield ChunkWindow(job, owner_epoch, number, 8 * offset, bits)


class Windows:
    """The windows of one connection that wait for the message which ends their answer."""

    def __init__(self) -> None:
        self._waiting: list[ChunkWindow] = []

    def add(self, window: ChunkWindow) -> None:
        """Take a window. Raises ProtocolError for one that is out of order: so they cannot be more than all chunks."""
        last = self._waiting[-1] if self._waiting else None
        end = window.first + 8 * len(window.bits)
        if window.number >= MAX_TRACKS or window.first % 8 or window.first < 8 * HEAD_SIZE or end > MAX_CHUNKS:
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"no window of chunks is {window.number}, {window.first} to {end}"
            )
        if last is not None:
            behind = (last.number, last.first + 8 * len(last.bits))
            is_same = (window.job, window.owner_epoch) == (last.job, last.owner_epoch)
            if not is_same or (window.number, window.first) < behind:
                raise ProtocolError(
                    ErrorCode.BAD_MESSAGE, f"windows of job {window.job} came before those of another ended"
                )
        self._waiting.append(window)

    def take(self, job: str, owner_epoch: int, told: Sequence[bytes]) -> list[Bitmap]:
        """Return the whole bitmaps of an answer, whose heads are `told`. Raises ProtocolError for another answer's."""
        waiting, self._waiting = self._waiting, []
        if any(8 * len(bits) > MAX_CHUNKS for bits in told):
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no stream of job {job} has more than {MAX_CHUNKS} chunks")
        bitmaps = [Bitmap(bits) for bits in told]
        for window in waiting:
            if (window.job, window.owner_epoch) != (job, owner_epoch) or window.number >= len(bitmaps):
                raise ProtocolError(
                    ErrorCode.BAD_MESSAGE, f"job {job} has no chunks like those told of job {window.job}"
                )
            bitmaps[window.number].merge(window.first, window.bits)
        return bitmaps
