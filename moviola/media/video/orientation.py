"""How a picture is to be turned before it is looked at, as plain data; filtering/rotation.py turns it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from moviola.media.video.side_data import FrameSideData


class Orientation(NamedTuple):
    """What to do with a decoded picture, in this order: transpose, flip left and right, flip top and bottom."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """Return the orientation that a display matrix of nine numbers says; its upper left corner is (a, b), (c,
        d). One that would leave nothing of the picture but a line or a point, as all zeros do, says none."""
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if a * d == b * c:
            return cls()  # as FFmpeg does, by whose reckoning its angle is no number
        if a or d:
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @classmethod
    def of_side_data(cls, side_data: FrameSideData) -> Orientation:
        """Return the orientation by what a container's own decoder hangs on its frames; upright where there is
        none."""
        matrix = side_data.known.get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        return cls.from_matrix(struct.unpack("=9i", matrix[:36]))

    @property
    def upright(self) -> bool:
        """Return whether nothing has to be done."""
        return self == Orientation()

    @property
    def mixes_lines(self) -> bool:
        """Return whether a line does not stay where it is, so that the fields of an interlaced picture are mixed."""
        return self.transpose or self.flip_y

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels after turning a picture of this size."""
        return (height, width) if self.transpose else (width, height)

    def describe(self) -> str:
        """Return the orientation for people, for example ``transposed, flipped left-right``; ``upright`` for most."""
        words = (
            (self.transpose, "transposed"),
            (self.flip_x, "flipped left-right"),
            (self.flip_y, "flipped upside down"),
        )
        return ", ".join(word for is_so, word in words if is_so) or "upright"
