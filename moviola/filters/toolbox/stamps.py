"""Watermark images, as colours and opacity: a text that is rendered here, or a picture from a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moviola.base.arrays import np
from moviola.filters.assets import Asset
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.lettering import Line, coverage, line
from moviola.filters.toolbox.opencv import cv2, is_out_of_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_PIXELS = 64 << 20  # of a picture; a small file may hold a large one
_OUTLINE = 0.09  # of the height: wide enough to be seen on a ground of the text's own colour


@dataclass(frozen=True, eq=False, slots=True)
class Drawing:
    """Something to blend into a picture.

    Attributes:
        rgb: height × width × 3, float64, 0..1, not multiplied by alpha.
        alpha: height × width, float64, 0..1.
    """

    rgb: NDArray[Any]
    alpha: NDArray[Any]


def text_width(text: str, height: int) -> int:
    """Return how many pixels wide a text's drawing of this height in pixels is. Nothing is drawn."""
    laid = line(text)
    return math.ceil((laid.right - laid.left) * _scale(laid, height)) + 2 * _outline(height)


@lru_cache(maxsize=8)
def text_drawing(text: str, height: int, colour: tuple[int, int, int]) -> Drawing:
    """Return a line of text with an outline that sets it off from any background.

    The outline is black, or white around dark text.

    Args:
        text: in any script; of what `moviola.filters.fonts.can_draw` says yes to.
        height: of the drawing in pixels, at least 6.
        colour: 8-bit red, green and blue.
    """
    laid, fine = line(text), _fineness(height)
    shape = height, text_width(text, height)
    scale, edge = _scale(laid, height) * fine, _outline(height) * fine
    place = scale, edge - laid.left * scale, edge - laid.bottom * scale
    covered = coverage(laid, shape[1] * fine, shape[0] * fine, *place)
    letters = _mean(covered, fine) / 255
    away = cv2.distanceTransform((covered < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    around = _mean(np.clip(edge + 0.5 - away, 0, 1), fine)
    alpha = np.maximum(around, letters)
    dark = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] < 128
    share = np.divide(letters, alpha, out=np.zeros(shape), where=alpha > 0)[..., np.newaxis]
    return Drawing(share * np.array(colour) / 255 + (1 - share) * float(dark), alpha)


def _outline(height: int) -> int:
    return max(1, round(_OUTLINE * height))


def _scale(laid: Line, height: int) -> float:
    """Return how many pixels of a drawing one unit of the line is."""
    return (height - 2 * _outline(height)) / (laid.top - laid.bottom)


def _fineness(height: int) -> int:
    """How many times larger small text is drawn, so that its outline is as smooth as its letters."""
    return max(1, min(4, 256 // height))


def _mean(samples: NDArray[Any], side: int) -> NDArray[Any]:
    """The means of squares of samples."""
    rows, columns = samples.shape
    means: NDArray[Any] = samples.reshape(rows // side, side, columns // side, side).mean(axis=(1, 3))
    return means


@lru_cache(maxsize=4)
def file_drawing(file: Asset) -> Drawing:
    """Return the picture in a file, decoded once per process.

    Raises:
        ParameterError: it cannot be decoded, or is too large.
        AssetError: the file is not available here.
    """
    told = "watermark: the picture that is given as file"
    data = np.frombuffer(file.read(), np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error as error:  # more pixels than OpenCV takes
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise ParameterError(f"{told} cannot be decoded: {error.err}") from error
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise ParameterError(f"{told} is not a picture that OpenCV can decode; use a PNG, with or without alpha")
    if image.shape[0] * image.shape[1] > _MAX_PIXELS:
        raise ParameterError(f"{told} has {image.shape[1]}x{image.shape[0]} pixels, more than a watermark needs")
    samples = image / (255 if image.dtype == np.uint8 else 65535)
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    channels = samples.shape[2]
    alpha = samples[..., -1] if channels in (2, 4) else np.ones(samples.shape[:2])
    rgb = samples[..., 2::-1] if channels >= 3 else np.repeat(samples[..., :1], 3, axis=2)
    return Drawing(rgb, alpha)


def resized(drawing: Drawing, width: int, height: int) -> Drawing:
    """Return a drawing scaled to a size in pixels. Colours of transparent pixels do not bleed into others."""
    shrunk = width < drawing.alpha.shape[1]
    way = cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
    alpha = cv2.resize(drawing.alpha, (width, height), interpolation=way)
    weighted = cv2.resize(drawing.rgb * drawing.alpha[..., np.newaxis], (width, height), interpolation=way)
    full = alpha[..., np.newaxis]
    return Drawing(np.divide(weighted, full, out=np.zeros_like(weighted), where=full > 0), alpha)
