"""Curves over samples: what a sample becomes depends on nothing but itself, so a table says it for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moviola.filters.base import Filter
from moviola.filters.picture import Picture, Plane, channels_of
from moviola.filters.toolbox.opencv import cv2

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class ToneFilter(Filter):
    """Base of filters that are a curve for light and one for chroma; alpha stays as it is.

    The curves see what samples mean, whatever the depth and range: light from 0 (black) to 1 (white), also of red,
    green and blue, and chroma from -0.5 to 0.5 with 0 in the middle. What they give is cut at black and white;
    samples that were beyond (video allows that) may stay there.
    """

    def light(self, light: Curve) -> Curve:
        return light

    def chroma(self, chroma: Curve) -> Curve:
        return chroma

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        output, layout = picture.blank(), picture.format
        full_range = layout.is_rgb or picture.colour.full_range
        for source, target, plane in zip(picture.planes, output.planes, layout.planes, strict=True):
            look_up(source, [_table(self, channel, layout.depth, full_range) for channel in plane.channels], target)
        return output


def look_up(source: Plane, tables: Sequence[Plane | None], target: Plane) -> None:
    """Writes each sample's entry in its channel's table into `target`; None keeps a channel as it is.

    `tables`: one per channel, of the planes' type: 256 entries for uint8, 65536 for uint16.
    """
    if all(table is None for table in tables):
        np.copyto(target, source)
    elif source.dtype == np.uint8:
        same = np.arange(256, dtype=np.uint8)
        full = np.stack([same if table is None else table for table in tables], axis=-1)
        cv2.LUT(source, full.reshape(1, 256, -1), dst=target)
    else:
        for table, samples, written in zip(tables, channels_of(source), channels_of(target), strict=True):
            written[...] = samples if table is None else np.take(table, samples)


@lru_cache(maxsize=32)
def _table(curves: ToneFilter, channel: str, depth: int, full_range: bool) -> Plane | None:
    """The table of a channel, for all that the plane's type can hold; None where it would change nothing."""
    peak, samples = (1 << depth) - 1, np.arange(1 << (8 if depth == 8 else 16))
    unit = 1 << depth - 8
    if channel in "uv":
        middle, span = 128 * unit, peak if full_range else 224 * unit
        least, most = (0, peak) if full_range else (16 * unit, 240 * unit)
        curve = curves.chroma((samples - middle) / span) * span + middle
    elif channel in "ax":
        return None
    else:
        least, most = (0, peak) if full_range else (16 * unit, 235 * unit)
        curve = curves.light((samples - least) / (most - least)) * (most - least) + least
    cut = np.clip(np.rint(curve), np.minimum(samples, least), np.maximum(samples, most))
    table: NDArray[Any] = np.clip(cut, 0, peak).astype(np.uint8 if depth == 8 else np.uint16)
    return None if np.array_equal(table[: peak + 1], samples[: peak + 1]) else table
