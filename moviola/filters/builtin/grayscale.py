"""The filter `grayscale`: removes colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter
from moviola.filters.picture import Picture, channels_of
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARES = {"r": 19595, "g": 38470, "b": 7471}  # of 65536: ITU-R BT.601 luma, as for JPEG


@dataclass(frozen=True)
class Grayscale(Filter):
    """Keep luma and make chroma neutral; red, green and blue all become their luma by ITU-R BT.601."""

    name: ClassVar[str] = "grayscale"
    summary: ClassVar[str] = "takes the colours away"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture without colour; the picture itself if it has none."""
        layout = picture.format
        if not layout.is_rgb and not any(set(plane.channels) & set("uv") for plane in layout.planes):
            return picture
        output = picture.blank()
        luma = _luma(picture) if layout.is_rgb else None
        for source, target, plane in zip(picture.planes, output.planes, layout.planes, strict=True):
            if plane.channels in ("u", "v", "uv", "vu"):
                target[...] = 1 << layout.depth - 1
            elif luma is None or plane.channels == "a":
                np.copyto(target, source)
            elif plane.channels in _SHARES:
                np.copyto(target, luma)
            else:
                pairs = zip(plane.channels, channels_of(source), strict=True)
                cv2.merge([luma if channel in _SHARES else samples for channel, samples in pairs], dst=target)
        return output


def _luma(picture: Picture) -> NDArray[Any]:
    """Of red, green and blue, with all their bits."""
    if picture.format.depth == 8:
        return picture.gray
    total = np.full((picture.height, picture.width), 1 << 15, np.uint32)
    for plane, layout in zip(picture.planes, picture.format.planes, strict=True):
        for channel, samples in zip(layout.channels, channels_of(plane), strict=True):
            if channel in _SHARES:
                total += np.multiply(samples, _SHARES[channel], dtype=np.uint32)
    return (total >> 16).astype(picture.format.dtype)
