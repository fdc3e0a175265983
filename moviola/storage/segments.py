"""The files of a spool's segments: their names, their descriptors, and whether they are what was written."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.storage.privacy import PRIVATE_FILE, make_private_folder

log = logging.getLogger(__name__)

OPEN_SEGMENTS: Final = 256
"""The most segments with an open descriptor: a quarter of the usual limit of 1024; the rest is for connections. The
one unused for longest is closed first."""

ENDING: Final = ".segment"
"""The suffix of a segment's file; its name is the segment's number."""


@dataclass(slots=True)
class Segment:
    """A segment, and what is known of its file."""

    number: int
    key: str
    file: tuple[int, int] | None = None  # device and inode, once it is known
    is_lost: bool = False  # its file is not what it was
    end: int = 0  # where the next payload goes
    payload_count: int = 0  # payloads not yet freed
    slice_count: int = 0  # slices not yet released
    file_size: int = 0


class SegmentFiles:
    """The segments' files in one folder, of which a few are open at a time.

    Args:
        folder: the folder; it is made if it is missing.
        fsync: let `sync` write to the disk itself.

    Attributes:
        total_bytes: of all files.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        self.folder = folder
        self.total_bytes = 0
        self._prefix = os.path.join(folder, "")
        self._fsync = fsync
        self._open: OrderedDict[int, int] = OrderedDict()
        self._unsynced: set[int] = set()
        self.make_folder()

    def make_folder(self) -> None:
        """Make the folder, if it is not there any more."""
        make_private_folder(self.folder)

    def path(self, number: int) -> Path:
        """Return the path of a segment's file."""
        return Path(self._name(number))

    def found(self) -> dict[int, int]:
        """Return the sizes of the files in the folder, by their segments' numbers; -1 for one that is unusable."""
        found = {}
        for path in self.folder.glob(f"*{ENDING}"):
            if path.stem.isascii() and path.stem.isdigit():
                there = path.lstat()
                found[int(path.stem)] = there.st_size if _is_usable(there) else -1
        return found

    def create(self, number: int) -> Segment:
        """Return a new segment with a new file. Raises OSError."""
        self.make_folder()
        segment = Segment(number, "")
        there = os.fstat(self.descriptor(number, os.O_CREAT | os.O_EXCL))
        segment.file = (there.st_dev, there.st_ino)
        return segment

    def is_whole(self, segment: Segment) -> bool:
        """Return True if a segment's file is the one that was written to, and as long as it was."""
        try:
            there = os.lstat(self._name(segment.number))
        except (FileNotFoundError, NotADirectoryError):
            return False
        if segment.file is None:
            segment.file = (there.st_dev, there.st_ino)
        is_same = segment.file == (there.st_dev, there.st_ino)
        return is_same and _is_usable(there) and there.st_size >= segment.end

    def write(self, segment: Segment, payload: bytes | bytearray | memoryview) -> None:
        """Write a payload behind what a segment holds. Raises OSError; part of it may be written then."""
        fd = self.descriptor(segment.number)
        try:
            _write_all(fd, payload, segment.end)
        finally:  # after a failure as well
            if segment.end + len(payload) > segment.file_size:
                self._has_size(segment, os.fstat(fd).st_size)
        if self._fsync:
            self._unsynced.add(segment.number)

    def resize(self, segment: Segment, size: int) -> None:
        """Cut a segment's file to `size` bytes. Raises OSError."""
        os.ftruncate(self.descriptor(segment.number), size)
        self._has_size(segment, size)

    def remove(self, segment: Segment) -> None:
        """Remove a segment's file, where that can be done."""
        if (fd := self._open.pop(segment.number, None)) is not None:
            os.close(fd)
        try:
            self.path(segment.number).unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", self.path(segment.number), error.strerror or error)
        self.total_bytes -= segment.file_size

    def sync(self, is_wanted: Callable[[int], bool]) -> None:
        """Write what was written to segments that are wanted to the disk itself, with `fsync`. Raises OSError."""
        if not self._fsync or not self._unsynced:
            return
        for number in self._unsynced:
            if is_wanted(number):
                os.fsync(self.descriptor(number))
        self._unsynced.clear()
        self.make_folder()
        folder = self._opened(self.folder, os.O_RDONLY)  # that the files are there at all
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def descriptor(self, number: int, flags: int = 0) -> int:
        """Return the open file of a segment, valid until another is opened. Raises OSError."""
        fd = self._open.get(number)
        if fd is not None:
            self._open.move_to_end(number)
            return fd
        if len(self._open) >= OPEN_SEGMENTS:
            os.close(self._open.popitem(last=False)[1])
        fd = self._opened(self._name(number), os.O_RDWR | flags)
        self._open[number] = fd
        return fd

    def close(self) -> None:
        """Close all files."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _has_size(self, segment: Segment, size: int) -> None:
        self.total_bytes += size - segment.file_size
        segment.file_size = size

    def _name(self, number: int) -> str:
        """Return the path of a segment's file as text. Each append needs it, and a Path takes several times as long."""
        return f"{self._prefix}{number}{ENDING}"

    def _opened(self, path: str | Path, flags: int) -> int:
        """Open a file; if no descriptor is left, close a segment for it: connections may have taken all others."""
        while True:
            try:
                return os.open(path, flags | os.O_CLOEXEC, PRIVATE_FILE)
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._open:
                    raise
                os.close(self._open.popitem(last=False)[1])


def _is_usable(there: os.stat_result) -> bool:
    return stat.S_ISREG(there.st_mode) and there.st_mode & PRIVATE_FILE == PRIVATE_FILE


def _write_all(fd: int, payload: bytes | bytearray | memoryview, offset: int) -> None:
    rest = memoryview(payload).cast("B")
    while rest:
        written = os.pwrite(fd, rest, offset)
        offset += written
        rest = rest[written:]
