"""Pictures that people draw to test devices, and pages of text: in none of them is anybody."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from moviola.filters.toolbox.stamps import text_drawing

Image = NDArray[np.uint8]
_BARS = (180, 162, 131, 112, 84, 65, 35)  # the lightness of seven colour bars
_LINES = (
    "Results 2026",
    "Illinois: 111 million",
    "H I l | i l T",
    "Zürich, Москва",
    "Ada Lovelace",
    "fox jumps over it",
)


def patterns(width: int, height: int) -> Iterator[tuple[str, Image]]:
    """Yield names and grays of 8 bits, height × width."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    away = np.hypot(across - width / 2, down - height / 2)
    bars = np.array(_BARS, np.uint8)[across * 7 // width]
    bars[height * 3 // 4 :] = np.where(across // (width // 7) % 2, 16, 235)[height * 3 // 4 :]
    random = np.random.default_rng(1)
    yield "bars", bars
    yield "noise", random.integers(0, 256, (height, width), np.uint8)
    yield "gradient", (across * 255 // width).astype(np.uint8)
    yield "round gradient", (255 * away / away.max()).astype(np.uint8)
    yield "rings", ((np.sin(away / 8) + 1) * 127).astype(np.uint8)
    yield "zone plate", ((np.sin(away * away / (2 * width)) + 1) * 127).astype(np.uint8)
    for side in (8, 16, 48):
        yield f"squares of {side}", ((across // side + down // side) % 2 * 255).astype(np.uint8)
        yield f"stripes of {side}", (across // side % 2 * 200 + 20).astype(np.uint8)
    yield "letters", _letters(width, height, 8)
    yield "small letters", _letters(width, height, 20)


def compressed(image: Image) -> Image:
    """Return a picture as a JPEG of low quality has it."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0), np.uint8)


def _letters(width: int, height: int, lines: int) -> Image:
    page = np.full((height, width), 250, np.uint8)
    tall = height // lines
    for number in range(lines - 1):
        drawn = text_drawing(_LINES[number % len(_LINES)], tall, (20, 20, 60)).alpha[:, : width - 20]
        place = page[number * tall : (number + 1) * tall, 20 : 20 + drawn.shape[1]]
        place[:] = (250 * (1 - drawn)).astype(np.uint8)
    return page
