"""Long bitmaps in parts: the head of each is in the last message of an answer, the rest in windows sent before it.

A bitmap of ten million chunks has 1.25 MB, and a job has one for each track. Most jobs have a few hundred chunks, so
most answers are one message.
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
"""Bytes of each bitmap in the message itself: its first 65 536 chunks. For 127 tracks this is 1 MiB."""

WINDOW_SIZE: Final = 256 * KIB
"""Bytes of one window."""


def heads(bitmaps: Sequence[Bitmap]) -> list[bytes]:
    """Return the head of each bitmap, for the last message of an answer."""
    return [bitmap.part(0, HEAD_SIZE)[1] for bitmap in bitmaps]


def windows(job: str, owner_epoch: int, bitmaps: Sequence[Bitmap]) -> Iterator[ChunkWindow]:
    """Yield the windows to send before the last message of an answer; parts without chunks are left out.

    Args:
        job: the job's id.
        owner_epoch: as in the message that follows; 0 before a Job.
        bitmaps: one for each track or stream.
    """
    for number, bitmap in enumerate(bitmaps):
        size = (bitmap.end + 7) // 8
        for start in range(HEAD_SIZE, size, WINDOW_SIZE):
            offset, bits = bitmap.part(start, min(start + WINDOW_SIZE, size))
            if bits:
                yield ChunkWindow(job, owner_epoch, number, 8 * offset, bits)


class Windows:
    """Collects the windows of one connection until the last message of their answer comes."""

    def __init__(self) -> None:
        self._waiting: list[ChunkWindow] = []

    def add(self, window: ChunkWindow) -> None:
        """Keep a window until its answer is complete.

        Raises:
            ProtocolError: the window is out of order or out of bounds. So all windows together stay bounded.
        """
        last = self._waiting[-1] if self._waiting else None
        end = window.first + 8 * len(window.bits)
        if window.number >= MAX_TRACKS or window.first % 8 or window.first < 8 * HEAD_SIZE or end > MAX_CHUNKS:
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"the window {window.number}, {window.first} to {end}, is out of bounds"
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
        """Return the complete bitmaps of an answer.

        Args:
            job: the job's id.
            owner_epoch: as in the answer's last message; 0 for a Job.
            told: the heads of the bitmaps, from the answer's last message.

        Raises:
            ProtocolError: the windows received before belong to another answer, or a bitmap is too long.
        """
        waiting, self._waiting = self._waiting, []
        if any(8 * len(bits) > MAX_CHUNKS for bits in told):
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"a stream of job {job} has more than {MAX_CHUNKS} chunks")
        bitmaps = [Bitmap(bits) for bits in told]
        for window in waiting:
            if (window.job, window.owner_epoch) != (job, owner_epoch) or window.number >= len(bitmaps):
                raise ProtocolError(
                    ErrorCode.BAD_MESSAGE, f"the answer for job {job} does not fit a window of job {window.job}"
                )
            bitmaps[window.number].merge(window.first, window.bits)
        return bitmaps
