"""Payloads on disk, in segments that are recycled.

A segment is a file of fixed size that belongs to one key (a job) at a time; payloads are appended to it and may be
sent from it. A freed segment is overwritten by its next owner and not truncated, because the first write to a page of
a fresh file costs ten times as much as a write to a page that is already in the cache.

The order of steps: append, then the ledger's commit, then the acknowledgement; for deletion the ledger's commit first,
then `free`. A segment from which a slice is still being sent is recycled when that slice was sent, and counts as used
until then. After a start, `recover` makes the spool hold exactly what the ledger knows: the bytes of an append that
was not committed are overwritten by the next one.

A file may be removed, replaced or cut short while the process runs. Nothing is written into such a segment any more:
each append checks its file first, and `take_lost` returns the segments whose files are gone.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import xxhash

from moviola.storage.errors import SpoolFull
from moviola.storage.segments import Segment, SegmentFiles

MIB: Final = 1024 * 1024
"""Bytes of a mebibyte."""

SEGMENT_BYTES: Final = 16 * MIB
"""Bytes of a segment: large enough that a job has few files, small enough that recycled ones are soon used again."""

POOL_SEGMENTS: Final = 16
"""Freed segments kept for reuse, 256 MiB of them: what a busy cluster frees and fills within seconds."""

KEPT_FREE_BYTES: Final = 64 * MIB
"""Disk space that `room_bytes` leaves for the ledger and the results; on small disks 1/20 of the disk, if that is
less."""


class Location(NamedTuple):
    """Where a payload is.

    Attributes:
        segment: the segment's number.
        offset: where the payload begins in the segment, in bytes.
        size: its size in bytes.
    """

    segment: int
    offset: int
    size: int


def is_location(*parts: object) -> bool:
    """Return True if all `parts` are integers from 0, as the parts of a Location are."""
    return all(type(part) is int and part >= 0 for part in parts)


class Slice(NamedTuple):
    """A payload in its file, for sendfile. It does not change until `release` is called, even if its key is freed.

    Attributes:
        descriptor: returns the open file, valid until the spool is used again; raises OSError.
        offset: where the payload begins in the file, in bytes.
        size: its size in bytes.
        release: has to be called exactly once, when the payload is not needed any more.
    """

    descriptor: Callable[[], int]
    offset: int
    size: int
    release: Callable[[], None]


class Spool:
    """Payloads in the files of one folder, which belongs to one process. Call `recover` before anything else.

    Args:
        folder: the folder; it is made if it is missing.
        segment_bytes: size of a segment; a larger payload gets a segment of its own size.
        limit_bytes: how much the spool may hold. A payload that begins within the limit is kept whole.
        fsync: let `sync` write to the disk itself, so that payloads survive a power cut.

    Raises:
        OSError: the folder cannot be made or read.
    """

    def __init__(
        self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, limit_bytes: int, fsync: bool = False
    ) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._segment_bytes = segment_bytes
        self._files = SegmentFiles(folder, fsync=fsync)
        self._segments: dict[int, Segment] = {}
        self._of_key: dict[str, set[int]] = {}
        self._filling: dict[str, Segment] = {}
        self._pool: deque[Segment] = deque()  # oldest first
        self._lost: set[int] = set()  # segments whose loss nobody has been told of
        self._next_number = max(self._files.found(), default=0) + 1
        self.used_bytes = 0

    # ── keeping and giving back ──────────────────────────────────────────────────────────────────────────────────

    def append(self, key: str, payload: bytes | bytearray | memoryview, *, limit_bytes: int | None = None) -> Location:
        """Keep a payload; return where it is.

        Args:
            key: whose payload it is (a job's id).
            payload: the payload.
            limit_bytes: a limit that applies instead of the spool's own.

        Raises:
            SpoolFull: the limit is reached.
            OSError: the disk did not take the payload (ENOSPC, EIO, …); nothing of it is kept.
        """
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        if self.used_bytes >= limit:
            raise SpoolFull(f"{self.folder} holds {self.used_bytes} bytes, its limit is {limit}")
        size = len(payload)
        segment = self._segment_for(key, size)
        try:
            self._write(segment, payload)
        except OSError:
            self._recycle_unused(segment)
            raise
        location = Location(segment.number, segment.end, size)
        segment.end += size
        segment.payload_count += 1
        self.used_bytes += size
        return location

    def slice(self, location: Location) -> Slice:
        """Return a payload in its file, for sendfile.

        The file is opened only when the payload is sent, so any number of slices may wait. Raises KeyError if the
        segment was recycled.
        """
        segment = self._segments[location.segment]
        segment.slice_count += 1

        def release() -> None:
            segment.slice_count -= 1
            self._recycle_unused(segment)

        return Slice(lambda: self._files.descriptor(segment.number), location.offset, location.size, release)

    def read(self, location: Location) -> bytes:
        """Return a payload. Raises OSError if its file is gone or shorter than it was."""
        data = os.pread(self._files.descriptor(location.segment), location.size, location.offset)
        if len(data) != location.size:
            raise OSError(f"{self.path(location.segment)} is shorter than it was")
        return data

    def checksum(self, location: Location) -> int:
        """Return the xxh3_64 of a payload as it is on disk; 0 for an empty one. Raises OSError as `read` does."""
        hasher, place, end = xxhash.xxh3_64(), location.offset, location.offset + location.size
        while place < end:
            data = os.pread(self._files.descriptor(location.segment), min(MIB, end - place), place)
            if not data:
                raise OSError(errno.EIO, f"{self.path(location.segment)} is shorter than it was")
            hasher.update(data)
            place += len(data)
        return hasher.intdigest() if location.size else 0

    def take_lost(self) -> frozenset[int]:
        """Return the numbers of the segments whose files were found missing since the last call.

        The caller has to forget their payloads, and free them as usual.
        """
        lost, self._lost = frozenset(self._lost), set()
        return lost

    def path(self, segment: int) -> Path:
        """Return the path of a segment's file, for another process to read."""
        return self._files.path(segment)

    def free(self, key: str) -> None:
        """Delete all payloads of a key. Call it after the commit that forgot them."""
        self._filling.pop(key, None)
        for number in sorted(self._of_key.get(key, ())):
            segment = self._segments[number]
            segment.payload_count = 0
            self._recycle_unused(segment)

    def free_location(self, location: Location) -> None:
        """Delete one payload; a segment without payloads is recycled. Raises KeyError if it is recycled already."""
        segment = self._segments[location.segment]
        segment.payload_count -= 1
        self._recycle_unused(segment)

    def sync(self) -> None:
        """Write all that was appended to the disk itself, if the spool has `fsync`. Call it before the ledger's commit.

        Raises:
            OSError: the files did not reach the disk.
        """
        self._files.sync(self._is_kept)

    @property
    def room_bytes(self) -> int:
        """Return how many more bytes fit, by the spool's limit and by the disk."""
        try:
            disk = shutil.disk_usage(self.folder)
        except FileNotFoundError:
            self._files.make_folder()
            disk = shutil.disk_usage(self.folder)
        reusable = sum(segment.file_size for segment in self._pool)
        on_disk = disk.free + reusable - min(KEPT_FREE_BYTES, disk.total // 20)
        return max(min(self.limit_bytes - self.used_bytes, on_disk), 0)

    def recover(self, known: Mapping[str, Iterable[Location]]) -> dict[str, list[Location]]:
        """Keep exactly the payloads that the ledger knows, and free all other segments in the folder.

        Args:
            known: the locations of the payloads that the ledger knows, by key.

        Returns:
            The known payloads that are missing (a file was removed, or cut short by a power cut), by key.
        """
        self.close()
        self._segments, self._of_key, self._filling = {}, {}, {}
        self._pool.clear()
        self._lost.clear()
        self.used_bytes = self._files.total_bytes = 0
        sizes = self._files.found()
        lost: dict[str, list[Location]] = {}
        for key, locations in known.items():
            for location in locations:
                is_there = location.offset + location.size <= sizes.get(location.segment, -1)
                if not is_there or not self._adopt(key, location, sizes[location.segment]):
                    lost.setdefault(key, []).append(location)
        for segment in self._segments.values():
            self.used_bytes += segment.end
            self._files.total_bytes += segment.file_size
            self._resume_filling(segment)
        self._next_number = max(sizes, default=0) + 1
        for number in sorted(sizes.keys() - self._segments.keys()):
            self._files.total_bytes += sizes[number]
            self._to_pool(Segment(number, "", file_size=sizes[number]))
        return lost

    def close(self) -> None:
        """Close all files."""
        self._files.close()

    # ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_kept(self, number: int) -> bool:
        return number in self._segments and not self._segments[number].is_lost

    def _segment_for(self, key: str, size: int) -> Segment:
        filling = self._filling.get(key)
        if filling is not None and filling.end + size <= self._segment_bytes and self._is_there(filling):
            return filling
        segment = self._take_segment()
        segment.key = key
        self._segments[segment.number] = segment
        self._of_key.setdefault(key, set()).add(segment.number)
        if size <= self._segment_bytes:
            self._filling[key] = segment
        return segment

    def _take_segment(self) -> Segment:
        while self._pool and not self._is_there(self._pool[0]):
            self._files.remove(self._pool.popleft())
        if not self._pool:
            return self._created()
        segment = self._pool.popleft()
        if self._files.total_bytes * 2 > self.limit_bytes:
            self._files.resize(segment, 0)  # those of many small jobs must not hold disk space that is not used
        return segment

    def _created(self) -> Segment:
        """Return a new segment with a new file."""
        number = self._next_number
        self._next_number += 1
        return self._files.create(number)

    def _write(self, segment: Segment, payload: bytes | bytearray | memoryview) -> None:
        growth = max(segment.end + len(payload) - segment.file_size, 0)
        while self._pool and self._files.total_bytes + growth > self.limit_bytes:
            self._files.remove(self._pool.popleft())
        self._files.write(segment, payload)

    def _is_there(self, segment: Segment) -> bool:
        """Return True if a segment's file is the one that was written to. If it is not, check all other files too."""
        if self._files.is_whole(segment):
            return True
        for one in self._segments.values():
            if not one.is_lost and not self._files.is_whole(one):
                self._lose(one)
        return False

    def _lose(self, segment: Segment) -> None:
        segment.is_lost = True
        self._lost.add(segment.number)
        if self._filling.get(segment.key) is segment:
            del self._filling[segment.key]

    def _recycle_unused(self, segment: Segment) -> None:
        """Free a segment for another key if it has no payloads and no slices."""
        if segment.payload_count or segment.slice_count:
            return
        self.used_bytes -= segment.end
        del self._segments[segment.number]
        numbers = self._of_key[segment.key]
        numbers.discard(segment.number)
        if not numbers:
            del self._of_key[segment.key]
        if self._filling.get(segment.key) is segment:
            del self._filling[segment.key]
        segment.key, segment.end = "", 0
        if segment.is_lost:
            self._files.remove(segment)
        else:
            self._to_pool(segment)

    def _to_pool(self, segment: Segment) -> None:
        if len(self._pool) >= POOL_SEGMENTS or self._files.total_bytes > self.limit_bytes:
            self._files.remove(segment)
            return
        try:
            if segment.file_size > self._segment_bytes:
                self._files.resize(segment, self._segment_bytes)
        except OSError:  # a segment that is only kept for reuse must not cause a failure
            self._files.remove(segment)
        else:
            self._pool.append(segment)

    def _adopt(self, key: str, location: Location, file_size: int) -> bool:
        """Add a known payload. Return False if its segment belongs to another key, so it cannot be there."""
        segment = self._segments.get(location.segment)
        if segment is None:
            segment = self._segments[location.segment] = Segment(location.segment, key, file_size=file_size)
            self._of_key.setdefault(key, set()).add(location.segment)
        elif segment.key != key:
            return False
        segment.end = max(segment.end, location.offset + location.size)
        segment.payload_count += 1
        return True

    def _resume_filling(self, segment: Segment) -> None:
        best = self._filling.get(segment.key)
        if segment.end < self._segment_bytes and (best is None or segment.end < best.end):
            self._filling[segment.key] = segment
