"""Writes text into the project's pictures, and saves them.

The typefaces are DejaVu's, which matplotlib's package carries: they have the letters of most scripts, and look the
same on every machine.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SANS: Final = "DejaVuSans.ttf"
MONO: Final = "DejaVuSansMono.ttf"

SMALLEST: Final = 9
"""Height in pixels of the smallest letters that can be read."""

QUALITY: Final = 88
"""Quality of pictures that are saved as WebP or JPEG, so that nobody sees a loss."""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Colour = tuple[int, int, int]


@cache
def typeface(name: str, size: int) -> ImageFont.FreeTypeFont:
    """Return one of the typefaces, `size` pixels tall. Raises ModuleNotFoundError without matplotlib."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the typefaces are matplotlib's: pip install -r requirements-dev.txt")
    return ImageFont.truetype(str(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name), size)


def write(
    image: Pixels,
    text: str,
    *,
    left: int,
    baseline: int,
    size: int,
    colour: Colour,
    width: int | None = None,
    font: str = SANS,
    outline: Colour | None = None,
) -> None:
    """Write one line into an image, in letters made smaller until the line fits.

    Args:
        image: BGR, uint8, height × width × 3; changed in place.
        left, baseline: where the line begins, in pixels.
        size: height of the letters in pixels.
        colour, outline: blue, green, red.
        width: pixels that the line may take, by default all up to the right edge. A line that does not fit in letters
            of SMALLEST pixels ends with an ellipsis.
    """
    room = image.shape[1] - left if width is None else width
    while size > SMALLEST and typeface(font, size).getlength(text) > room:
        size -= 1
    face = typeface(font, size)
    while text and face.getlength(text) > room:
        text = f"{text.removesuffix('…')[:-1]}…" if len(text) > 1 else ""
    canvas = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
    ImageDraw.Draw(canvas).text(
        (left, baseline),
        text,
        font=face,
        fill=colour[::-1],
        anchor="ls",
        stroke_width=2 if outline else 0,
        stroke_fill=outline[::-1] if outline else None,
    )
    image[:] = np.asarray(canvas)[..., ::-1]


def save(image: Pixels, path: Path, *, lossless: bool = False) -> None:
    """Write an image, BGR, into a file in the format that its suffix names. For an image of few colours a lossless WebP
    is smaller than a lossy one."""
    picture = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
    if lossless:
        picture.save(path, lossless=True, method=6)
    else:
        picture.save(path, quality=QUALITY)
