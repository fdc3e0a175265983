"""Pictures turned upright, as EXIF's Orientation says that the camera was held (EXIF 2.3, 4.6.4 A)."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of `pixels` (height × width, or × channels) turned as they are to be seen. Orientation 1 to 8;
    5 to 8 lie on a side, so that height and width change places."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
