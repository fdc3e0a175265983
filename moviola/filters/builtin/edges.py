"""The filter `edges`: Canny edges of the brightness, white on black."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture
from moviola.filters.toolbox.opencv import cv2


@dataclass(frozen=True)
class Edges(Filter):
    """Show Canny edges.

    Thresholds are gradients of full-range gray (0..255), whatever range the video has.
    """

    name: ClassVar[str] = "edges"
    summary: ClassVar[str] = "Canny edges, white on black"
    requires: ClassVar[tuple[str, ...]] = ("low <= high",)
    interlaced: ClassVar[str] = Interlacing.EACH_FIELD

    low: int = parameter(50, minimum=0, maximum=2000, help="gradient that continues an edge")
    high: int = parameter(150, minimum=0, maximum=2000, help="gradient that starts an edge")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the edges, white on black."""
        black, white = picture.gray_levels
        scale = (white - black) / 255
        return picture.with_gray(cv2.Canny(picture.gray, self.low * scale, self.high * scale))
