"""Tags in directories, as TIFF files and EXIF blocks have them (TIFF 6.0, section 2; BigTIFF; EXIF 2.3, 4.5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_ENTRIES: Final = 4_096
"""In one directory; cameras write some dozens. More is a broken count."""

_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class BadDirectory(ValueError):
    """Bytes that are no directory."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: its field type by TIFF's number, how many values, and their bytes in the file's byte order.

    What a directory gives is a view: thousands of entries may claim the same bytes, up to the whole file.
    """

    type: int
    count: int
    data: bytes | memoryview
    order: str  # "<" or ">"

    @property
    def number(self) -> int:
        """The first value, if these are unsigned whole numbers, else 0."""
        code = _NUMBERS.get(self.type)
        return int(struct.unpack_from(self.order + code, self.data)[0]) if code else 0


class Directories:
    """Reads the directories of a TIFF file, or of an EXIF block without its `Exif` mark. Raises BadDirectory."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        mark = bytes(self._data[:4])
        self.order = {b"II": "<", b"MM": ">"}.get(mark[:2], "")
        version = mark[2:] if self.order == "<" else mark[:1:-1]
        if not self.order or version not in (b"*\0", b"+\0"):
            raise BadDirectory("no TIFF header")
        self._big = version == b"+\0"
        self._first = self._unpack("Q", 8) if self._big else self._unpack("I", 4)

    def chain(self, most: int) -> Iterator[dict[int, Entry]]:
        """The directories one after the other, at most so many; one that leads back ends the chain."""
        offset, seen = self._first, set[int]()
        while offset and offset not in seen and len(seen) < most:
            seen.add(offset)
            entries, offset = self._read(offset)
            yield entries

    def at(self, offset: int) -> dict[int, Entry]:
        """The directory that begins at this byte."""
        return self._read(offset)[0]

    def _read(self, offset: int) -> tuple[dict[int, Entry], int]:
        count = self._unpack("Q", offset) if self._big else self._unpack("H", offset)
        if count > MAX_ENTRIES:
            raise BadDirectory(f"a directory of {count} entries")
        offset += 8 if self._big else 2
        size = 20 if self._big else 12
        entries: dict[int, Entry] = {}
        for index in range(count):
            tag, entry = self._entry(offset + index * size)
            if entry is not None:
                entries.setdefault(tag, entry)
        end = offset + count * size
        return entries, self._unpack("Q", end) if self._big else self._unpack("I", end)

    def _entry(self, at: int) -> tuple[int, Entry | None]:
        """A tag and its values; None for values of an unknown type or beyond the end."""
        tag, kind = self._unpack("H", at), self._unpack("H", at + 2)
        count = self._unpack("Q", at + 4) if self._big else self._unpack("I", at + 4)
        place, inline = (at + 12, 8) if self._big else (at + 8, 4)
        size = _SIZES.get(kind, 0) * count
        if size > inline:
            place = self._unpack("Q", place) if self._big else self._unpack("I", place)
        if not size or place + size > len(self._data):
            return tag, None
        return tag, Entry(kind, count, self._data[place : place + size], self.order)

    def _unpack(self, code: str, at: int) -> int:
        try:
            (value,) = struct.unpack_from(self.order + code, self._data, at)
        except (struct.error, OverflowError):
            raise BadDirectory("a directory ends beyond the file") from None
        return int(value)


def block(entries: dict[int, Entry], order: str, offset: int, next_offset: int = 0) -> bytes:
    """A directory that is to lie at byte `offset`, its values behind it."""
    head = struct.pack(order + "H", len(entries))
    place = offset + 2 + 12 * len(entries) + 4
    body = b""
    for tag, entry in sorted(entries.items()):
        head += struct.pack(order + "HHI", tag, entry.type, entry.count)
        if len(entry.data) <= 4:
            head += bytes(entry.data).ljust(4, b"\0")
        else:
            head += struct.pack(order + "I", place + len(body))
            body += bytes(entry.data) + b"\0" * (len(entry.data) % 2)
    return head + struct.pack(order + "I", next_offset) + body
