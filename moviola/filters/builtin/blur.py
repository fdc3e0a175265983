"""The filter `blur`: a Gaussian blur of the decoded planes, without colour conversion or loss of bit depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture
from moviola.filters.toolbox.opencv import cv2


@dataclass(frozen=True)
class Blur(Filter):
    """Blur the picture with a Gaussian kernel of 2·radius+1 pixels each way.

    Sigma follows OpenCV's rule, 0.3·((size-1)·0.5-1)+0.8. Subsampled chroma planes are blurred by a sigma that is as
    many times smaller as they are, which looks like the blur of full-size ones. Alpha is not blurred.
    """

    name: ClassVar[str] = "blur"
    summary: ClassVar[str] = "Gaussian blur"
    interlaced: ClassVar[str] = Interlacing.EACH_FIELD

    radius: int = parameter(7, minimum=1, maximum=127, unit="px", help="how far the blur reaches")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the blurred picture."""
        output = picture.blank()
        for source, target, plane in zip(picture.planes, output.planes, picture.format.planes, strict=True):
            if plane.channels == "a":
                target[...] = source
                continue
            size = (2 * ceil(self.radius / plane.step_x) + 1, 2 * ceil(self.radius / plane.step_y) + 1)
            sigma = 0.3 * (self.radius - 1) + 0.8  # the rule, with size = 2·radius+1
            if plane.step_x == plane.step_y == 1:
                sigma = 0.0  # OpenCV applies the rule itself, and has exact kernels for small sizes
            cv2.GaussianBlur(source, size, sigma / plane.step_x, dst=target, sigmaY=sigma / plane.step_y)
            if "a" in plane.channels:
                alpha = plane.channels.index("a")
                target[..., alpha] = source[..., alpha]
        return output
