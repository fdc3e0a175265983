"""What goes along with a picture beside its pixels: its colour profile, and what the camera noted in EXIF.

Of EXIF, facts are carried that stay true: when, with what, by whom, where. Left out are the orientation, which has
been applied; sizes; the maker's private notes, whose offsets would be wrong; and the thumbnail, which would show the
unfiltered picture, faces that were to be hidden included.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from moviola.media.images.header import riff_chunks
from moviola.media.images.ifd import BadDirectory, Directories, Entry, block

# Image description, make, model, resolution and its unit, software, date, artist, copyright.
_LASTING: Final = (270, 271, 272, 282, 283, 296, 305, 306, 315, 33432)
_CAMERA, _PLACE = 34665, 34853  # tags that point to directories of their own
# Maker's notes, colour space, sizes, the pointer to interoperability, and the pictures' own unique number.
_NOT_LASTING: Final = (37500, 40961, 40962, 40963, 40965, 42016)
_MAX_SEGMENT: Final = 65_533
MAX_EXIF_SIZE: Final = _MAX_SEGMENT - 6
"""What a JPEG can hold; of other formats too, in which a block could be as large as the file."""
_MAX_PROFILE_PART: Final = _MAX_SEGMENT - 14
_SPACES: Final = {b"RGB ": 3, b"GRAY": 1}  # ICC.1, 7.2.6


def lasting_exif(exif: bytes) -> bytes:
    """An EXIF block with what stays true of `exif`, without its mark; empty where nothing does, and where it is broken
    or would have more than MAX_EXIF_SIZE bytes of values."""
    try:
        directories = Directories(exif)
        first = next(directories.chain(1), {})
        kept = {tag: entry for tag, entry in first.items() if tag in _LASTING}
        nested = {
            tag: {each: entry for each, entry in directories.at(first[tag].number).items() if each not in _NOT_LASTING}
            for tag in (_CAMERA, _PLACE)
            if tag in first
        }
    except BadDirectory:
        return b""
    nested = {tag: entries for tag, entries in nested.items() if entries}
    values = [entry for entries in (kept, *nested.values()) for entry in entries.values()]
    if not values or sum(len(entry.data) for entry in values) > MAX_EXIF_SIZE:
        return b""
    return _exif_of(kept, nested, directories.order)


def _exif_of(kept: dict[int, Entry], nested: dict[int, dict[int, Entry]], order: str) -> bytes:
    def pointer(offset: int) -> Entry:
        return Entry(4, 1, struct.pack(order + "I", offset), order)

    size = len(block(kept | {tag: pointer(0) for tag in nested}, order, 8))
    blocks, offset = {}, 8 + size
    for tag, entries in nested.items():
        blocks[tag] = (offset, block(entries, order, offset))
        offset += len(blocks[tag][1])
    first = block(kept | {tag: pointer(at) for tag, (at, _) in blocks.items()}, order, 8)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return b"".join((head, first, *(data for _, data in blocks.values())))


def fits(profile: bytes, channels: int) -> bool:
    """Whether a colour profile is for pictures of so many channels: one for print says nothing of a screen's."""
    return _SPACES.get(profile[16:20]) == channels


def attached(data: bytes, name: str, exif: bytes, profile: bytes) -> bytes:
    """An encoded picture, in the format of that name, with EXIF and profile; JPEG, PNG and WebP can have them."""
    if not exif and not profile:
        return data
    attach = _ATTACH.get(name)
    return data if attach is None else attach(data, exif, profile)


def _to_jpg(data: bytes, exif: bytes, profile: bytes) -> bytes:
    at = 2
    if data[2:4] == b"\xff\xe0":  # JFIF's segment comes first
        at = 4 + int.from_bytes(data[4:6], "big")
    segments = []
    if exif and len(exif) <= MAX_EXIF_SIZE:
        segments.append(_segment(0xE1, b"Exif\0\0" + exif))
    parts = [profile[start : start + _MAX_PROFILE_PART] for start in range(0, len(profile), _MAX_PROFILE_PART)]
    if len(parts) <= 255:
        mark = b"ICC_PROFILE\0"
        segments += [_segment(0xE2, mark + bytes((number, len(parts))) + part) for number, part in enumerate(parts, 1)]
    return b"".join((data[:at], *segments, data[at:]))


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _to_png(data: bytes, exif: bytes, profile: bytes) -> bytes:
    at = 8 + 12 + 13  # behind the signature and IHDR
    chunks = b""
    if profile:
        chunks += _chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))
    if exif:
        chunks += _chunk(b"eXIf", exif)
    return data[:at] + chunks + data[at:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _to_webp(data: bytes, exif: bytes, profile: bytes) -> bytes:
    """In the extended layout: VP8X first, the profile before the picture, EXIF behind it."""
    chunks = [(kind, bytes(body)) for kind, body in riff_chunks(memoryview(data))]
    extended = dict(chunks).get(b"VP8X")
    picture = [(kind, body) for kind, body in chunks if kind in (b"ALPH", b"VP8 ", b"VP8L")]
    if extended is None:
        extended = _vp8x(*picture[0])
    flags = extended[0] | (0x20 if profile else 0) | (0x08 if exif else 0)
    wanted = [(b"VP8X", bytes((flags,)) + extended[1:])]
    wanted += [(b"ICCP", profile)] if profile else []
    wanted += picture
    wanted += [(b"EXIF", exif)] if exif else []
    body = b"".join(kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in wanted)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _vp8x(kind: bytes, body: bytes) -> bytes:
    """The extended header of a picture that has none: flags, and its size less one."""
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        width, height = ((int.from_bytes(body[at : at + 2], "little") - 1) & 0x3FFF for at in (6, 8))
        alpha = 0
    return bytes((alpha << 4, 0, 0, 0)) + width.to_bytes(3, "little") + height.to_bytes(3, "little")


_ATTACH: Final[dict[str, Callable[[bytes, bytes, bytes], bytes]]] = {"jpg": _to_jpg, "png": _to_png, "webp": _to_webp}
