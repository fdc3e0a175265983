"""What a picture's file says of itself before it is decoded: size, pages, which way is up, colour profile.

Read by the client, which decodes nothing, and again by the worker, which trusts nobody. Sources: ITU-T T.81 (JPEG),
the PNG, WebP container, GIF89a, BMP and TIFF 6.0 specifications.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from moviola.media.images.formats import BrokenImage, format_of
from moviola.media.images.ifd import BadDirectory, Directories
from moviola.media.images.planar import is_planar

MAX_FILE_SIZE: Final = 128 * 1024 * 1024
"""One picture's file. It travels whole, in a payload of at most 256 MiB; a 100-megapixel photograph has about 50 MB."""

MAX_PIXELS: Final = 1 << 27
"""In one picture, all pages together: 134 million. The largest cameras make 102 million; decoded, and filtered beside
it, that is about 1 GB. A file of some kilobytes can promise as many as it likes."""

MAX_PAGES: Final = 1_000
"""Of one file. All are worked on by one worker, one after the other."""

MAX_PROFILE_SIZE: Final = 4 * 1024 * 1024
"""A colour profile, unpacked: those with tables for printers have up to 3 MB."""

_ORIENTATION, _WIDTH, _HEIGHT, _PROFILE = 274, 256, 257, 34675
_SUBFILE, _BITS, _PHOTOMETRIC, _EXTRA = 254, 258, 262, 338
_REDUCED_OR_MASK: Final = 1 | 4  # TIFF 6.0, NewSubfileType
_CMYK: Final = 5
_UNASSOCIATED: Final = 2  # TIFF 6.0, ExtraSamples
_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # T.81, table B.1
_CHROMA: Final = {0x11: "444", 0x21: "422"}  # by the first component's sampling factors
_BARE: Final = frozenset((0x01, *range(0xD0, 0xD8)))


@dataclass(frozen=True, slots=True)
class Header:
    """`width` × `height` pixels as stored, of the first page; `pixel_count` of all pages.

    `pages` are the indices, in the file, of those that are pictures of their own. `orientation` is EXIF's number, 1
    where the decoder turns the picture itself. `exif` is the block without its mark, `profile` an ICC profile.
    `is_premultiplied`: OpenCV gives the colours multiplied by the transparency. `planar` are those of `pages` whose
    colours lie in planes of their own: see planar.py. `chroma` is the resolution of a JPEG's colours: 444 full, 422
    halved across, 420 halved.
    """

    format: str
    width: int
    height: int
    pixel_count: int
    pages: tuple[int, ...] = (0,)
    orientation: int = 1
    exif: bytes = b""
    profile: bytes = b""
    is_lossless: bool = True
    is_cmyk: bool = False
    is_premultiplied: bool = False
    planar: frozenset[int] = frozenset()
    chroma: str = "444"


def read_header(data: bytes | memoryview) -> Header:
    """The header of a picture's file. Raises BrokenImage, also for what is beyond a limit."""
    if len(data) > MAX_FILE_SIZE:
        raise BrokenImage(too_large(len(data)))
    name = format_of(data)
    try:
        found = _READERS[name](memoryview(data))
    except (struct.error, IndexError, BadDirectory):
        raise BrokenImage("is broken: its header is cut short or makes no sense") from None
    if not found.pages:
        raise BrokenImage("is broken: there is no picture in it")
    if found.width < 1 or found.height < 1:
        raise BrokenImage("is broken: its header tells no size")
    if len(found.pages) > MAX_PAGES:
        raise BrokenImage(f"has more than {MAX_PAGES} pages or frames, which are the most")
    if found.pixel_count > MAX_PIXELS:
        raise BrokenImage(
            f"has {found.pixel_count / 1e6:.0f} million pixels by its header; {MAX_PIXELS / 1e6:.0f} are the most"
        )
    return found


def too_large(size: int) -> str:
    """What is wrong with a file of so many bytes."""
    return f"has {size / 2**20:.0f} MiB; {MAX_FILE_SIZE >> 20} are the most for one picture"


def _jpg(data: memoryview) -> Header:
    width = height = 0
    exif = b""
    chroma = "444"
    profile: dict[int, bytes] = {}
    for marker, body in _segments(data):
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", body, 1)
            chroma = _CHROMA.get(body[7], "420") if body[5] > 1 else "444"
        elif marker == 0xE1 and bytes(body[:6]) == b"Exif\0\0" and not exif:
            exif = bytes(body[6:])
        elif marker == 0xE2 and bytes(body[:12]) == b"ICC_PROFILE\0":
            profile[body[12]] = bytes(body[14:])
    whole = b"".join(part for _, part in sorted(profile.items()))
    orientation = _orientation(exif)
    return Header(
        "jpg", width, height, width * height, (0,), orientation, exif, whole, is_lossless=False, chroma=chroma
    )


def _segments(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Marker and contents of the segments before the first scan."""
    at = 2
    while True:
        while data[at] != 0xFF:  # T.81 allows nothing between segments; some writers leave zeros
            at += 1
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker == 0xDA or marker == 0xD9:
            return
        if marker in _BARE:
            continue
        (size,) = struct.unpack_from(">H", data, at)
        yield marker, data[at + 2 : at + size]
        at += max(size, 2)


def _png(data: memoryview) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    exif = profile = b""
    count = 1
    at = 8
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = bytes(data[at + 4 : at + 8]), data[at + 8 : at + 8 + size]
        if kind == b"eXIf":
            exif = bytes(body)
        elif kind == b"acTL" and len(body) >= 4:
            (count,) = struct.unpack_from(">I", body)
        elif kind == b"iCCP":
            profile = _unzipped(bytes(body).partition(b"\0")[2][1:])
        at += 12 + size
    pages = _numbered(count)
    return Header("png", width, height, width * height * len(pages), pages, _orientation(exif), exif, profile)


def _unzipped(data: bytes) -> bytes:
    """Empty where it is broken or too long: a picture does well without its profile."""
    unzip = zlib.decompressobj()
    try:
        profile = unzip.decompress(data, MAX_PROFILE_SIZE)
    except zlib.error:
        return b""
    return profile if unzip.eof else b""


def _webp(data: memoryview) -> Header:
    width = height = count = 0
    exif = profile = b""
    is_lossless = False
    for kind, body in riff_chunks(data):
        if kind == b"VP8X":
            width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
        elif kind == b"VP8 " and not width:
            width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", body, 6))
        elif kind == b"VP8L":
            is_lossless = True
            (bits,) = struct.unpack_from("<I", body, 1)
            if not width:
                width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"ANMF":
            count += 1
            is_lossless = is_lossless or bytes(body[16:20]) == b"VP8L"
        elif kind == b"ICCP" and len(body) <= MAX_PROFILE_SIZE:
            profile = bytes(body)
        elif kind == b"EXIF":
            exif = bytes(body).removeprefix(b"Exif\0\0")
    pages = _numbered(max(count, 1))
    orientation = _orientation(exif)
    return Header(
        "webp", width, height, width * height * len(pages), pages, orientation, exif, profile, is_lossless=is_lossless
    )


def riff_chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Name and contents of the chunks of a WebP file."""
    at = 12
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        yield bytes(data[at : at + 4]), data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _gif(data: memoryview) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette_size(flags)
    count = 0
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x2C:
            count += 1
            at += 10 + _palette_size(data[at + 9]) + 1
        else:
            at += 2
        while data[at]:  # blocks of up to 255 bytes, until an empty one
            at += 1 + data[at]
        at += 1
    pages = _numbered(count)
    return Header("gif", width, height, width * height * len(pages), pages)


def _palette_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _bmp(data: memoryview) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    return Header("bmp", width, abs(height), width * abs(height))


def _tiff(data: memoryview) -> Header:
    """OpenCV turns TIFF pictures upright by their own tag."""
    sizes = []
    pages = []
    profile = b""
    planar = set[int]()
    is_cmyk = is_premultiplied = False
    for index, entries in enumerate(Directories(data).chain(MAX_PAGES + 1)):
        if _SUBFILE in entries and entries[_SUBFILE].number & _REDUCED_OR_MASK:
            continue
        if _WIDTH not in entries or _HEIGHT not in entries:
            continue
        pages.append(index)
        sizes.append((entries[_WIDTH].number, entries[_HEIGHT].number))
        if _PROFILE in entries and not profile and len(entries[_PROFILE].data) <= MAX_PROFILE_SIZE:
            profile = bytes(entries[_PROFILE].data)
        is_cmyk = is_cmyk or (_PHOTOMETRIC in entries and entries[_PHOTOMETRIC].number == _CMYK)
        if is_planar(entries):
            planar.add(index)
        if _EXTRA in entries and entries[_EXTRA].number == _UNASSOCIATED:
            is_premultiplied = _BITS in entries and entries[_BITS].number <= 8  # libtiff's way to read these
    width, height = next(iter(sizes), (0, 0))
    count = sum(width * height for width, height in sizes)
    return Header(
        "tiff",
        width,
        height,
        count,
        tuple(pages),
        profile=profile,
        is_cmyk=is_cmyk,
        is_premultiplied=is_premultiplied,
        planar=frozenset(planar),
    )


def _numbered(count: int) -> tuple[int, ...]:
    return tuple(range(min(count, MAX_PAGES + 1)))


def _orientation(exif: bytes) -> int:
    """EXIF's Orientation, 1 (upright) where it is missing or makes no sense."""
    if not exif:
        return 1
    try:
        first = next(Directories(exif).chain(1), {})
    except BadDirectory:
        return 1
    value = first[_ORIENTATION].number if _ORIENTATION in first else 1
    return value if 1 <= value <= 8 else 1


_READERS: Final = {"jpg": _jpg, "png": _png, "webp": _webp, "gif": _gif, "bmp": _bmp, "tiff": _tiff}
