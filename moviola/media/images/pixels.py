"""Arrays of pixels as the pictures that filters see, and back."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from moviola.filters.picture import Picture

_LAYOUTS: Final = {(2, 1): "gray", (2, 2): "gray16le", (3, 1): "bgr24", (3, 2): "bgr48le"}  # by axes, bytes a sample


def as_picture(pixels: NDArray[Any], index: int) -> Picture:
    """Return a Picture of pixels: height × width (grey) or × 3 (BGR), uint8 or uint16."""
    layout = _LAYOUTS[pixels.ndim, pixels.itemsize]
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
    frame.color_range = ColorRange.JPEG
    return Picture(frame, index=index)


def as_pixels(picture: Picture) -> NDArray[Any]:
    """Return a picture's pixels, the reverse of `as_picture`. They are a copy, as the frame's memory is used again."""
    if picture.frame.format.name in _LAYOUTS.values():
        return np.array(picture.planes[0])
    return np.array(picture.bgr)
