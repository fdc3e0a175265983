"""The pictures of results, decoded as those of a finished folder are: for who looks while others are still made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from numpy.typing import NDArray

from moviola.filters.toolbox.opencv import cv2
from moviola.media.bundle import read
from moviola.media.errors import BundleError
from moviola.media.frame import Frame, Note
from moviola.media.images.bundle import ImageResult, placed
from moviola.media.images.decode import decode
from moviola.media.images.formats import BrokenImage
from moviola.media.images.names import Names
from moviola.media.images.readers import read_header
from moviola.media.material import Output, Source


def frames(_source: Source, _output: Output, results: Iterable[bytes]) -> Iterator[Frame]:
    """Yield the pictures of result payloads, which come in order and are taken one by one; of files with several pages
    each page. Raise BundleError for a broken payload, also where a picture in it is none."""
    names, numbers = Names(), count()
    for payload in results:
        if not payload:
            continue  # its chunk was left out
        table, parts = read(ImageResult, payload)
        sources, first = table.names, table.report.first
        notes = {
            each.frame: [placed(note, sources[each.frame - first], each.frame) for note in each.notes]
            for each in table.report.notes
        }
        for (_, index, page, kind), part in zip(table.p, parts, strict=True):
            name = names.take(sources[index - first], kind, page)
            try:
                yield from pages_of(part, name, notes.get(index, ()), numbers, page or 1)
            except BrokenImage as problem:
                raise BundleError(f"the result {name} {problem}") from problem


def pages_of(
    data: bytes | memoryview, name: str, notes: Sequence[Note], numbers: Iterator[int], page: int = 1
) -> Iterator[Frame]:
    """Yield the pages of a picture's file.

    Args:
        data: the file.
        name: of the file, within the output's folder.
        notes: what filters noted of the source's file; with `page`, counted from 1, where that is of one page.
        numbers: gives each page its index in the output.
        page: which one of the source's file the first one here was.

    Raises:
        BrokenImage: it is no picture, or a page of it is broken.
    """
    for number, each in enumerate(decode(data, read_header(data)).pages, page):
        noted = tuple(note for note in notes if note.get("page", number) == number)
        yield Frame(next(numbers), None, noted, _bgr(each.colour), name)


def _bgr(colour: NDArray[Any]) -> NDArray[Any]:
    if colour.dtype.itemsize == 2:
        colour = (colour >> 8).astype("uint8")
    bgr = cv2.cvtColor(colour, cv2.COLOR_GRAY2BGR) if colour.ndim == 2 else colour
    bgr.flags.writeable = False
    return bgr
