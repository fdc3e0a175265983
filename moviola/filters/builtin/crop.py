"""The filter `crop`: cuts a rectangle out of the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, UnsuitableSize, parameter
from moviola.filters.chain import Value
from moviola.filters.picture import Picture, Plane
from moviola.filters.toolbox.boxes import moved

_LINES = 4  # two of each field, which share a chroma line in 4:2:0
_MAX_SIDE = 16384  # pixels: beyond what any encoder here takes


@dataclass(frozen=True)
class Crop(Filter):
    """Cut out the rectangle that begins at (x, y). It must lie within the picture.

    Samples are copied unchanged. Where x or y falls inside a subsampled chroma sample, chroma is interpolated between
    the two samples it lies on.
    """

    name: ClassVar[str] = "crop"
    summary: ClassVar[str] = "cuts a rectangle out"
    requires: ClassVar[tuple[str, ...]] = ("x or y or width or height",)
    moves_pixels: ClassVar[bool] = True
    interlaced: ClassVar[str] = Interlacing.MIXES

    x: int = parameter(0, minimum=0, maximum=_MAX_SIDE, unit="px", help="left border")
    y: int = parameter(0, minimum=0, maximum=_MAX_SIDE, unit="px", help="upper border")
    width: int = parameter(0, minimum=0, maximum=_MAX_SIDE, unit="px", help="0: to the picture's right border")
    height: int = parameter(0, minimum=0, maximum=_MAX_SIDE, unit="px", help="0: to the picture's lower border")

    @classmethod
    def interlacing(cls, parameters: Mapping[str, Value]) -> str:
        """Return that it mixes fields, unless the first line stays of its field, in subsampled chroma as well."""
        return Interlacing.KEEPS if int(parameters["y"]) % _LINES == 0 else Interlacing.MIXES

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of the rectangle in pixels.

        Raises:
            UnsuitableSize: the rectangle does not lie within a picture of this size.
        """
        if self.x + (self.width or 1) > width or self.y + (self.height or 1) > height:
            size = " and ".join(
                f"{side} {asked}" for side, asked in (("width", self.width), ("height", self.height)) if asked
            )
            raise UnsuitableSize(
                f"a rectangle {f'of {size} ' if size else ''}at ({self.x}, {self.y}) does not lie in the picture, "
                f"which is {width}x{height}"
            )
        return self.width or width - self.x, self.height or height - self.y

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the rectangle, with the boxes in notes moved along."""
        width, height = self.output_size(picture.width, picture.height)
        if (width, height) == (picture.width, picture.height):
            return picture
        output = picture.blank(width, height)
        for source, target, plane in zip(picture.planes, output.planes, picture.format.planes, strict=True):
            across = _cut(source, self.x, plane.step_x, target.shape[1], 1)
            np.copyto(target, _cut(across, self.y, plane.step_y, target.shape[0], 0))
        output.notes = moved(picture.notes, lambda x, y: (x - self.x, y - self.y), width, height)
        return output


def _cut(plane: Plane, start: int, step: int, count: int, axis: int) -> Plane:
    """`count` samples along an axis from the pixel `start` on, where a sample is `step` pixels wide."""
    first, inside = divmod(start, step)
    if not inside:
        return plane[first : first + count] if axis == 0 else plane[:, first : first + count]
    places = np.arange(first, first + count)
    near = plane.take(places, axis).astype(np.uint32)
    far = plane.take(np.minimum(places + 1, plane.shape[axis] - 1), axis)
    mixed: Plane = ((near * (step - inside) + far * inside + step // 2) // step).astype(plane.dtype)
    return mixed
