"""Tells whether a file is whole, by what its container promises of its length.

A copy that is under way, or was cut off, looks like any other file. Most containers say in their first bytes how long
they are; where they do, a file that ends before is not whole, whatever its clock and size say.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from moviola.media.ebml import SEGMENT, element_at
from moviola.media.images.ending import SOI, end_of_jpeg, is_cut_off
from moviola.media.images.formats import MAX_FILE_SIZE

MAX_BOXES: Final = 100_000
"""Top-level boxes of an MP4 that are looked at. A recording in fragments has two for each; beyond, nothing is said."""

_HEAD: Final = 64
"""Bytes that tell a container."""


class Wholeness(StrEnum):
    """What a container tells of its file's length."""

    WHOLE = "whole"
    CUT_OFF = "cut off"
    UNKNOWN = "unknown"


def wholeness(path: Path) -> Wholeness:
    """Tell whether a file is as long as its container says.

    MP4 and MOV, Matroska and WebM, AVI, WAV, WebP, PNG and JPEG are known, and of Ogg what its last page tells.
    Anything else is UNKNOWN, as are live recordings, which do not know their own length. Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
        if not head:
            return Wholeness.CUT_OFF
        for belongs, check in _CONTAINERS:
            if belongs(head):
                return check(file, head, size)
    return Wholeness.UNKNOWN


def _boxes(file: BinaryIO, _head: bytes, size: int) -> Wholeness:
    """Check a file of boxes (ISO/IEC 14496-12, 4.2): each has a size (32 bits, or 64 where these are 1; 0: to the end)
    and a type."""
    at, types = 0, set[bytes]()
    for _ in range(MAX_BOXES):
        if at == size:
            has_index = bool(types & {b"moov", b"meta"})  # films, and pictures
            return Wholeness.WHOLE if has_index else Wholeness.CUT_OFF
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return Wholeness.CUT_OFF
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 0:
            return Wholeness.UNKNOWN
        if length == 1:
            if len(head) < 16:
                return Wholeness.CUT_OFF
            (length,) = struct.unpack(">Q", head[8:])
        if length < 8:
            return Wholeness.UNKNOWN  # no box: damaged, or padding that players pass over
        types.add(kind)
        at += length
        if at > size:
            return Wholeness.CUT_OFF
    return Wholeness.UNKNOWN


def _elements(_file: BinaryIO, head: bytes, size: int) -> Wholeness:
    """Check a file of EBML: a header and one segment."""
    header = element_at(head, 0)
    segment = element_at(head, header.end) if header is not None and header.end is not None else None
    if segment is None:
        return Wholeness.UNKNOWN if size > len(head) else Wholeness.CUT_OFF
    if segment.id != SEGMENT or segment.end is None:
        return Wholeness.UNKNOWN
    return Wholeness.WHOLE if size >= segment.end else Wholeness.CUT_OFF


def _riff(file: BinaryIO, head: bytes, size: int) -> Wholeness:
    """Check a file of RIFF chunks: each has a type and a size of 32 bits; an AVI beyond 1 GiB has several of type
    RIFF, one behind the other."""
    at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(8)
        kind, length = struct.unpack("<4sI", head)
        if kind != b"RIFF":
            break  # padding that some programs leave behind
        if length in (0, 0xFFFFFFFF):
            return Wholeness.UNKNOWN  # written as a stream
        at += 8 + length + length % 2
        if at - length % 2 > size:
            return Wholeness.CUT_OFF
    return Wholeness.WHOLE


def _ogg(file: BinaryIO, _head: bytes, size: int) -> Wholeness:
    """Check the last page of an Ogg (RFC 3533, 6): a head, the sizes of its segments, and these. The last page is
    marked, unless a recording was broken off; one that ends before its segments do was cut."""
    file.seek(max(0, size - _MAX_OGG_PAGE))
    tail = file.read(_MAX_OGG_PAGE)
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return Wholeness.UNKNOWN
    page = tail[at:].ljust(_OGG_HEAD, b"\xff")
    sizes = page[_OGG_HEAD:][: page[_OGG_HEAD - 1]]
    if len(sizes) < page[_OGG_HEAD - 1] or len(page) < _OGG_HEAD + len(sizes) + sum(sizes):
        return Wholeness.CUT_OFF
    return Wholeness.WHOLE if page[5] & _OGG_LAST else Wholeness.UNKNOWN


_OGG_HEAD: Final = 27
_OGG_LAST: Final = 4
_MAX_OGG_PAGE: Final = _OGG_HEAD + 255 + 255 * 255


def _png(file: BinaryIO, _head: bytes, _size: int) -> Wholeness:
    data = _picture(file)
    return _with_tail(data, b"IEND\xaeB`\x82", is_cut=is_cut_off(data))


def _jpeg(file: BinaryIO, _head: bytes, _size: int) -> Wholeness:
    """Check a JPEG, and those that follow it directly: some cameras append others, and a stream is many."""
    data, end = _picture(file), 0
    while end >= 0 and data.startswith(SOI, end):
        end = end_of_jpeg(data, end)
    return _with_tail(data, b"\xff\xd9", is_cut=end < 0)


def _picture(file: BinaryIO) -> bytes:
    """Return the whole file; of one that is larger than a picture may be, nothing."""
    file.seek(0)
    data = file.read(MAX_FILE_SIZE + 1)
    return data if len(data) <= MAX_FILE_SIZE else b""


_TAIL: Final = 4096
"""Bytes that may follow a picture's last mark in a file that is known to be whole: padding, and thumbnails."""


def _with_tail(data: bytes, mark: bytes, *, is_cut: bool) -> Wholeness:
    """Say how a file of pictures is. Phones append films, which may still be on their way."""
    if is_cut:
        return Wholeness.CUT_OFF
    return Wholeness.WHOLE if mark in data[-_TAIL:] else Wholeness.UNKNOWN


_ISO_FIRST: Final = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"))
_CONTAINERS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, bytes, int], Wholeness]], ...]] = (
    (lambda head: head[4:8] in _ISO_FIRST, _boxes),
    (lambda head: head.startswith(b"\x1a\x45\xdf\xa3"), _elements),
    (lambda head: head.startswith(b"RIFF"), _riff),
    (lambda head: head.startswith(b"OggS"), _ogg),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg),
)
