"""What a picture's file says of itself before it is decoded, and how much of it there may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from moviola.media.images.carried import Carried, LeftOut
from moviola.media.images.formats import MAX_FILE_SIZE

MAX_PIXELS: Final = 1 << 27
"""In one picture, all pages together: 134 million. The largest cameras make 102 million; decoded, and filtered beside
it, that is about 1 GB. A file of some kilobytes can promise as many as it likes."""

MAX_PAGES: Final = 1_000
"""Of one file. All are worked on by one worker, one after the other."""


@dataclass(frozen=True, slots=True)
class Header:
    """`width` × `height` pixels as stored, of the first page; `pixel_count` of all pages.

    Attributes:
        format: a name of FORMATS.
        pages: the indices, in the file, of those that are pictures of their own.
        is_moving: the pages are the frames of an animation.
        orientation: EXIF's number, 1 where the decoder turns the picture itself.
        carried: what lasts beside the pixels; `left_out` what does not.
        later: what lasts of each later page, where pages have it of their own, as a TIFF's.
        has_alpha: it may have transparency.
        clear: the sample of grey that is transparent, where one is.
        is_grey: its colours are grey, also where the decoder gives them as blue, green and red.
        bits: of a sample; more than 8 are worked on as 16.
        two_colours: a page has a palette of two.
        is_lossless: pixels are stored as they were.
        is_cmyk: its colours are for print; `is_lab`: they are CIELab.
        by_pillow: OpenCV cannot decode it.
        is_premultiplied: its colours are multiplied by the transparency.
        planar: those of `pages` whose colours lie in planes of their own; `mixed`: in which further samples lie beside
            grey: see planar.py.
        chroma: the resolution of colours: 444 full, 422 halved across, 420 halved.
    """

    format: str
    width: int
    height: int
    pixel_count: int
    pages: tuple[int, ...] = (0,)
    is_moving: bool = False
    orientation: int = 1
    carried: Carried = field(default_factory=Carried)
    later: tuple[Carried, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    has_alpha: bool = False
    clear: int | None = None
    is_grey: bool = False
    bits: int = 8
    is_lossless: bool = True
    is_cmyk: bool = False
    is_lab: bool = False
    by_pillow: bool = False
    two_colours: bool = False
    is_premultiplied: bool = False
    planar: frozenset[int] = frozenset()
    mixed: frozenset[int] = frozenset()
    chroma: str = "444"

    @property
    def all_carried(self) -> tuple[Carried, ...]:
        """Return what lasts of the file, and of each later page that has it of its own."""
        return self.carried, *self.later


def too_large(size: int) -> str:
    """Return what is wrong with a file of so many bytes, which is too large."""
    return f"has {size / 2**20:.0f} MiB; the limit for one picture is {MAX_FILE_SIZE >> 20} MiB"
