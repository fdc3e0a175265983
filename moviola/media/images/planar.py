"""TIFF pictures whose colours lie in planes of their own: those of more than 8 bits OpenCV takes for interleaved.

Each plane is made a grey picture, in a copy of the file with a directory that tells of that plane alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from moviola.media.images.formats import BrokenImage
from moviola.media.images.ifd import Directories, Entry, block

_PLANAR, _SAMPLES, _BITS, _PHOTOMETRIC, _FORMAT = 284, 277, 258, 262, 339
_LASTING: Final = (256, 257, 259, 266, 274, 278, 317, 322, 323)  # sizes, compression, orientation, rows, tiles
_PARTS: Final = ((273, 279), (324, 325))  # offsets and sizes, of strips or of tiles
_SEPARATE: Final = 2
_GREY, _RGB = 1, 2
_SHORT: Final = 3
_CLASSIC: Final = (b"II*\0", b"MM\0*")


def is_planar(entries: dict[int, Entry]) -> bool:
    """Whether a page is such a picture, by its directory."""
    return (
        _PLANAR in entries
        and entries[_PLANAR].number == _SEPARATE
        and _SAMPLES in entries
        and entries[_SAMPLES].number > 1
        and _BITS in entries
        and (entries[_BITS].number > 8 or _photometric(entries) == _RGB)
    )


def planes_of(data: bytes, page: int) -> Iterator[bytes]:
    """A file for each plane that counts of a page that `is_planar`: red, green, blue and, if there is one, alpha; or
    grey. Raises BrokenImage, BadDirectory."""
    entries = next(islice(Directories(data).chain(page + 1), page, None))
    samples = entries[_SAMPLES].number
    photometric = _photometric(entries)
    parts = next((tags for tags in _PARTS if tags[0] in entries and tags[1] in entries), None)
    if data[:4] not in _CLASSIC or photometric not in (_GREY, _RGB) or parts is None:
        raise BrokenImage("has its colours in planes of their own, in a way that cannot be read; save it interleaved")
    for plane in range(1 if photometric == _GREY else min(samples, 4)):
        yield _plane(data, entries, parts, plane, samples)


def _photometric(entries: dict[int, Entry]) -> int | None:
    return entries[_PHOTOMETRIC].number if _PHOTOMETRIC in entries else None


def _plane(data: bytes, entries: dict[int, Entry], parts: tuple[int, int], plane: int, samples: int) -> bytes:
    order = "<" if data[:2] == b"II" else ">"
    told: dict[int, Entry] = {tag: entries[tag] for tag in _LASTING if tag in entries}
    for tag, value in ((_SAMPLES, 1), (_PHOTOMETRIC, _GREY), (_PLANAR, 1), (_BITS, entries[_BITS].number)):
        told[tag] = Entry(_SHORT, 1, struct.pack(order + "H", value), order)
    if _FORMAT in entries:
        told[_FORMAT] = Entry(_SHORT, 1, entries[_FORMAT].data[:2], order)
    for tag in parts:
        entry = entries[tag]
        count = entry.count // samples
        size = len(entry.data) // max(entry.count, 1) * count
        told[tag] = Entry(entry.type, count, entry.data[plane * size : (plane + 1) * size], order)
    at = len(data) + len(data) % 2
    head = data[:4] + struct.pack(order + "I", at)
    return b"".join((head, data[8:], b"\0" * (len(data) % 2), block(told, order, at)))
