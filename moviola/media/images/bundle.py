"""Tables and parts of chunks and results of images, in the layout of moviola/media/bundle.py. The parts are files.

ImageChunk   pictures' files as they are: split.py writes it, process.py reads it
ImageResult  encoded pictures: process.py writes it, splice.py reads it
"""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.media.images.formats import OUTPUT_FORMATS
from moviola.media.report import Note, Report


class ImageEntry(NamedTuple):
    """A picture's file of `size` bytes, and its name, "/" between folders. A `problem`, otherwise empty, says why it is
    not sent; then its size is 0."""

    size: int
    name: str
    problem: str


@record
class ImageChunk(Mapped):
    """Some pictures, the first of which has the index `first` in the whole source."""

    p: list[ImageEntry]
    first: int


class PictureEntry(NamedTuple):
    """An encoded picture of `size` bytes, in a `format` of OUTPUT_FORMATS. `place` is the index in the source of the
    file that it was made of; `page` counts from 1 where a file's pages became pictures of their own, otherwise it is 0.
    """

    size: int
    place: int
    page: int
    format: str


@record
class ImageResult(Mapped):
    """What came of a chunk's pictures, in the order of the source.

    `names` are those of all pictures of the chunk, whatever became of them, and `sizes` the bytes of their files, 0 of
    those that were not sent. A note of a file with several pages has
    "page", counted from 1.
    """

    p: list[PictureEntry]
    names: list[str]
    report: Report
    sizes: list[int] = field(default_factory=list)

    def contradiction(self) -> str:
        """Return what of the table contradicts the rest of it."""
        report, count = self.report, len(self.names)
        images = range(report.first, report.first + count)
        if count != report.sent:
            return f"names: those of its {report.sent} images, not {count}"
        if self.sizes and len(self.sizes) != count:
            return f"sizes: those of its {count} images, not {len(self.sizes)}"
        for entry in self.p:
            if entry.format not in OUTPUT_FORMATS or entry.place not in images:
                return f"p: pictures of its images, not {entry!r:.200}"
        told = [one.frame for one in report.notes] + [one.frame for one in report.fallback]
        told += [one.frame for one in report.lost] + [report.first + one.packet for one in report.decode_errors]
        strange = next((place for place in told if place not in images), None)
        return "" if strange is None else f"report: of its {count} images from {report.first} on, not {strange}"


def placed(note: Note, image: str, index: int) -> Note:
    """Return a note as annotations have it: with the picture's name in the source, and its index there."""
    place = {"image": image, "index": index}
    return place | note | place  # in front, and never the filter's own
