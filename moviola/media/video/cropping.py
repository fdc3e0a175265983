"""The borders of a picture that a container tells players to cut off, as plain data.

Matroska has PixelCrop, MP4 and QuickTime have the clean aperture. No output here tells either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from moviola.media.video.orientation import Orientation


class Borders(NamedTuple):
    """How many pixels are cut off on each side."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of_numbers(cls, numbers: Mapping[bytes, int]) -> Self | None:
        """Return what the elements of a Matroska's video tell (RFC 9559, 5.1.4.1.28.8 to 11); None: nothing is cut."""
        told = cls(*(numbers.get(kind, 0) for kind in (b"\x54\xcc", b"\x54\xbb", b"\x54\xdd", b"\x54\xaa")))
        return told if any(told) else None

    def turned(self, orientation: Orientation) -> Borders:
        """Return them as they are once the picture is turned."""
        left, top, right, bottom = self
        if orientation.transpose:
            left, top, right, bottom = top, left, bottom, right
        if orientation.flip_x:
            left, right = right, left
        if orientation.flip_y:
            top, bottom = bottom, top
        return Borders(left, top, right, bottom)
