"""TIFF pictures whose colours lie in planes of their own: those of more than 8 bits OpenCV takes for interleaved.

Each plane is made a grey picture, in a file of a directory that tells of that plane alone and the whole of the other
file. (tifffile reads such files, but no LZW without a further library.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, Literal

from moviola.media.images.formats import BrokenImage
from moviola.media.images.tags import Directory, directories, number

_PLANAR, _SAMPLES, _BITS, _PHOTOMETRIC, _FORMAT = 284, 277, 258, 262, 339
_LASTING: Final = (256, 257, 259, 266, 274, 278, 317, 322, 323)  # sizes, compression, orientation, rows, tiles
_PARTS: Final = ((273, 279), (324, 325))  # offsets and sizes, of strips or of tiles
_TILES: Final = 324
_SEPARATE: Final = 2
_GREY, _RGB = 1, 2
_SHORT, _LONG = 3, 4
_CLASSIC: Final = (b"II*\0", b"MM\0*")


def is_planar(page: Directory) -> bool:
    """Whether a page is such a picture, by its directory."""
    is_known = number(page, _BITS) > 8 or number(page, _PHOTOMETRIC, -1) in (_GREY, _RGB)
    return number(page, _PLANAR) == _SEPARATE and number(page, _SAMPLES) > 1 and is_known


def parts_of(data: bytes, page: Directory) -> tuple[int, int]:
    """Return the tags with offsets and sizes of such a page's parts. Raise BrokenImage where planes cannot be told."""
    parts = next((tags for tags in _PARTS if tags[0] in page and tags[1] in page), None)
    if data[:4] not in _CLASSIC or number(page, _PHOTOMETRIC, -1) not in (_GREY, _RGB) or parts is None:
        raise BrokenImage("has its colours in planes of their own, in a way that cannot be read; save it interleaved")
    return parts


def planes_of(data: bytes, index: int) -> Iterator[bytes]:
    """Yield a file for each plane that counts of a page that `is_planar`: red, green, blue and, if there is one, alpha;
    or grey and, if there is one, alpha. Raise BrokenImage, BadDirectory."""
    page = next(islice(directories(data, index + 1), index, None))
    samples, photometric = number(page, _SAMPLES), number(page, _PHOTOMETRIC, -1)
    parts = parts_of(data, page)
    for plane in range(min(samples, 2) if photometric == _GREY else min(samples, 4)):
        yield _plane(data, page, parts, plane, samples)


def _plane(data: bytes, page: Directory, parts: tuple[int, int], plane: int, samples: int) -> bytes:
    made = Directory(prefix=page.prefix)
    told = {tag: number(page, tag) for tag in _LASTING if tag in page}
    told |= {_SAMPLES: 1, _PHOTOMETRIC: _GREY, _PLANAR: 1, _BITS: number(page, _BITS)}
    if _FORMAT in page:
        told[_FORMAT] = number(page, _FORMAT)
    for tag, value in told.items():
        made.tagtype[tag] = _LONG if value >> 16 else _SHORT
        made[tag] = value
    for tag in parts:
        values = page[tag] if isinstance(page[tag], tuple) else (page[tag],)
        count = len(values) // samples
        made.tagtype[tag] = _LONG
        made[tag] = values[plane * count : (plane + 1) * count]
    order: Literal["little", "big"] = "little" if page.prefix == b"II" else "big"
    if parts[0] == _TILES:  # of strips Pillow takes it that they begin behind the directory, and counts from there
        end = 8 + len(made.tobytes(8))
        tiles = made[_TILES] if isinstance(made[_TILES], tuple) else (made[_TILES],)
        made[_TILES] = tuple(end + offset for offset in tiles)
    return b"".join((data[:4], (8).to_bytes(4, order), made.tobytes(8), data))
