"""The filter `resize`: scales the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, UnsuitableSize, parameter
from moviola.filters.picture import Picture
from moviola.filters.toolbox.boxes import moved
from moviola.filters.toolbox.scaling import scale

_MAX_SIDE = 8192  # pixels: 8K video, which H.264's level 6.2 ends at; a frame then takes 50 MB


@dataclass(frozen=True)
class Resize(Filter):
    """Scale the picture.

    With one side given, the other follows from the proportions. With both and `aspect`, the picture fits into them;
    without `aspect` it is stretched to them, and a side that is not given stays. One of them must be given.

    A side that was given is met exactly. One that follows is rounded to the nearest even number, because H.264 cannot
    hold 4:2:0 video of odd size and would repeat the last row.
    """

    name: ClassVar[str] = "resize"
    summary: ClassVar[str] = "another size; keeps the proportions unless told otherwise"
    requires: ClassVar[tuple[str, ...]] = ("width or height",)
    moves_pixels: ClassVar[bool] = True
    interlaced: ClassVar[str] = Interlacing.MIXES

    width: int = parameter(0, minimum=0, maximum=_MAX_SIDE, unit="px", help="0: follows from the height")
    height: int = parameter(0, minimum=0, maximum=_MAX_SIDE, unit="px", help="0: follows from the width")
    aspect: bool = parameter(True, help="keeps the proportions: fits into width and height; false stretches")

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels after scaling a picture of this size.

        Raises:
            UnsuitableSize: a side would become longer than the limit of 8192 pixels.
        """
        if not self.aspect:
            return self.width or width, self.height or height
        sides = ((self.width, width), (self.height, height))
        factor = min((Fraction(asked, own) for asked, own in sides if asked), default=Fraction(1))
        size = _side(self.width, factor * width), _side(self.height, factor * height)
        if max(size) > max(_MAX_SIDE, width, height):
            raise UnsuitableSize(
                f"{width}x{height} would become {size[0]}x{size[1]}, and the limit is {_MAX_SIDE} pixels a side: "
                "give both sides, or a smaller one"
            )
        return (width, height) if factor == 1 else size

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the scaled picture, with the boxes in notes scaled along."""
        old, new = (picture.width, picture.height), self.output_size(picture.width, picture.height)
        if new == old:
            return picture
        output = picture.blank(*new)
        for source, target in zip(picture.planes, output.planes, strict=True):
            if source.shape == target.shape:
                np.copyto(target, source)
            else:
                scale(source, target, picture.format.peak)
        output.notes = moved(picture.notes, lambda x, y: (x * new[0] / old[0], y * new[1] / old[1]), *new)
        return output


def _side(asked: int, exact: Fraction) -> int:
    """The side asked for where it is met exactly, else the nearest even one (at least 1, and not more than asked)."""
    if exact == asked:
        return asked
    even = max(1, 2 * round(exact / 2))
    return min(even, asked) if asked else even
