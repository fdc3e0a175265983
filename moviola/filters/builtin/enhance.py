"""The filter `enhance`: raises contrast where there is little of it, and sharpens gently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.builtin.sharpen import unsharp
from moviola.filters.picture import Gray, Picture, Plane, channels_of
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARPEN_RADIUS = 2  # pixels


@dataclass(frozen=True)
class Enhance(Filter):
    """Equalise brightness locally (CLAHE), mix the result with the picture, then apply an unsharp mask.

    The change is computed on 8 bits of brightness and added to luma, or to red, green and blue alike, so that pictures
    of more bits keep their precision and colours their hue.
    """

    name: ClassVar[str] = "enhance"
    summary: ClassVar[str] = "local contrast and gentle sharpening"
    interlaced: ClassVar[str] = Interlacing.EACH_FIELD

    clip: float = parameter(2.0, minimum=1.0, maximum=40.0, help="how much steeper contrast may get, as a factor")
    tiles: int = parameter(8, minimum=1, maximum=64, help="regions each way that get a histogram of their own")
    amount: float = parameter(0.6, minimum=0.0, maximum=1.0, help="how much of the new contrast; 0 keeps the old")
    sharpen: float = parameter(0.4, minimum=0.0, maximum=5.0, help="amount of the unsharp mask; 0 leaves it out")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with more local contrast, sharpened."""
        before = picture.gray
        contrast = self._contrast(before, picture.gray_levels)
        after = np.empty_like(contrast)
        unsharp(contrast, _SHARPEN_RADIUS, self.sharpen, 8, after)
        return _relit(picture, before, after)

    def _contrast(self, gray: Gray, levels: tuple[int, int]) -> Gray:
        """The brightness with its new contrast, within the same levels of black and white; a fresh array."""
        to_full, to_levels = _between(*levels)
        clahe = cv2.createCLAHE(self.clip, (self.tiles, self.tiles))
        local = cv2.LUT(clahe.apply(cv2.LUT(gray, to_full)), to_levels)
        share = round(self.amount * 256) / 256  # exact in single precision, so that all processors round alike
        return cv2.addWeighted(local, share, gray, 1 - share, 0)


def _relit(picture: Picture, before: Gray, after: Gray) -> Picture:
    """The picture with the change of its 8-bit brightness added."""
    output, layout = picture.blank(), picture.format
    more, less = cv2.subtract(after, before), cv2.subtract(before, after)
    if layout.depth > 8:
        more, less = (each.astype(np.uint16) << layout.depth - 8 for each in (more, less))
    for source, target, plane in zip(picture.planes, output.planes, layout.planes, strict=True):
        for channel, old, new in zip(plane.channels, channels_of(source), channels_of(target), strict=True):
            if channel in "yrgb":
                np.copyto(new, _added(old, more, less, layout.peak))
            else:
                np.copyto(new, old)
    return output


def _added(samples: Plane, more: Plane, less: Plane, peak: int) -> Plane:
    return np.minimum(cv2.subtract(cv2.add(samples, more), less), peak)


@lru_cache(maxsize=4)
def _between(black: int, white: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Tables from gray with these levels to full range, and back."""
    samples = np.arange(256)
    to_full = (samples - black) * 255 / (white - black)
    to_levels = samples * (white - black) / 255 + black
    full, levels = (np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in (to_full, to_levels))
    return full, levels
