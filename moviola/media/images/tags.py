"""Tags in directories, as TIFF files and EXIF blocks have them, read and written by Pillow.

Pillow's own `Exif` writes other types than it reads (texts that are not ASCII become question marks, signed fractions
unsigned ones), so directories are copied here tag by tag, each with the type that it had.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final, Literal

from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

MAX_ENTRIES: Final = 4_096
"""In one directory; cameras write some dozens. More is a broken count."""

MAX_DATA_SIZE: Final = 64 * 1024 * 1024
"""Bytes of values that the directories of one file may have: they may all claim the same bytes of it."""

Directory = ImageFileDirectory_v2

MAX_TAGS: Final = 30_000
"""In the directories of all pages of a TIFF whose tags are carried: some 30 of each of a thousand."""

MAX_READS: Final = 200_000
"""Entries and values that are looked at in all directories of a file: a thousand pages have some 30 000."""

MAX_VALUE_SIZE: Final = 16 * 1024
"""Bytes of one tag that is carried: a comment of some pages. What is longer is an editor's own data."""

ORIENTATION, MAKER_NOTE = 274, 37500
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
CAMERA, PLACE, INTEROPERABILITY = 34665, 34853, 40965
"""Tags that point to directories of their own."""

MARK: Final = b"Exif\0\0"
"""What may stand before an EXIF block."""

_ASCII, _SHORT, _LONG, _RATIONAL, _LONG8 = 2, 3, 4, 5, 16
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # TIFF 6.0, section 2
_CENTIMETRE: Final = 3

_OF_PIXELS: Final = frozenset((
    *range(254, 267), 273, 274, *range(277, 282), 284, *range(288, 294), 301, 317, *range(320, 327), 330,
    *range(332, 344), 346, 347, *range(512, 522), *range(529, 533),
))  # fmt: skip
"""TIFF 6.0's tags that say how pixels are stored, and those of EXIF's thumbnail: a written picture has its own."""

RAW: Final = range(50706, 52600)
"""DNG's tags."""

COLORIMETRY: Final = frozenset((318, 319))
"""WhitePoint and PrimaryChromaticities: true as long as colours are of the space that they were of."""

_APART: Final = frozenset((700, 33723, 34377, 34675, 37724, *RAW, CAMERA, PLACE, INTEROPERABILITY))
"""XMP, IPTC, Photoshop's blocks and layers, the ICC profile, raw pictures: carried otherwise, or not at all."""

_OF_CAMERA: Final = frozenset((MAKER_NOTE, 40962, 40963, INTEROPERABILITY))


class BadDirectory(ValueError):
    """Bytes that are no directory."""


class Reader(BytesIO):
    """A file of which no more than MAX_DATA_SIZE bytes are read, in no more than `reads` pieces."""

    _left = MAX_DATA_SIZE

    def __init__(self, data: bytes | memoryview, reads: int = MAX_READS) -> None:
        super().__init__(data)
        self._reads_left = reads

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._left -= len(data)
        self._reads_left -= 1
        if self._left < 0 or self._reads_left < 0:
            raise BadDirectory("its directories claim too many bytes")
        return data


@contextmanager
def quiet() -> Iterator[None]:
    """Run the block without Pillow's warnings about what it finds odd, and raise BadDirectory for what breaks it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except BadDirectory:
            raise
        except (OSError, SyntaxError, struct.error, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise BadDirectory(str(error)) from error


def directories(data: bytes | memoryview, most: int) -> Iterator[Directory]:
    """Yield the directories of a TIFF file, or of an EXIF block without its mark, one after the other.

    At most `most` of them; one that leads back ends the chain. Raise BadDirectory.
    """
    reader = Reader(data)
    offset, seen = _empty(data).next, set[int]()
    while offset and offset not in seen and len(seen) < most:
        seen.add(offset)
        found = directory_at(data, offset, reader)
        yield found
        offset = found.next


def directory_at(data: bytes | memoryview, offset: int, reader: BytesIO | None = None, group: int = 0) -> Directory:
    """Return the directory that begins at this byte, of the kind that the tag `group` points to. Raise BadDirectory."""
    made = _empty(data, group)
    size = 8 if bytes(data[2:4]) in (b"+\0", b"\0+") else 2
    count = int.from_bytes(data[offset : offset + size], "little" if made.prefix == b"II" else "big")
    if count > MAX_ENTRIES:
        raise BadDirectory(f"a directory of {count} entries")
    with quiet():
        reader = reader or Reader(data)
        reader.seek(offset)
        made.load(reader)
    return made


def number(found: Directory, tag: int, default: int = 0) -> int:
    """Return a tag's first value, if that is a whole number, else `default`."""
    if tag not in found:
        return default
    try:
        with quiet():
            value = found[tag]
    except ValueError:
        return default
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int) else default


def resolution(found: Directory) -> tuple[float, float] | None:
    """Return how many pixels an inch has, across and down; None where a directory does not say it."""
    try:
        with quiet():
            across, down = float(found[X_RESOLUTION]), float(found[Y_RESOLUTION])
    except ValueError:
        return None
    unit = number(found, RESOLUTION_UNIT, 2)
    if unit not in (2, _CENTIMETRE) or not (0 < across < 1e9 and 0 < down < 1e9):
        return None
    factor = 2.54 if unit == _CENTIMETRE else 1
    return across * factor, down * factor


def orientation(exif: bytes) -> int:
    """Return EXIF's Orientation, 1 (upright) where it is missing or makes no sense."""
    try:
        value = number(next(directories(exif.removeprefix(MARK), 1)), ORIENTATION, 1)
    except (BadDirectory, StopIteration):
        return 1
    return value if 1 <= value <= 8 else 1


def resolution_of(exif: bytes) -> tuple[float, float] | None:
    """Return how many pixels an inch has by an EXIF block or a TIFF file."""
    try:
        return resolution(next(directories(exif.removeprefix(MARK), 1)))
    except (BadDirectory, StopIteration):
        return None


@dataclass(slots=True)
class Tags:
    """A directory that is written, and those below it by the tags that point to them; `is_short` where something of it
    is too long or broken. `told` is what the directory has that it was made of."""

    own: Directory
    below: dict[int, Tags] = field(default_factory=dict)
    is_short: bool = False
    told: frozenset[int] = frozenset()
    has_maker_note: bool = False

    def __bool__(self) -> bool:
        return bool(len(self.own) or self.below)

    def to_bytes(self, offset: int) -> bytes:
        """Return what is to lie at byte `offset` of a file."""
        for tag in self.below:
            self.own.tagtype[tag] = _LONG
            self.own[tag] = 0
        at = offset + len(self.own.tobytes(offset))
        parts = []
        for tag, tags in self.below.items():
            self.own[tag] = at
            part = tags.to_bytes(at)
            parts.append(part)
            at += len(part)
        return b"".join((self.own.tobytes(offset), *parts))

    def packed(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield each tag of the directory itself: number, type, how many values, and their bytes."""
        order: Literal["little", "big"] = "little" if self.own.prefix == b"II" else "big"
        for tag in sorted(set(self.own) - set(self.below)):
            alone = Directory(prefix=self.own.prefix)
            _add(alone, tag, self.own)
            block = alone.tobytes()  # how many tags, one of 12 bytes, where the next directory lies, values
            count = int.from_bytes(block[6:10], order)
            size = count * _SIZES[alone.tagtype[tag]]
            yield tag, alone.tagtype[tag], count, block[10 : 10 + size] if size <= 4 else block[18 : 18 + size]

    def to_exif(self) -> bytes:
        """Return an EXIF block without its mark."""
        head = b"II*\0" if self.own.prefix == b"II" else b"MM\0*"
        return head + struct.pack("<I" if self.own.prefix == b"II" else ">I", 8) + self.to_bytes(8)


def lasting(
    data: bytes | memoryview,
    without: frozenset[int] = frozenset(),
    page: Directory | None = None,
    reader: Reader | None = None,
) -> Tags:
    """Return what stays true of the tags of a TIFF file's page, or of an EXIF block. Raise BadDirectory.

    Left out are orientation and sizes, which a filtered picture has anew; the maker's private notes, which point into
    the file that they were in; and the thumbnail, which would show what was filtered away.

    Args:
        data: the file, or the block.
        without: tags that are left out of the page's own directory as well.
        page: its directory; by default that of the first.
        reader: for the directories below it.
    """
    first = next(directories(data, 1), None) if page is None else page
    if first is None:
        raise BadDirectory("no directory")
    tags = _copy(first, _OF_PIXELS | _APART | without)
    tags.told = frozenset(first)
    for tag, left_out in ((CAMERA, _OF_CAMERA), (PLACE, frozenset[int]())):
        if found := _below(data, first, tag, reader):
            tags.below[tag] = _copy(found, left_out)
            tags.is_short = tags.is_short or tags.below[tag].is_short
            tags.has_maker_note = tags.has_maker_note or (tag == CAMERA and MAKER_NOTE in found)
            if inner := _below(data, found, INTEROPERABILITY, reader):
                tags.below[tag].below[INTEROPERABILITY] = _copy(inner, frozenset())
    tags.below = {tag: each for tag, each in tags.below.items() if each}
    return tags


def with_resolution(exif: bytes, dpi: tuple[float, float]) -> bytes:
    """Return an EXIF block that tells so many pixels an inch, unless it tells others."""
    tags = lasting(exif) if exif else Tags(Directory(prefix=b"II"))
    if X_RESOLUTION in tags.own:
        return exif
    for tag, value in ((X_RESOLUTION, dpi[0]), (Y_RESOLUTION, dpi[1])):
        tags.own.tagtype[tag] = _RATIONAL
        tags.own[tag] = IFDRational(round(value * 1000), 1000)
    tags.own.tagtype[RESOLUTION_UNIT] = _SHORT
    tags.own[RESOLUTION_UNIT] = 2
    return tags.to_exif()


def _empty(data: bytes | memoryview, group: int = 0) -> Directory:
    """Return a directory in the byte order of a file, without tags."""
    head = bytes(data[:16])
    is_big = head[2:4] in (b"+\0", b"\0+")
    with quiet():
        return Directory(head if is_big else head[:8], group=group or None)


def _below(data: bytes | memoryview, found: Directory, tag: int, reader: Reader | None) -> Directory | None:
    offset = number(found, tag)
    return directory_at(data, offset, reader, tag) if offset else None


def _copy(found: Directory, left_out: frozenset[int]) -> Tags:
    """Return the tags of a directory, those that cannot be written left out, each with its type."""
    made = Directory(prefix=found.prefix, group=found.group)
    tags = Tags(made)
    for tag in sorted(set(found) - left_out):
        if found.tagtype[tag] not in (*_SIZES, _LONG8):
            continue  # a pointer to what is not carried
        try:
            with quiet():
                _add(made, tag, found)
                alone = Directory(prefix=found.prefix, group=found.group)
                _add(alone, tag, found)
                if len(alone.tobytes(8)) > MAX_VALUE_SIZE:
                    raise BadDirectory("a value too long")
        except BadDirectory:
            tags.is_short = True
            del made[tag]
    return tags


def _add(made: Directory, tag: int, found: Directory) -> None:
    kind = found.tagtype[tag]
    made.tagtype[tag] = _LONG if kind == _LONG8 else kind
    made[tag] = _value(found[tag], kind)


def _value(value: Any, kind: int) -> Any:
    """Return a tag's value as Pillow must be given it to write the same bytes that it read."""
    return value.encode("latin-1") if kind == _ASCII and isinstance(value, str) else value
