"""The boxes of MP4 and QuickTime files (ISO/IEC 14496-12): looked into, read as a tree, changed, and written before
the media.

FFmpeg writes `moov` behind the media and knows only some of what may stand in it. `to_front` moves it before them, so
that a file plays while it is still loaded, and lets the caller add what FFmpeg does not write.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
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

MAX_BOXES: Final = 100_000
"""Boxes of a file that are passed by in search of some: an index has some twenty for each track."""

MAX_CONTENT: Final = 1024 * 1024
"""Bytes that are read of a box that was looked for: a description of samples has some hundred."""

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


def parsed(data: bytes | memoryview, depth: int = 0) -> list[Box]:
    """Return the boxes that lie in `data` one behind the other. Raise SpliceError where they are none."""
    boxes, at, data = list[Box](), 0, memoryview(data)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise SpliceError(f"the box {kind!r} of the finished file has a wrong size; this is a fault of the program")
        content = data[at + 8 : at + size]
        is_taken_apart = kind in _CONTAINERS and depth < _MAX_DEPTH
        boxes.append(Box(kind, children=parsed(content, depth + 1)) if is_taken_apart else Box(kind, bytes(content)))
        at += size
    return boxes


def in_index(file: BinaryIO, *path: bytes) -> Iterator[bytes]:
    """Yield the content of each box at a path of types below the first `moov` of a file, MAX_CONTENT bytes of it.

    Of all others only the heads are read: tables of samples have megabytes. Raise SpliceError without a `moov`, or
    where there are more than MAX_BOXES.
    """
    heads = _Heads(file)
    index = next(heads.at((b"moov",), 0, file.seek(0, 2)), None)
    if index is None:
        raise SpliceError("the file has no index")
    for begin, end in heads.at(path, *index):
        file.seek(begin)
        yield file.read(min(end - begin, MAX_CONTENT))


class _Heads:
    """Finds boxes in a file by the heads of those around and before them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_BOXES

    def at(self, path: Sequence[bytes], begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the content of each box at a path of types begins and ends, between two places of the file."""
        while begin + 8 <= end:
            self._left -= 1
            if self._left < 0:
                raise SpliceError(f"the file has more than {MAX_BOXES} boxes")
            kind, content, following = _head(self._file, begin, end)
            if kind == path[0]:
                place = content, min(following, end)
                yield from self.at(path[1:], *place) if path[1:] else (place,)
            begin = following


def is_dolby_vision(path: Path, form: str) -> bool:
    """Return True if an MP4 or QuickTime file describes a track as Dolby Vision (its box `dvcC`, `dvvC` or `dvwC`);
    False of a file of another format of FFmpeg's, or one whose index is not there or has too many boxes."""
    if not form.startswith("mov"):
        return False
    try:
        with path.open("rb") as file:
            descriptions = in_index(file, b"trak", b"mdia", b"minf", b"stbl", b"stsd")
            return any(kind in data for data in descriptions for kind in (b"dvcC", b"dvvC", b"dvwC"))
    except (SpliceError, OSError, struct.error):
        return False


def told_end(path: Path, form: str) -> Fraction | None:
    """Return how long an MP4 or QuickTime file says it lasts (seconds); None of another format of FFmpeg's, and of a
    file that does not tell, as one whose index comes in pieces."""
    if not form.startswith("mov"):
        return None
    try:
        with path.open("rb") as file:
            head = next(in_index(file, b"mvhd"), b"")
            if next(in_index(file, b"mvex"), None) is not None:
                return None
        scale, ticks = struct.unpack_from(">IQ", head, 20) if head[0] else struct.unpack_from(">II", head, 12)
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
        kind, _, following = _head(file, at, end)
        yield kind, at, following - at
        at = following


def _head(file: BinaryIO, at: int, end: int) -> tuple[bytes, int, int]:
    """Return the type of the box at a place of a file, where its content begins, and where the next one does; a size
    of zero reaches to `end`."""
    file.seek(at)
    size, kind = struct.unpack(">I4s", file.read(8))
    if size == 1:
        (size,) = struct.unpack(">Q", file.read(8))
    size = size or end - at
    content = file.tell()
    if at + size < content:
        raise SpliceError(f"the box {kind!r} of the finished file has a wrong size; this is a fault of the program")
    return kind, content, at + size


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
