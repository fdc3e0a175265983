"""What a TIFF says of itself before it is decoded, and which kinds of TIFF are not read.

Pillow opens only those directories of a file that it can decode, so `tags` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from moviola.media.images.carried import Carried, Collector, LeftOut
from moviola.media.images.formats import BrokenImage
from moviola.media.images.header import MAX_PAGES, Header
from moviola.media.images.planar import is_mixed, is_planar, parts_of
from moviola.media.images.tags import (
    COLORIMETRY,
    MAX_TAGS,
    Directory,
    Reader,
    directories,
    number,
    resolution,
)

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _EXTRA = 256, 257, 258, 259, 262, 277, 338
_SAMPLE_FORMAT, _SUBFILE, _PROFILE, _XMP = 339, 254, 34675, 700
_IPTC, _PHOTOSHOP, _LAYERS = 33723, 34377, 37724
_REDUCED_OR_MASK: Final = 1 | 4  # TIFF 6.0, NewSubfileType
_RGB, _PALETTE, _CMYK, _YCBCR, _CIELAB = 2, 3, 5, 6, 8  # PhotometricInterpretation, as the others here are TIFF 6.0's
_COLOURS: Final = {_RGB: 3, _CMYK: 4, _YCBCR: 3, _CIELAB: 3}
"""How many samples of a pixel are colours; of other kinds one is."""

_UNSPECIFIED, _ASSOCIATED = 0, 1  # ExtraSamples
_FLOAT: Final = 3  # SampleFormat
_MAX_BITS: Final = {1: (16,), 4: (16,), _FLOAT: (32, 64)}
"""The most bits of a sample by SampleFormat, of those that are decoded; of floats there are these numbers only."""

_BY_PILLOW: Final = frozenset((6, 50000))
"""Compressions that Pillow decodes and OpenCV does not: JPEG as TIFF 6.0 had it, and Zstandard."""

_UNREAD_COMPRESSIONS: Final = {
    33003: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG",
    34933: "PNG", 34934: "JPEG XR", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_UNREAD_COLOURS: Final = {9: "ICCLab", 10: "ITULab"}


def tiff_header(data: bytes) -> Header:
    """Return the header of a TIFF; OpenCV turns its pictures upright by their own tag.

    Raise BadDirectory; BrokenImage where there is no picture, or one of a kind that is not read.
    """
    pages, overviews = dict[int, Directory](), False
    for index, page in enumerate(directories(data, MAX_PAGES + 1)):
        if _WIDTH in page and _HEIGHT in page:
            is_reduced = bool(number(page, _SUBFILE) & _REDUCED_OR_MASK)
            overviews = overviews or is_reduced
            pages |= {} if is_reduced else {index: page}
    if not pages:
        raise BrokenImage("is broken: there is no picture in it")
    if why := next(filter(None, map(_why_unread, pages.values())), ""):
        raise BrokenImage(f"is a TIFF {why}, which is not read; convert it to grey or RGB of 8 or 16 bits")
    planar = frozenset(index for index, page in pages.items() if is_planar(page) and parts_of(data, page))
    mixed = frozenset(index for index, page in pages.items() if is_mixed(page) and parts_of(data, page))
    sizes = [(number(page, _WIDTH), number(page, _HEIGHT)) for page in pages.values()]
    if any(side < 1 for size in sizes for side in size):  # also of signed numbers, which would make up for others
        raise BrokenImage("is broken: its header tells no size")
    kinds = {number(page, _PHOTOMETRIC) for page in pages.values()}
    found = Collector()
    if overviews:
        found.left_out.append(LeftOut.OVERVIEWS)
    if any(_PHOTOSHOP in page or _LAYERS in page for page in pages.values()):
        found.left_out.append(LeftOut.BLOCKS)
    if any(_spare(page) for page in pages.values()):
        found.left_out.append(LeftOut.SAMPLES)
    becomes_rgb = not kinds.isdisjoint((_CMYK, _CIELAB))
    carried, *later = _carried(data, tuple(pages.values()), found, COLORIMETRY if becomes_rgb else frozenset())
    return Header(
        "tiff", *sizes[0], sum(width * height for width, height in sizes), tuple(pages),
        carried=carried, later=tuple(later), left_out=tuple(dict.fromkeys(found.left_out)),
        has_alpha=any(_has_alpha(page) for page in pages.values()),
        bits=max(number(page, _BITS, 1) for page in pages.values()),
        is_cmyk=_CMYK in kinds, is_lab=_CIELAB in kinds,
        two_colours=any(
            number(page, _PHOTOMETRIC) == _PALETTE and number(page, _BITS, 1) == 1 for page in pages.values()
        ),
        is_premultiplied=any(number(page, _EXTRA) == _ASSOCIATED for page in pages.values() if _EXTRA in page),
        by_pillow=_CIELAB in kinds or any(number(page, _COMPRESSION) in _BY_PILLOW for page in pages.values()),
        planar=planar, mixed=mixed,
    )  # fmt: skip


def _carried(data: bytes, pages: Sequence[Directory], found: Collector, without: frozenset[int]) -> Iterator[Carried]:
    """Yield what each page carries; where all have too many tags the first alone."""
    if sum(len(page) for page in pages) > MAX_TAGS:
        found.left_out.append(LeftOut.LATER_PAGES)
        pages = pages[:1]
    channels = 3 if any(number(page, _SAMPLES, 1) >= 3 for page in pages) else 1
    reader = Reader(data, MAX_TAGS)
    for page in pages:
        told = {"icc_profile": page.get(_PROFILE, b""), "xmp": page.get(_XMP, b""), "iptc": page.get(_IPTC, b"")}
        info = {**told, "dpi": resolution(page)}
        yield found.carried(info, data, channels, without=without, page=page, reader=reader)


def _has_alpha(page: Directory) -> bool:
    samples, colours = number(page, _SAMPLES, 1), _COLOURS.get(number(page, _PHOTOMETRIC), 1)
    if colours == 1:
        return samples > 1 and number(page, _EXTRA, _ASSOCIATED if samples == 2 else _UNSPECIFIED) != _UNSPECIFIED
    return samples == 4 and colours != 4


def _spare(page: Directory) -> bool:
    """Whether pixels have samples that are neither colours nor transparency."""
    return number(page, _SAMPLES, 1) > _COLOURS.get(number(page, _PHOTOMETRIC), 1) + _has_alpha(page)


def _why_unread(page: Directory) -> str:
    """Return what no decoder at hand reads of a page, so that "is a TIFF …" is a sentence; empty where one does."""
    if _PHOTOMETRIC not in page:
        return "that does not tell what its samples mean (PhotometricInterpretation)"
    colours, samples, bits = number(page, _PHOTOMETRIC), number(page, _SAMPLES, 1), number(page, _BITS, 1)
    if compression := _UNREAD_COMPRESSIONS.get(number(page, _COMPRESSION, 1)):
        return f"compressed as {compression}"
    if space := _UNREAD_COLOURS.get(colours):
        return f"of {space} colours"
    kind = number(page, _SAMPLE_FORMAT, 1)
    if colours in (_CMYK, _CIELAB) and (samples, bits, kind) != (_COLOURS[colours], 8, 1):
        return f"of {samples} samples of {bits} bits as {'CMYK' if colours == _CMYK else 'CIELab'}"
    if kind not in _MAX_BITS:
        return "whose samples are signed, or complex"
    most = _MAX_BITS[kind]
    if bits not in most if kind == _FLOAT else bits > most[0]:
        return f"of {bits} bits a sample" + (", floating point" if kind == _FLOAT else "")
    if colours == _RGB and samples > 4 and not is_planar(page):
        return f"of {samples} samples a pixel"
    return ""
