"""The filter `rotate`: turns the picture by any angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, cos, radians, sin
from typing import TYPE_CHECKING, ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, UnsuitableSize, parameter
from moviola.filters.chain import Value
from moviola.filters.layout import PlaneLayout
from moviola.filters.picture import Picture, Plane
from moviola.filters.toolbox.boxes import Move, moved
from moviola.filters.toolbox.draw import COLOURS
from moviola.filters.toolbox.opencv import cv2
from moviola.filters.toolbox.scaling import scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXACT_BITS = 14  # depth up to which OpenCV interpolates without rounding on the way, so alike on all processors
_MAX_SIDE = 2**15 - 2  # pixels of what OpenCV interpolates, and of what comes out


@dataclass(frozen=True)
class Rotate(Filter):
    """Turn the picture clockwise.

    Quarter turns move samples and lose nothing (only 4:2:2 chroma is scaled, because its samples are not square). Other
    angles interpolate between samples. With `expand` the output is as large as the whole picture needs, rounded up to
    even numbers for angles other than quarter turns; without it the size stays, and corners are cut off.
    """

    name: ClassVar[str] = "rotate"
    summary: ClassVar[str] = "turns the picture"
    moves_pixels: ClassVar[bool] = True
    interlaced: ClassVar[str] = Interlacing.MIXES

    degrees: float = parameter(90.0, minimum=-360.0, maximum=360.0, unit="°", help="clockwise")
    expand: bool = parameter(True, help="grows so that all stays visible; false keeps the size")
    border: str = parameter(
        "black", choices=(*COLOURS, "edge"), help="what fills the corners: a colour, or the picture's edge continued"
    )

    @classmethod
    def interlacing(cls, parameters: Mapping[str, Value]) -> str:
        """Return that it mixes fields, unless it turns nothing."""
        return Interlacing.KEEPS if not float(parameters["degrees"]) % 360 else Interlacing.MIXES

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels after turning a picture of this size.

        Raises:
            UnsuitableSize: samples are to be interpolated, and a side is longer than that can be done.
        """
        size = self._size_after(width, height)
        if not self._only_moves and max(width, height, *size) > _MAX_SIDE:
            raise UnsuitableSize(
                f"{width}x{height}, turned by {self.degrees:g}°, makes {size[0]}x{size[1]}, and no side of either may "
                f"be longer than {_MAX_SIDE} pixels: make the picture smaller first, with resize"
            )
        return size

    def _size_after(self, width: int, height: int) -> tuple[int, int]:
        if not self.expand or self._quarters in (0, 2):
            return width, height
        if self._quarters is not None:
            return height, width
        across, down = (abs(each) for each in self._cosine_and_sine)
        return _even(width * across + height * down), _even(width * down + height * across)

    def output_pixel_aspect(self, aspect: Fraction) -> Fraction:
        """Return width by height of the output's pixels: inverted by an odd number of quarter turns."""
        return 1 / aspect if self._quarters in (1, 3) else aspect

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the turned picture, with the boxes in notes turned along."""
        if self._quarters == 0:
            return picture
        size = self.output_size(picture.width, picture.height)
        output = picture.blank(*size)
        if self._quarters is not None and self._only_moves:
            for source, target in zip(picture.planes, output.planes, strict=True):
                _turn(source, self._quarters, target, picture.format.peak)
        else:
            self._warp(picture, output)
        output.notes = moved(picture.notes, self._move((picture.width, picture.height), size), *size)
        return output

    @property
    def _quarters(self) -> int | None:
        """How many quarter turns clockwise (0 to 3) the angle is; None for other angles."""
        turns, rest = divmod(self.degrees, 90)
        return None if rest else int(turns) % 4

    @property
    def _only_moves(self) -> bool:
        """True if the angle is a multiple of 90° that needs no interpolation: samples keep their values, and only their
        places change."""
        return self._quarters in (0, 2) or (self.expand and self._quarters is not None)

    @property
    def _cosine_and_sine(self) -> tuple[float, float]:
        """Rounded, because the last bits differ between C libraries."""
        return round(cos(radians(self.degrees)), 12), round(sin(radians(self.degrees)), 12)

    def _move(self, before: tuple[int, int], after: tuple[int, int]) -> Move:
        """Where a point goes, in pixels from the top left corner; the middle stays the middle."""
        across, down = self._cosine_and_sine

        def move(x: float, y: float) -> tuple[float, float]:
            x, y = x - before[0] / 2, y - before[1] / 2
            return across * x - down * y + after[0] / 2, down * x + across * y + after[1] / 2

        return move

    def _warp(self, before: Picture, after: Picture) -> None:
        layout = before.format
        spare = max(0, layout.depth - _EXACT_BITS)
        fill = before.colour.samples(COLOURS.get(self.border, (0, 0, 0)), layout)
        for source, target, plane in zip(before.planes, after.planes, layout.planes, strict=True):
            cv2.warpAffine(
                source >> spare if spare else source,
                self._back(before, after, plane),
                (target.shape[1], target.shape[0]),
                dst=target,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE if self.border == "edge" else cv2.BORDER_CONSTANT,
                borderValue=[fill[channel] >> spare for channel in plane.channels],
            )
            if spare:
                np.left_shift(target, spare, out=target)

    def _back(self, before: Picture, after: Picture, plane: PlaneLayout) -> NDArray[np.float64]:
        """Where a sample comes from, 2 × 3, both counted in samples from the middle of the first one."""
        across, down = self._cosine_and_sine
        step_x, step_y = plane.step_x, plane.step_y
        x, y = (step_x - after.width) / 2, (step_y - after.height) / 2  # of the first sample, from the middle
        from_x = (across * x + down * y + before.width / 2) / step_x - 0.5
        from_y = (across * y - down * x + before.height / 2) / step_y - 0.5
        return np.array([[across, down * step_y / step_x, from_x], [-down * step_x / step_y, across, from_y]])


def _turn(source: Plane, quarters: int, target: Plane, peak: int) -> None:
    """Writes the plane turned into `target`."""
    code = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[quarters - 1]
    rows, columns = source.shape[:2] if quarters == 2 else source.shape[1::-1]
    if (rows, columns) == target.shape[:2]:
        cv2.rotate(source, code, dst=target)
    else:
        scale(cv2.rotate(source, code).reshape(rows, columns, *source.shape[2:]), target, peak)


def _even(length: float) -> int:
    """Pixels, rounded up; what a C library adds in the last bits counts for nothing."""
    return 2 * ceil(round(length / 2, 6))
