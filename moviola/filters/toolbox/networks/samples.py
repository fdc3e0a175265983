"""Pictures as networks take them, and back: spans of values, the order of colours, where the channels lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moviola.base.arrays import np
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.networks.runtime import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPANS: Final = {"0..1": (0.0, 1.0), "0..255": (0.0, 255.0), "-1..1": (-1.0, 1.0)}
"""The values of black and white, by what a parameter calls them."""

BY_TYPE: Final = "auto"
"""0..255 of networks that take or give whole numbers, 0..1 of others."""


def span_of(name: str, dtype: Any) -> tuple[float, float]:
    """Return the values of black and white.

    Args:
        name: a key of `SPANS`, or `BY_TYPE`.
        dtype: of numpy, of what a network takes or gives.
    """
    if name == BY_TYPE:
        return SPANS["0..1" if np.dtype(dtype).kind == "f" else "0..255"]
    return SPANS[name]


@dataclass(frozen=True, slots=True)
class Coding:
    """How the samples of a picture are told to a network: (light × span - mean) / deviation.

    Attributes:
        values: a key of `SPANS`, or `BY_TYPE`.
        rgb: True for red first, False for blue first.
        mean: subtracted from each channel, in the network's order; empty for none.
        deviation: by which each channel is then divided; empty for none.
    """

    values: str = BY_TYPE
    rgb: bool = True
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def coded(self, light: NDArray[Any], peak: int, shape: Shape) -> NDArray[Any]:
        """Return a picture as an array of four dimensions that a network takes.

        Args:
            light: full range, 0..peak: height × width × 3 with blue first, or height × width.
            peak: the value of white.
            shape: what the network takes.
        """
        samples = light[..., np.newaxis] if light.ndim == 2 else light[..., ::-1] if self.rgb else light
        black, white = span_of(self.values, shape.dtype)
        if shape.dtype == "uint8" and peak == white and not black and not self.mean and not self.deviation:
            made = samples
        else:
            made = samples.astype(np.float32) * np.float32((white - black) / peak)
            if black:
                made += np.float32(black)
            if self.mean:
                made -= np.array(self.mean, np.float32)
            if self.deviation:
                made /= np.array(self.deviation, np.float32)
            if shape.dtype == "uint8":
                made = np.rint(made).clip(0, 255)
        if shape.channels_first:
            made = made.transpose(2, 0, 1)
        return np.ascontiguousarray(made[np.newaxis], dtype=shape.dtype)


def numbers_of(text: str, told: str, *, zero: bool = True) -> tuple[float, ...]:
    """Return the numbers of a text, one or three, with blanks between them; none of an empty text.

    Args:
        told: the filter and the parameter, for the sentence of an error.
        zero: whether a number may be 0.

    Raises:
        ParameterError: the text is something else.
    """
    try:
        numbers = tuple(float(word) for word in text.split())
    except ValueError:
        numbers = (math.nan,)
    if len(numbers) not in (0, 1, 3) or not all(math.isfinite(each) and (zero or each) for each in numbers):
        other = "" if zero else " other than 0"
        raise ParameterError(f'{told} takes one number{other} or three, with blanks between them, not "{text:.80}"')
    return numbers


def light_of(given: NDArray[Any], span: tuple[float, float]) -> NDArray[Any]:
    """Return what a network gave, as float32 from 0 (black) to 1 (white), not clipped."""
    black, white = span
    return (given.astype(np.float32) - np.float32(black)) / np.float32(white - black)


def are_numbers(given: Sequence[NDArray[Any]]) -> bool:
    """Return whether all values are finite numbers."""
    return all(each.dtype.kind != "f" or bool(np.isfinite(each).all()) for each in given)
