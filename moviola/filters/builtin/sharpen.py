"""The filter `sharpen`: an unsharp mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture, Plane
from moviola.filters.toolbox.opencv import cv2


@dataclass(frozen=True)
class Sharpen(Filter):
    """Sharpen luma, or red, green and blue. Chroma and alpha stay as they are, because sharpened chroma only gets
    fringes and noise.
    """

    name: ClassVar[str] = "sharpen"
    summary: ClassVar[str] = "sharper edges (unsharp mask)"
    interlaced: ClassVar[str] = Interlacing.EACH_FIELD

    radius: int = parameter(2, minimum=1, maximum=127, unit="px", help="how wide the edges are that get sharper")
    amount: float = parameter(1.0, minimum=0.0, maximum=5.0, help="how much: 1 doubles what a blur would take away")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the sharpened picture; the picture itself if `amount` is 0."""
        if self.amount == 0:
            return picture
        output, depth = picture.blank(), picture.format.depth
        for source, target, plane in zip(picture.planes, output.planes, picture.format.planes, strict=True):
            if not set(plane.channels) & set("yrgb"):
                np.copyto(target, source)
                continue
            unsharp(source, self.radius, self.amount, depth, target)
            if "a" in plane.channels:
                alpha = plane.channels.index("a")
                target[..., alpha] = source[..., alpha]
        return output


def unsharp(source: Plane, radius: int, amount: float, depth: int, target: Plane) -> None:
    """Write `source + amount · (source - blurred source)`, clipped to the bit depth, into `target`.

    The amount is rounded to a fraction with which every product is exact in single precision, so that all processors
    round alike, with fused multiplication or without.

    Args:
        source: rows × columns (× channels), uint8 or uint16.
        radius: of the Gaussian kernel in pixels.
        amount: 0 and up.
        depth: bits of a sample.
        target: of the shape and type of `source`.
    """
    size = 2 * radius + 1
    exact = 2 ** min(8, 20 - depth)
    amount = round(amount * exact) / exact
    cv2.GaussianBlur(source, (size, size), 0, dst=target)
    cv2.addWeighted(source, 1 + amount, target, -amount, 0, dst=target)
    if 8 < depth < 16:
        np.minimum(target, (1 << depth) - 1, out=target)
