"""The formats of pictures that are read and written, told apart by their first bytes. No codec, no pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.media.kind import HEAD_SIZE

MAX_FILE_SIZE: Final = 128 * 1024 * 1024
"""One picture's file. It travels whole, in a payload of at most 256 MiB; a 100-megapixel photograph has about 50 MB."""

EXIF, XMP, IPTC, PROFILE = "exif", "xmp", "iptc", "profile"
RESOLUTION, COMMENT, TEXTS = "resolution", "comment", "texts"
COLOURS, COLOUR_CHUNKS = "colour space", "chunks of colours"
"""What a file can hold beside its pixels; moviola/media/images/carried.py tells what each is."""

_PHOTOGRAPH: Final = frozenset((EXIF, XMP, PROFILE, RESOLUTION))


@dataclass(frozen=True, slots=True)
class Format:
    """A format of pictures.

    Attributes:
        name: as `--format` takes it.
        label: what people call it.
        suffixes: what its files are called, the usual one first.
        has_alpha: it can hold transparency.
        has_grey: it can hold grey as such; others store it as three colours.
        grey_alpha_bits: the most bits a sample of grey with transparency; 0 where that is stored as colours.
        bits: the most that a sample of a still picture can have; see `bits_of`.
        has_pages: several pictures of different sizes can be in one file.
        can_move: a file can be an animation, with a duration for each frame.
        holds: what it can hold beside pixels.
    """

    name: str
    label: str
    suffixes: tuple[str, ...]
    has_alpha: bool = False
    has_grey: bool = True
    grey_alpha_bits: int = 0
    bits: int = 8
    has_pages: bool = False
    can_move: bool = False
    holds: frozenset[str] = frozenset()

    def bits_of(self, *, is_moving: bool = False) -> int:
        """Return the most bits a sample that are written of a still picture, or of an animation."""
        return 8 if is_moving and self.can_move else self.bits  # what writes animations makes them of 8

    def keeps_grey(self, bits: int, *, has_alpha: bool) -> bool:
        """Whether grey that is written with so many bits a sample is written as such, and not as three colours."""
        return self.has_grey and (not (has_alpha and self.has_alpha) or bits <= self.grey_alpha_bits)


FORMATS: Final = {
    each.name: each
    for each in (
        Format("jpg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), holds=_PHOTOGRAPH | {IPTC, COMMENT}),
        Format(
            "png", "PNG", (".png", ".apng"), has_alpha=True, grey_alpha_bits=8, bits=16, can_move=True,
            holds=_PHOTOGRAPH | {COMMENT, TEXTS, COLOURS, COLOUR_CHUNKS},
        ),
        Format("webp", "WebP", (".webp",), has_alpha=True, has_grey=False, can_move=True, holds=_PHOTOGRAPH),
        Format("tiff", "TIFF", (".tif", ".tiff"), has_alpha=True, grey_alpha_bits=16, bits=16, has_pages=True,
               holds=_PHOTOGRAPH | {IPTC}),
        Format("heic", "HEIC", (".heic", ".heif", ".hif"), has_alpha=True, bits=10, has_pages=True,
               holds=_PHOTOGRAPH | {COLOURS}),
        Format("avif", "AVIF", (".avif",), has_alpha=True, can_move=True, holds=_PHOTOGRAPH),
        Format("bmp", "BMP", (".bmp", ".dib"), has_alpha=True),
        Format("gif", "GIF", (".gif",), has_alpha=True, can_move=True, holds=frozenset((COMMENT,))),
        Format("pnm", "PNM", (".ppm", ".pgm", ".pbm", ".pnm"), bits=16),
    )
}  # fmt: skip
"""By name. All can be read; results can have the formats in OUTPUT_FORMATS."""

OUTPUT_FORMATS: Final = tuple(FORMATS)

CAN_MOVE: Final = frozenset(name for name, each in FORMATS.items() if each.can_move)
"""The names of formats whose files can be animations."""

MAX_QUALITY: Final = 100
"""The best quality of JPEG, WebP, HEIC and AVIF, as their encoders count; 1 is the least."""

SUFFIXES: Final = frozenset(suffix for each in FORMATS.values() for suffix in each.suffixes)
"""The suffixes by which pictures are found in a folder."""

_HEIC_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_COMMON_BRANDS: Final = frozenset((b"mif1", b"mif2", b"msf1", b"miaf"))  # ISO/IEC 23008-12: of either
_PNM: Final = re.compile(rb"P[1-6]\s*(?:\s\d|#)")
_BMP: Final = re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)  # by the sizes of its headers
_STARTS: Final = (
    (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
)  # fmt: skip
_UNREAD: Final = (
    (b"\xff\x0a", "a JPEG XL picture"), (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"), (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"), (b"gimp xcf", "a GIMP document"),
    (b"v/1\x01", "an OpenEXR picture"), (b"#?RADIANCE", "a Radiance HDR picture"), (b"P7\n", "a PAM picture"),
    (b"PF\n", "a PFM picture"), (b"Pf\n", "a PFM picture"), (b"qoif", "a QOI picture"), (b"\0\0\1\0", "an icon"),
    (b"DDS ", "a DDS texture"), (b"FUJIFILMCCD-RAW", "a camera's raw picture"),
)  # fmt: skip
"""Pictures that are not read, and are told apart only so that people learn what they have. CR2, NEF, DNG, ARW are
TIFF."""


class BrokenImage(Exception):
    """A file of which no picture can be made; the text completes the sentence "photo.jpg …"."""


def format_of(data: bytes | memoryview) -> str:
    """Return the name of the format that a file's first bytes tell. Raise BrokenImage where it is none that is read."""
    start = bytes(data[:HEAD_SIZE])
    if found := _known(start):
        return found
    if not start:
        raise BrokenImage("is empty")
    if unread := _unread(start):
        raise BrokenImage(f"is {unread}, which is not read; convert it to PNG or TIFF")
    *most, last = (each.label for each in FORMATS.values())
    raise BrokenImage(f"is not a {', '.join(most)} or {last} picture, whatever its name says")


def format_of_file(path: Path) -> str:
    """Return the name of the format that the first bytes of a file tell; empty for none that is read, or no file."""
    try:
        with path.open("rb") as file:
            return _known(file.read(HEAD_SIZE))
    except OSError:
        return ""


def is_picture(start: bytes) -> bool:
    """Return whether a file that begins so is a picture, also of a format that is not read."""
    return bool(_known(start) or _unread(start))


def _known(start: bytes) -> str:
    if start[4:8] == b"ftyp":
        return _by_brands(start)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "webp"
    if _PNM.match(start):
        return "pnm"
    if _BMP.match(start):
        return "bmp"
    return next((name for mark, name in _STARTS if start.startswith(mark)), "")


def _unread(start: bytes) -> str:
    return next((noun for mark, noun in _UNREAD if start.startswith(mark)), "")


def _by_brands(start: bytes) -> str:
    """Return which picture a file of the ISO base media format is, by its brands; empty for a video."""
    end = min(max(int.from_bytes(start[:4]), 16), len(start))
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))]
    if brands[0] not in _HEIC_BRANDS | _AVIF_BRANDS | _COMMON_BRANDS:
        return ""
    is_avif = brands[0] in _AVIF_BRANDS or (brands[0] in _COMMON_BRANDS and not _AVIF_BRANDS.isdisjoint(brands))
    return "avif" if is_avif else "heic"


def format_called(suffix: str) -> str | None:
    """Return the name of the format whose files have this suffix, in upper or lower case; None where there is none."""
    return next((each.name for each in FORMATS.values() if suffix.lower() in each.suffixes), None)


def suffix_of(data: bytes) -> str:
    """Return the suffix of a picture's file that begins so; empty for what is no picture that is read."""
    found = _known(data[:HEAD_SIZE])
    return FORMATS[found].suffixes[0] if found else ""


def written_as(source: str, wanted: str, *, is_moving: bool = False, is_deep: bool = False) -> str:
    """Return the format of the result of a picture.

    Args:
        source: the format of the picture's file.
        wanted: one of OUTPUT_FORMATS, or empty for that of the source.
        is_moving: it is an animation.
        is_deep: its samples have more than 8 bits.
    """
    if wanted:
        return wanted
    if not is_moving and (source == "gif" or (source == "avif" and is_deep)):
        return "png"
    return source
