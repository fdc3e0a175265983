"""Base of filters that map each sample by a curve, so that a table holds the result for all values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from moviola.base.arrays import np
from moviola.filters.base import Filter
from moviola.filters.picture import Picture, Plane, channels_of
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

Curve: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class ToneFilter(Filter):
    """Base of filters that are one curve for light and one for chroma. Alpha stays as it is.

    Curves work on meanings, whatever the depth and range: light from 0 (black) to 1 (white), also of red, green and
    blue; chroma from -0.5 to 0.5. Results are clipped at black and white; samples that were beyond them before, which
    video allows, may stay there.
    """

    def light(self, light: Curve) -> Curve:
        """Return the curve of light (float64, 0 black to 1 white); unchanged unless overridden."""
        return light

    def chroma(self, chroma: Curve) -> Curve:
        """Return the curve of chroma (float64, -0.5 to 0.5); unchanged unless overridden."""
        return chroma

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with both curves applied."""
        output, layout = picture.blank(), picture.format
        full_range = layout.is_rgb or picture.colour.full_range
        for source, target, plane in zip(picture.planes, output.planes, layout.planes, strict=True):
            look_up(source, [_table(self, channel, layout.depth, full_range) for channel in plane.channels], target)
        return output


def look_up(source: Plane, tables: Sequence[Plane | None], target: Plane) -> None:
    """Write each sample's entry in its channel's table into `target`.

    Args:
        source: rows × columns (× channels), uint8 or uint16.
        tables: one for each channel, of the type of the planes: 256 entries for uint8, 65536 for uint16. None keeps the
            channel as it is.
        target: of the shape and type of `source`.
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
