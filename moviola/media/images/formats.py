"""The formats of pictures that are read and written, told apart by their first bytes. No codec, no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Format:
    """A format of pictures; `suffixes` are what its files are called, the usual one first."""

    name: str
    suffixes: tuple[str, ...]
    has_alpha: bool = False
    has_16_bits: bool = False
    has_pages: bool = False


FORMATS: Final = {
    each.name: each
    for each in (
        Format("jpg", (".jpg", ".jpeg", ".jpe", ".jfif")),
        Format("png", (".png", ".apng"), has_alpha=True, has_16_bits=True),
        Format("webp", (".webp",), has_alpha=True),
        Format("tiff", (".tif", ".tiff"), has_alpha=True, has_16_bits=True, has_pages=True),
        Format("bmp", (".bmp", ".dib"), has_alpha=True),
        Format("gif", (".gif",)),
    )
}
"""By name. All are read; of those in OUTPUT_FORMATS results can be."""

OUTPUT_FORMATS: Final = ("jpg", "png", "webp", "tiff", "bmp")

MAX_QUALITY: Final = 100
"""Of JPEG and WebP, as their encoders count; 1 is the least."""

INSTEAD: Final = {"gif": "png"}
"""What is written where the source's format is kept but cannot be: a GIF has 256 colours, which no filter keeps to."""

SUFFIXES: Final = frozenset(suffix for each in FORMATS.values() for suffix in each.suffixes)
"""How pictures are found in a folder."""


class BrokenImage(Exception):
    """A file of which no picture can be made; the text completes the sentence "photo.jpg …"."""


def format_of(data: bytes | memoryview) -> str:
    """The name of the format that a file's first bytes tell. Raises BrokenImage."""
    start = bytes(data[:16])
    if start.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "webp"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if start.startswith(b"BM"):
        return "bmp"
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"avif", b"avis"):
        raise BrokenImage("is a HEIF or AVIF picture, which is not read; convert it to JPEG or PNG")
    if not start:
        raise BrokenImage("is empty")
    raise BrokenImage("is no JPEG, PNG, WebP, TIFF, BMP or GIF picture, whatever its name says")


def format_called(suffix: str) -> str | None:
    """Return the name of the format whose files have this suffix, in upper or lower case; None where there is none."""
    return next((each.name for each in FORMATS.values() if suffix.lower() in each.suffixes), None)


def suffix_of(data: bytes) -> str:
    """Return the suffix of a picture's file that begins so; empty for what is no picture that is read."""
    try:
        return FORMATS[format_of(data)].suffixes[0]
    except (BrokenImage, KeyError):
        return ""


def written_as(source: str, wanted: str) -> str:
    """The format of the result of a picture in the format `source`; `wanted` is one of OUTPUT_FORMATS or empty."""
    return wanted or INSTEAD.get(source, source)
