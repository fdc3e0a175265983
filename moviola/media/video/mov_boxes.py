"""The boxes of MP4 and QuickTime files (ISO/IEC 14496-12): read as a tree, changed, and written before the media.

FFmpeg writes `moov` behind the media and knows only some of what may stand in it. `to_front` moves it before them, so
that a file plays while it is still loaded, and lets the caller add what FFmpeg does not write.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

from moviola.media.errors import SpliceError

_CONTAINERS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"edts"})
_BLOCK_SIZE: Final = 8 * 1024 * 1024
"""Bytes that are moved at a time."""

_MAX_OFFSET: Final = 2**32 - 1
"""What an `stco` has room for; a `co64` has 64 bits."""

MAX_INDEX_SIZE: Final = 256 * 1024 * 1024
"""Bytes of an index that is read at once: that of a day at 60 frames a second has 100 MB."""

_MAX_DEPTH: Final = 8
"""Boxes within each other, of those that are taken apart; the tables of samples are six deep."""

EMPTY_DESCRIPTION: Final = 8
"""Bytes of the content of an `stsd` without an entry: version, flags, and how many there are."""


@dataclass(slots=True)
class Box:
    """A box: `data` if it is a leaf; `children` of those that hold boxes and nothing else."""

    type: bytes
    data: bytes = b""
    children: list[Box] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return the bytes of the box, with its head."""
        return 8 + len(self.data) + sum(child.size for child in self.children)

    def to_bytes(self) -> bytes:
        """Return it as it stands in a file."""
        return b"".join((struct.pack(">I4s", self.size, self.type), self.data, *(c.to_bytes() for c in self.children)))

    def all(self, *path: bytes) -> Iterator[Box]:
        """Yield the boxes at a path of types below this one."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.type == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: bytes) -> Box | None:
        """Return the first box at a path below this one."""
        return next(self.all(*path), None)


def parsed(data: bytes, depth: int = 0) -> list[Box]:
    """Return the boxes that lie in `data` one behind the other. Raise SpliceError where they are none."""
    boxes, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise SpliceError(f"the box {kind!r} of the finished file has a wrong size; this is a fault of the program")
        content = data[at + 8 : at + size]
        is_taken_apart = kind in _CONTAINERS and depth < _MAX_DEPTH
        boxes.append(Box(kind, children=parsed(content, depth + 1)) if is_taken_apart else Box(kind, content))
        at += size
    return boxes


def index_of(file: BinaryIO) -> Box:
    """Return the `moov` of a file. Raise SpliceError without one."""
    for kind, at, size in _top_level(file):
        if kind == b"moov" and size <= MAX_INDEX_SIZE:
            file.seek(at)
            return parsed(file.read(size))[0]
    raise SpliceError("the finished file has no index; this is a fault of the program")


def is_dolby_vision(path: Path, form: str) -> bool:
    """Return True if an MP4 or QuickTime file describes a track as Dolby Vision (its box `dvcC`, `dvvC` or `dvwC`);
    False of a file of another format of FFmpeg's, or one whose index is not there or too large to be looked at."""
    if not form.startswith("mov"):
        return False
    try:
        with path.open("rb") as file:
            descriptions = index_of(file).all(b"trak", b"mdia", b"minf", b"stbl", b"stsd")
            return any(kind in box.data for box in descriptions for kind in (b"dvcC", b"dvvC", b"dvwC"))
    except (SpliceError, OSError, struct.error):
        return False


def told_end(path: Path, form: str) -> Fraction | None:
    """Return how long an MP4 or QuickTime file says it lasts (seconds); None of another format of FFmpeg's, and of a
    file that does not tell, as one whose index comes in pieces."""
    if not form.startswith("mov"):
        return None
    try:
        with path.open("rb") as file:
            index = index_of(file)
        head = index.first(b"mvhd")
        if head is None or index.first(b"mvex") is not None:
            return None
        scale, ticks = (
            struct.unpack_from(">IQ", head.data, 20) if head.data[0] else struct.unpack_from(">II", head.data, 12)
        )
    except (SpliceError, OSError, struct.error, IndexError):
        return None
    return Fraction(ticks, scale) if ticks and scale else None


def to_front(file: BinaryIO, edit: Callable[[Box], None]) -> None:
    """Move the `moov` of a file, which lies behind its media, before them, changed by `edit`.

    The media are moved in place, from the end on, a block at a time. Raise SpliceError where a box is none.
    """
    places = list(_top_level(file))
    kinds = [kind for kind, _, _ in places]
    if b"moov" not in kinds or kinds[-1] != b"moov" or kinds[0] != b"ftyp":
        raise SpliceError("the finished file has no index at its end; this is a fault of the program")
    _, moov_at, moov_size = places[-1]
    begin = places[0][2]
    file.seek(moov_at)
    (moov,) = parsed(file.read(moov_size))
    edit(moov)
    head = _shifted(moov, begin)
    _move(file, begin, moov_at, len(head))
    file.seek(begin)
    file.write(head)
    file.truncate(moov_at + len(head))


def _top_level(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, place and size of each box of a file."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        size = size or end - at
        if size < 8:
            raise SpliceError(f"the box {kind!r} of the finished file has a wrong size; this is a fault of the program")
        yield kind, at, size
        at += size


def _shifted(moov: Box, begin: int) -> bytes:
    """Return `moov` with the places of all that lies from `begin` on moved by its own size."""
    tables = [box for box in moov.all(b"trak", b"mdia", b"minf", b"stbl") for box in box.children]
    offsets = [(box, _offsets(box)) for box in tables if box.type in (b"stco", b"co64")]
    while True:  # a table that becomes wider makes `moov` larger
        for box, places in offsets:
            box.data = bytes(8 + len(places) * (8 if box.type == b"co64" else 4))
        delta = moov.size
        wider = [box for box, places in offsets if box.type == b"stco" and max(places, default=0) + delta > _MAX_OFFSET]
        if not wider:
            break
        for box in wider:
            box.type = b"co64"
    for box, places in offsets:
        _set_offsets(box, array("Q", (place + delta if place >= begin else place for place in places)))
    return moov.to_bytes()


def _offsets(box: Box) -> array[int]:
    places = array("Q" if box.type == b"co64" else "I", box.data[8:])
    if sys.byteorder == "little":
        places.byteswap()
    return places


def _set_offsets(box: Box, places: array[int]) -> None:
    table = array("Q" if box.type == b"co64" else "I", places)
    if sys.byteorder == "little":
        table.byteswap()
    box.data = struct.pack(">II", 0, len(places)) + table.tobytes()


def _move(file: BinaryIO, begin: int, end: int, delta: int) -> None:
    """Move the bytes between two places of a file on by `delta`."""
    while end > begin:
        start = max(begin, end - _BLOCK_SIZE)
        file.seek(start)
        block = file.read(end - start)
        file.seek(start + delta)
        file.write(block)
        end = start
