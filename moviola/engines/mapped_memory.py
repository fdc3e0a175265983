"""Releases pages of a shared memory that this process has touched and does not need any more.

An object store is one mapped file of gigabytes. A process that writes objects into it has in the end all its pages
mapped that were ever used. They are counted as memory of the process, although none of them is its own.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

EVERY_SIZE: Final = 8 * 1024 * 1024
"""Bytes that go through the store between two releases of pages: one release takes about a millisecond."""

_MAPS: Final = Path("/proc/self/maps")


class MappedMemory:
    """Releases pages of the shared files whose path has `mark` in it. On other systems than Linux it does nothing."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._touched = 0
        self._library = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None

    def touched(self, size: int) -> None:
        """Note that `size` bytes of the files were written or read; release all their pages after each EVERY_SIZE. The
        content stays in the files, and its pages are mapped again when they are touched."""
        self._touched += size
        if self._touched < EVERY_SIZE or self._library is None:
            return
        self._touched = 0
        for start, stop in self._mappings():
            self._library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED)

    def _mappings(self) -> Iterator[tuple[int, int]]:
        """Yield the first address of each shared mapping, and the one behind its end. Private mappings are left out:
        their content would be lost."""
        for line in _MAPS.read_text(errors="replace").splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and self._mark in fields[5] and fields[1].endswith("s"):
                start, _, stop = fields[0].partition("-")
                yield int(start, 16), int(stop, 16)
