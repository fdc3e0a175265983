"""Pages of a memory that processes share, which this one has touched and needs no more.

An object store is one mapped file of gigabytes. Whoever writes objects into it comes to have all pages of it mapped
that were ever used, and counts as that large, though nothing of it is its own.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

EVERY_SIZE: Final = 8 * 1024 * 1024
"""Bytes that go through the store between two looks: one takes about a millisecond."""

_MAPS: Final = Path("/proc/self/maps")


class MappedMemory:
    """The mappings of this process of files whose path has `mark` in it; there are none where the system is not
    Linux."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._touched = 0
        self._library = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None

    def touched(self, size: int) -> None:
        """So many bytes of it were written or read. Now and then all pages are let go: what they hold stays where it
        is, and comes back when it is touched again."""
        self._touched += size
        if self._touched < EVERY_SIZE or self._library is None:
            return
        self._touched = 0
        for start, stop in self._mappings():
            self._library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED)

    def _mappings(self) -> Iterator[tuple[int, int]]:
        """Yield where those begin and end that are shared: what is private would be lost."""
        for line in _MAPS.read_text(errors="replace").splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and self._mark in fields[5] and fields[1].endswith("s"):
                start, _, stop = fields[0].partition("-")
                yield int(start, 16), int(stop, 16)
