"""TIFF pictures that OpenCV gets wrong for how their samples lie: colours of more than 8 bits in planes of their own,
which it takes for interleaved; grey beside further samples, of which it makes 8 bits, or takes one for another.

Each plane, or all samples side by side, is made a grey picture, in a file of a directory that tells of that alone and
the whole of the other file. (tifffile reads such files, but no LZW without a further library.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from moviola.media.images.formats import BrokenImage
from moviola.media.images.header import MAX_PIXELS
from moviola.media.images.tags import Directory, directories, number, quiet

_PLANAR, _SAMPLES, _BITS, _PHOTOMETRIC, _FORMAT = 284, 277, 258, 262, 339
_WIDTH, _HEIGHT, _TILE_WIDTH, _COMPRESSION, _ORIENTATION, _PREDICTOR = 256, 257, 322, 259, 274, 317
_LASTING: Final = (256, 257, 259, 266, 274, 278, 317, 322, 323)  # sizes, compression, orientation, rows, tiles
_PARTS: Final = ((273, 279), (324, 325))  # offsets and sizes, of strips or of tiles
_TILES: Final = 324
_SEPARATE: Final = 2
_DIFFERENCES: Final = 2  # Predictor
_FLOAT: Final = 3
_JPEG: Final = (6, 7)  # which knows its own width
_GREY, _RGB = 1, 2
_SHORT, _LONG = 3, 4
_CLASSIC: Final = (b"II*\0", b"MM\0*")


def is_planar(page: Directory) -> bool:
    """Whether a page is such a picture, by its directory."""
    is_known = number(page, _BITS) > 8 or number(page, _PHOTOMETRIC, -1) in (_GREY, _RGB)
    return number(page, _PLANAR) == _SEPARATE and number(page, _SAMPLES) > 1 and is_known


def parts_of(data: bytes, page: Directory) -> tuple[int, int]:
    """Return the tags with offsets and sizes of the parts of a page that `is_planar` or `is_mixed`. Raise BrokenImage
    where samples cannot be told."""
    parts = next((tags for tags in _PARTS if tags[0] in page and tags[1] in page), None)
    is_classic = data[:4] in _CLASSIC and parts is not None
    if is_mixed(page) and not (is_classic and _is_plain(page)):
        raise BrokenImage("has grey with further samples, in a way that cannot be read; save it without them")
    if parts is None or not is_classic or number(page, _PHOTOMETRIC, -1) not in (_GREY, _RGB):
        raise BrokenImage("has its colours in planes of their own, in a way that cannot be read; save it interleaved")
    return parts


def _is_plain(page: Directory) -> bool:
    """Whether samples of a page that `is_mixed` can be told apart, and are no more than those of any other picture."""
    known = (1,) if number(page, _FORMAT, 1) == _FLOAT else (1, _DIFFERENCES)
    size = number(page, _WIDTH) * number(page, _HEIGHT) * number(page, _SAMPLES)
    return number(page, _PREDICTOR, 1) in known and size <= 4 * MAX_PIXELS


def planes_of(data: bytes, index: int) -> Iterator[bytes]:
    """Yield a file for each plane that counts of a page that `is_planar`: red, green, blue and, if there is one, alpha;
    or grey and, if there is one, alpha. Raise BrokenImage, BadDirectory."""
    page = next(islice(directories(data, index + 1), index, None))
    samples, photometric = number(page, _SAMPLES), number(page, _PHOTOMETRIC, -1)
    parts = parts_of(data, page)
    for plane in range(min(samples, 2) if photometric == _GREY else min(samples, 4)):
        yield _plane(data, page, parts, plane, samples)


def _plane(data: bytes, page: Directory, parts: tuple[int, int], plane: int, samples: int) -> bytes:
    told = {tag: number(page, tag) for tag in _LASTING if tag in page}
    places = {tag: _values(page, tag) for tag in parts}
    counts = {tag: len(values) // samples for tag, values in places.items()}
    places = {tag: values[plane * counts[tag] : (plane + 1) * counts[tag]] for tag, values in places.items()}
    return _grey(data, page, told, places)


@dataclass(frozen=True, slots=True)
class Row:
    """A page that `is_mixed`, its samples side by side.

    Attributes:
        file: with a grey picture as many times as wide, not turned upright.
        samples: how many each pixel has.
        run: of so many pixels each sample is what it adds to that of the pixel before; 0 where samples are themselves.
        orientation: EXIF's number.
    """

    file: bytes
    samples: int
    run: int
    orientation: int


def is_mixed(page: Directory) -> bool:
    """Whether a page is grey with further samples in a way that OpenCV takes for others, or does not take."""
    samples, is_deep = number(page, _SAMPLES, 1), number(page, _BITS) > 8
    is_grey = number(page, _PHOTOMETRIC, -1) == _GREY and number(page, _PLANAR, 1) != _SEPARATE
    return is_grey and (samples > 2 or (samples == 2 and is_deep)) and number(page, _COMPRESSION, 1) not in _JPEG


def row_of(data: bytes, index: int) -> Row:
    """Return a page that `is_mixed` with its samples side by side. Raise BrokenImage, BadDirectory."""
    page = next(islice(directories(data, index + 1), index, None))
    samples, predictor = number(page, _SAMPLES), number(page, _PREDICTOR, 1)
    told = {tag: number(page, tag) for tag in _LASTING if tag in page and tag not in (_ORIENTATION, _PREDICTOR)}
    run = told.get(_TILE_WIDTH, told[_WIDTH]) if predictor == _DIFFERENCES else 0
    told |= {tag: told[tag] * samples for tag in (_WIDTH, _TILE_WIDTH) if tag in told}
    file = _grey(data, page, told, {tag: _values(page, tag) for tag in parts_of(data, page)})
    return Row(file, samples, run, number(page, _ORIENTATION, 1))


def _values(page: Directory, tag: int) -> tuple[int, ...]:
    values: tuple[int, ...] = page[tag] if isinstance(page[tag], tuple) else (page[tag],)
    return values


def _grey(data: bytes, page: Directory, told: dict[int, int], places: dict[int, tuple[int, ...]]) -> bytes:
    """Return a file with a grey picture whose parts are at these places of the other file."""
    made = Directory(prefix=page.prefix)
    told = told | {_SAMPLES: 1, _PHOTOMETRIC: _GREY, _PLANAR: 1, _BITS: number(page, _BITS)}
    if _FORMAT in page:
        told[_FORMAT] = number(page, _FORMAT)
    for tag, value in told.items():
        made.tagtype[tag] = _LONG if value >> 16 else _SHORT
        made[tag] = value
    for tag, values in places.items():
        made.tagtype[tag] = _LONG
        made[tag] = values
    order: Literal["little", "big"] = "little" if page.prefix == b"II" else "big"
    with quiet():
        if _TILES in places:  # of strips Pillow takes it that they begin behind the directory, and counts from there
            end = 8 + len(made.tobytes(8))
            made[_TILES] = tuple(end + offset for offset in places[_TILES])
        return b"".join((data[:4], (8).to_bytes(4, order), made.tobytes(8), data))
