"""What goes along with a picture beside its pixels: what the camera noted, its colour profile, texts, resolution.

What is true of the filtered picture too is kept. Left out is what would show the picture as it was, faces that were to
be hidden included: thumbnails, previews, depth maps, the further pictures of a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from moviola.media.images import formats
from moviola.media.images.colours import Nclx, is_wide
from moviola.media.images.tags import (
    MARK,
    MAX_TAGS,
    MAX_VALUE_SIZE,
    RAW,
    BadDirectory,
    Directory,
    Reader,
    directories,
    lasting,
    resolution_of,
    with_resolution,
)

MAX_EXIF_SIZE: Final = 65_527
"""What a JPEG can hold; of other formats too, in which a block could be as large as the file."""

MAX_XMP_SIZE: Final = 1024 * 1024
"""Of a packet that is carried; those of editors have some kilobytes, with a history some hundred."""

MAX_JPEG_XMP_SIZE: Final = 65_504
"""What one segment of a JPEG can hold behind its mark (XMP, part 3, 1.1.3)."""

MAX_IPTC_SIZE: Final = 65_000
"""What one segment of a JPEG can hold behind its marks."""

MAX_PROFILE_SIZE: Final = 4 * 1024 * 1024
"""A colour profile, unpacked: those with tables for printers have up to 3 MB."""

MAX_COMMENT_SIZE: Final = 65_533
"""What one segment of a JPEG can hold."""

_DENSITIES: Final = {"jpg": (1, 65_535), "png": (1, 100_000_000), "tiff": (0, 1_000_000_000)}
"""Pixels an inch, whole ones, for which formats have a place outside EXIF: JPEG's has 16 bits (JFIF), PNG's 32 for
those of a metre. Microscopes reach 101 600 with a quarter of a micrometre a pixel."""

_NO_DENSITY: Final = (1, 0)

_SPACES: Final = {b"RGB ": 3, b"GRAY": 1}  # ICC.1, 7.2.6


class LeftOut(StrEnum):
    """What a result has not, whatever its format; each is said before anything is sent."""

    THUMBNAIL = "thumbnail"
    OVERVIEWS = "overviews"
    MAKER_NOTE = "maker note"
    BROKEN_EXIF = "broken EXIF"
    LONG_EXIF = "long EXIF"
    PICTURES_IN_XMP = "pictures in XMP"
    EXTENDED_XMP = "extended XMP"
    BROKEN_XMP = "broken XMP"
    FURTHER_PICTURES = "further pictures"
    DEPTH = "depth"
    BLOCKS = "blocks"
    PRINT_PROFILE = "print profile"
    RAW = "raw"
    COLORIMETRY = "colorimetry"
    SAMPLES = "samples"
    LATER_PAGES = "later pages"


_WOULD_SHOW: Final = "is left out: it would show the picture as it was"

LEFT_OUT: Final = {
    LeftOut.THUMBNAIL: ("the thumbnail", _WOULD_SHOW),
    LeftOut.OVERVIEWS: (
        "smaller pictures of the same pages, and masks,",
        "are left out: they show the picture as it was",
    ),
    LeftOut.MAKER_NOTE: (
        "the maker's private notes",
        "are left out: they refer to places in the original file",
    ),
    LeftOut.BROKEN_EXIF: ("EXIF", f"is left out: it is broken, or has more than {MAX_EXIF_SIZE} bytes"),
    LeftOut.LONG_EXIF: ("values of EXIF", f"are left out: they are broken, or have more than {MAX_VALUE_SIZE} bytes"),
    LeftOut.PICTURES_IN_XMP: (
        "what XMP says of thumbnails and further pictures",
        "is left out: they are not in the result",
    ),
    LeftOut.EXTENDED_XMP: ("the second part of XMP", "is left out: pictures as they were may be in it"),
    LeftOut.BROKEN_XMP: ("XMP", f"is left out: it is broken, or has more than {MAX_XMP_SIZE >> 20} MiB"),
    LeftOut.FURTHER_PICTURES: (
        "the further pictures (gain map or second view, with their XMP)",
        "are left out: they would show the picture as it was",
    ),
    LeftOut.DEPTH: ("the depth map", _WOULD_SHOW),
    LeftOut.BLOCKS: ("blocks of an editor", "are left out: a preview may be among them"),
    LeftOut.PRINT_PROFILE: ("the colour profile", "is left out: it describes other colours than the result has"),
    LeftOut.RAW: (
        "tags of EXIF about raw pictures (DNG)",
        "are left out: they describe a camera's samples, which are not in the result",
    ),
    LeftOut.COLORIMETRY: (
        "white point and primaries in EXIF",
        "are left out: they describe the colours before these were converted to RGB",
    ),
    LeftOut.LATER_PAGES: ("what later pages carry", f"is left out: the pages have more than {MAX_TAGS} tags"),
    LeftOut.SAMPLES: ("further samples of the pixels", "are left out: they are neither colours nor transparency"),
}
"""What each is, and the rest of the sentence that says that it is not kept."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What one picture carries.

    Attributes:
        exif: an EXIF block without its mark.
        xmp: an XMP packet.
        iptc: IPTC's records, as Photoshop's block 0x0404 and a TIFF's tag 33723 have them.
        profile: an ICC profile.
        resolution: pixels an inch, across and down.
        comment: of a JPEG, GIF or PNG.
        texts: of a PNG, (keyword, text), without comment and XMP.
        nclx: what HEIC, AVIF and PNG tell of colours by H.273's numbers.
        chunks: of a PNG, (name, body), that tell of colours what nothing else here does.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    profile: bytes = b""
    resolution: tuple[float, float] | None = None
    comment: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()
    nclx: Nclx | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def things(self) -> tuple[str, ...]:
        """Return the names of what the picture carries, as `Format.holds` has them."""
        there = {
            formats.EXIF: self.exif,
            formats.XMP: self.xmp,
            formats.IPTC: self.iptc,
            formats.PROFILE: self.profile,
            formats.RESOLUTION: self.resolution,
            formats.COMMENT: self.comment,
            formats.TEXTS: self.texts,
            formats.COLOURS: not self.profile and is_wide(self.nclx),
            formats.COLOUR_CHUNKS: self.chunks,
        }
        return tuple(name for name, value in there.items() if value)

    def held_by(self, name: str) -> Carried:
        """Return what of it a file of this format holds."""
        holds = formats.FORMATS[name].holds
        xmp = self.xmp if formats.XMP in holds and (name != "jpg" or len(self.xmp) <= MAX_JPEG_XMP_SIZE) else b""
        exif = self.exif if formats.EXIF in holds else b""
        resolution = self.resolution if formats.RESOLUTION in holds else None
        least, most = _DENSITIES.get(name, _NO_DENSITY)
        if resolution and not all(least <= round(each) <= most for each in resolution):
            exif, resolution = with_resolution(exif, resolution), None
        return Carried(
            exif,
            xmp,
            self.iptc if formats.IPTC in holds else b"",
            self.profile if formats.PROFILE in holds else b"",
            resolution,
            self.comment[:MAX_COMMENT_SIZE] if formats.COMMENT in holds else b"",
            self.texts if formats.TEXTS in holds else (),
            self.nclx if formats.COLOURS in holds else None,
            self.chunks if formats.COLOUR_CHUNKS in holds else (),
        )


class Collector:
    """Makes a Carried of what a file has, and notes what is left out."""

    def __init__(self) -> None:
        self.left_out: list[LeftOut] = []

    def carried(
        self,
        info: Mapping[Any, Any],
        exif: bytes,
        channels: int,
        texts: tuple[tuple[str, str], ...] = (),
        without: frozenset[int] = frozenset(),
        page: Directory | None = None,
        reader: Reader | None = None,
    ) -> Carried:
        """Return what a file, or a page of it, carries.

        Args:
            info: what Pillow calls so.
            exif: an EXIF block or a TIFF file.
            channels: of the result.
            texts: of a PNG.
            without: tags of the first directory that are not true of the result.
            page: of a TIFF, the directory of the page; by default that of the first.
            reader: for the directories below it.
        """
        kept = self.exif(exif, without, page, reader)
        dpi = info.get("dpi") or (resolution_of(exif) if kept and page is None else None)
        return Carried(
            kept,
            self.xmp(_bytes(info.get("xmp"))),
            self.iptc(_bytes(info.get("iptc"))),
            self.profile(_bytes(info.get("icc_profile")), channels),
            dpi if dpi is None or all(0 < each < 1e9 for each in dpi) else None,
            _bytes(info.get("comment")),
            texts,
        )

    def exif(
        self,
        block: bytes,
        without: frozenset[int] = frozenset(),
        page: Directory | None = None,
        reader: Reader | None = None,
    ) -> bytes:
        """Return an EXIF block of those tags of an EXIF block or a TIFF file that stay true, without the tags
        `without`. Note what is left out."""
        block = block.removeprefix(MARK)
        if not block:
            return b""
        try:
            made = lasting(block, without, page, reader)
            if made.is_short:
                self.left_out.append(LeftOut.LONG_EXIF)
            kept = made.to_exif() if made else b""
            if made.has_maker_note:
                self.left_out.append(LeftOut.MAKER_NOTE)
            if not made.told.isdisjoint(RAW):
                self.left_out.append(LeftOut.RAW)
            if not made.told.isdisjoint(without):
                self.left_out.append(LeftOut.COLORIMETRY)
        except BadDirectory:
            kept = b""
            self.left_out.append(LeftOut.BROKEN_EXIF)
        if len(kept) > MAX_EXIF_SIZE:
            self.left_out.append(LeftOut.BROKEN_EXIF)
            return b""
        return kept

    def thumbnail(self, block: bytes) -> None:
        """Note the thumbnail that an EXIF block may have in its second directory."""
        try:
            if len(list(directories(block.removeprefix(MARK), 2))) > 1:
                self.left_out.append(LeftOut.THUMBNAIL)
        except (BadDirectory, StopIteration):
            return

    def xmp(self, packet: bytes) -> bytes:
        """Return an XMP packet without orientation and without pictures."""
        packet = packet.rstrip(b"\0")
        if not packet:
            return b""
        if len(packet) > MAX_XMP_SIZE or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
            self.left_out.append(LeftOut.BROKEN_XMP)
            return b""
        packet = _XMP_ORIENTATION.sub(rb"\g<1>1", packet)
        if not _XMP_PICTURES.search(packet):
            return packet
        if b"HasExtendedXMP" in packet:
            self.left_out.append(LeftOut.EXTENDED_XMP)
        self.left_out.append(LeftOut.PICTURES_IN_XMP)
        try:
            return _without_pictures(packet)
        except (ExpatError, ValueError):
            self.left_out.append(LeftOut.BROKEN_XMP)
            return b""

    def iptc(self, records: bytes) -> bytes:
        """Return IPTC's records, if they are no longer than any file can hold."""
        if len(records) > MAX_IPTC_SIZE:
            self.left_out.append(LeftOut.BLOCKS)
            return b""
        return records

    def profile(self, profile: bytes, channels: int = 0) -> bytes:
        """Return a colour profile for pictures of so many channels; one for print says nothing of a screen's."""
        if not profile or len(profile) > MAX_PROFILE_SIZE:
            return b""
        if _SPACES.get(profile[16:20], 0) == 0 or channels not in (0, _SPACES[profile[16:20]]):
            self.left_out.append(LeftOut.PRINT_PROFILE)
            return b""
        return profile


def _bytes(value: object) -> bytes:
    """Return a value if it is bytes, as in all files that are not broken; else no bytes."""
    return value if isinstance(value, bytes) else b""


def fits(profile: bytes, channels: int) -> bool:
    """Return whether a colour profile is for pictures of so many channels."""
    return _SPACES.get(profile[16:20]) == channels


_XMP_ORIENTATION: Final = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]")

_XMP_NAMESPACES: Final = (
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/container/item/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.adobe.com/xmp/note/",
)
"""Namespaces whose elements are pictures, or describe the further pictures and videos of a file."""

_XMP_THUMBNAILS: Final = ("http://ns.adobe.com/xap/1.0/", "Thumbnails")
_XMP_PICTURES: Final = re.compile(
    b"|".join((*(re.escape(each.encode()) for each in _XMP_NAMESPACES), rb"http://ns\.adobe\.com/xap/1\.0/g/img/"))
)


def _without_pictures(packet: bytes) -> bytes:
    with minidom.parseString(packet) as document:
        for element in document.getElementsByTagName("*"):
            for attribute in [*element.attributes.values()]:
                if _is_of_pictures(attribute):
                    element.removeAttributeNode(attribute)
            if _is_of_pictures(element) and element.parentNode is not None:
                element.parentNode.removeChild(element)
        return b"".join(node.toxml("utf-8") for node in document.childNodes)


def _is_of_pictures(node: minidom.Element | minidom.Attr) -> bool:
    return node.namespaceURI in _XMP_NAMESPACES or (node.namespaceURI, node.localName) == _XMP_THUMBNAILS
