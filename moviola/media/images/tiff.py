"""TIFF files, written by tifffile."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, Any, Final

import tifffile

from moviola.media.images.carried import Carried
from moviola.media.images.tags import (
    CAMERA,
    PLACE,
    RESOLUTION_UNIT,
    X_RESOLUTION,
    Y_RESOLUTION,
    Directory,
    Tags,
    lasting,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_XMP, _IPTC, _PROFILE = 700, 33723, 34675
_BYTE, _LONG, _UNDEFINED = 1, 4, 7
_FRACTIONS: Final = {5: "I", 10: "i"}
_ANYWHERE: Final = 8
"""The place to which tags point until their directories have been written."""
_NAMES: Final = {CAMERA: "ExifTag", PLACE: "GPSTag"}
_OF_TIFFFILE: Final = frozenset((X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, CAMERA, PLACE))


def tiff(pages: Sequence[NDArray[Any]], carried: Sequence[Carried]) -> bytes:
    """Return a TIFF of pages, each height × width, × 2 (grey and alpha), × 3 (BGR) or × 4 (BGRA), uint8 or uint16.

    Deflate with differences between neighbours; transparency is unassociated. `carried` is what each page has.
    """
    found = [lasting(each.exif) if each.exif else Tags(Directory()) for each in carried]
    prefix = next((each.own.prefix for each in found if each), b"II")  # pages of one file have the same
    file = BytesIO()
    with tifffile.TiffWriter(file, byteorder="<" if prefix == b"II" else ">") as writer:
        for page, own, tags in zip(pages, carried, found, strict=True):
            channels = 1 if page.ndim == 2 else page.shape[2]
            is_grey = channels <= 2
            order = [2, 1, 0, 3][:channels]
            writer.write(
                page if is_grey else page[..., order],
                photometric="minisblack" if is_grey else "rgb",
                planarconfig="contig" if channels == 2 else None,  # of more it takes that by itself
                extrasamples=["unassalpha"] if channels % 2 == 0 else None,
                compression="zlib",
                predictor=True,
                metadata=None,
                software=False,
                resolution=own.resolution or (1, 1),
                resolutionunit="inch" if own.resolution else "none",
                extratags=list(_extra(own, tags)),
            )
    _add_directories(file, found)
    return file.getvalue()


def _extra(carried: Carried, found: Tags) -> Iterator[tuple[int | str, int, int, bytes | int | tuple[int, ...], bool]]:
    """Yield tags as tifffile takes them: number, type, how many, packed values; of fractions, which it counts twice
    where they are packed, the numbers above and below."""
    order = "<" if found.own.prefix == b"II" else ">"
    if carried.xmp:
        yield _XMP, _BYTE, len(carried.xmp), carried.xmp, True
    if carried.iptc:
        yield _IPTC, _UNDEFINED, len(carried.iptc), carried.iptc, True
    if carried.profile:
        yield _PROFILE, _UNDEFINED, len(carried.profile), carried.profile, True
    for tag, kind, count, data in found.packed():
        if tag not in _OF_TIFFFILE:
            value = struct.unpack(f"{order}{2 * count}{_FRACTIONS[kind]}", data) if kind in _FRACTIONS else data
            yield tag, kind, count, value, True
    for tag in found.below:  # by their names, for tifffile takes no such numbers
        yield _NAMES[tag], _LONG, 1, _ANYWHERE, True


def _add_directories(file: BytesIO, found: Sequence[Tags]) -> None:
    """Add the directories that tags of pages point to behind a file, and have them point there."""
    pointers = [(number, tag) for number, tags in enumerate(found) for tag in tags.below]
    if not pointers:
        return
    file.seek(0)
    with tifffile.TiffFile(file) as made:
        entries = [made.pages[number].tags[tag].offset for number, tag in pointers]  # type: ignore[union-attr]
    for (number, tag), entry in zip(pointers, entries, strict=True):
        offset = file.seek(0, SEEK_END)
        if offset % 2:
            offset += file.write(b"\0")
        file.write(found[number].below[tag].to_bytes(offset))
        file.seek(entry + 8)  # behind the tag's number, type and count
        file.write(offset.to_bytes(4, "little" if found[number].own.prefix == b"II" else "big"))
