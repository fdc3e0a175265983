"""A file that is read while it is still written: readers wait at its end until more of it has come.

One thread writes and tells what has come; others read, each by a reader of its own.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO, Final, cast

from moviola.base.random_reads import RandomReads

MAX_AHEAD: Final = 8 * 1024 * 1024
"""How many bytes behind the end of what has come a reader may want, and wait for. Streams that lie beside each other
are a second or so apart; what is further away is at the end, such as the index of an MP4 file that has it last."""


class ComesLast(Exception):
    """Raised if a reader wants a part of the file that comes much later: the file cannot be read from its beginning
    on."""


class BrokenOff(Exception):
    """Raised if the file will never be whole."""


class GrowingFile:
    """A file of which the rest is still to come.

    Args:
        path: where it is written.
        size: bytes that it will have.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size
        self._here = 0  # bytes that have come
        self._is_whole = self._is_broken = False
        self._changed = threading.Condition()

    def grow(self, size: int) -> None:
        """Note that `size` more bytes are in the file."""
        with self._changed:
            self._here += size
            self._changed.notify_all()

    def end(self) -> None:
        """Note that all of the file has come. It is broken if that is another size than was said before."""
        with self._changed:
            self._is_whole, self._is_broken = True, self._is_broken or self._here != self.size
            self._changed.notify_all()

    def break_off(self) -> None:
        """Note that nothing more comes, and wake all who wait for it."""
        with self._changed:
            self._is_broken = True
            self._changed.notify_all()

    @property
    def is_whole(self) -> bool:
        """True when all of it is there: to cut its beginning by itself saves no time any more."""
        with self._changed:
            return self._is_whole

    def wait_until_whole(self) -> None:
        """Return when all of it is there. Raises BrokenOff."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_whole or self._is_broken)
            self._raise_if_broken()

    def wait_for(self, position: int) -> int:
        """Return how many bytes have come, once there are more than `position`, or where the file has no more.

        Raises:
            ComesLast: what is there comes much later.
            BrokenOff: it never comes.
        """
        with self._changed:
            while True:
                self._raise_if_broken()
                if self._here > position or position >= self.size or self._is_whole:
                    return self._here
                if position > self._here + MAX_AHEAD:
                    raise ComesLast(f"byte {position} is wanted when {self._here} have come")
                self._changed.wait()

    def open(self) -> BinaryIO:
        """Return a reader of its own, at the file's beginning. Raises OSError."""
        return cast(BinaryIO, _Reader(self))  # it has all of BinaryIO that reading takes

    def _raise_if_broken(self) -> None:
        if self._is_broken:
            raise BrokenOff(f"{self.path.name} was broken off")


class _Reader(RandomReads):
    """Reads a growing file as if all of it were there, however long that takes."""

    def __init__(self, growing: GrowingFile) -> None:
        super().__init__(growing.size, growing.path.name)
        self._growing = growing
        self._file = growing.path.open("rb", buffering=0)
        self.name = str(growing.path)

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, as many as are there. It waits until there is one, and returns none only at the
        end of the whole file."""
        here = self._growing.wait_for(self._at)
        most = here - self._at if size < 0 else min(size, here - self._at)
        data = os.pread(self._file.fileno(), max(0, most), self._at)
        self._at += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
