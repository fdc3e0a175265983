"""The filter `flip`: mirrors the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.chain import Value
from moviola.filters.picture import Picture
from moviola.filters.toolbox.boxes import moved
from moviola.filters.toolbox.opencv import cv2

_CODES = {"horizontal": 1, "vertical": 0, "both": -1}  # OpenCV's


@dataclass(frozen=True)
class Flip(Filter):
    """Mirror each plane; doing it twice gives back every sample.

    Where a size is odd and chroma is subsampled, chroma samples reach over the border by half their size, and colours
    shift by that much.
    """

    name: ClassVar[str] = "flip"
    summary: ClassVar[str] = "mirrors the picture"
    moves_pixels: ClassVar[bool] = True
    interlaced: ClassVar[str] = Interlacing.MIXES

    direction: str = parameter(
        "horizontal", choices=tuple(_CODES), help="horizontal: left becomes right; vertical: top becomes bottom"
    )

    @classmethod
    def interlacing(cls, parameters: Mapping[str, Value]) -> str:
        """Return that it mixes fields, unless it leaves every line where it is."""
        return Interlacing.KEEPS if parameters["direction"] == "horizontal" else Interlacing.MIXES

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the mirrored picture, with the boxes in notes mirrored along."""
        output = picture.blank()
        for source, target in zip(picture.planes, output.planes, strict=True):
            cv2.flip(source, _CODES[self.direction], dst=target)
        width, height = picture.width, picture.height
        across, down = self.direction != "vertical", self.direction != "horizontal"
        output.notes = moved(
            picture.notes, lambda x, y: (width - x if across else x, height - y if down else y), width, height
        )
        return output
