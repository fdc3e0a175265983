"""Transparency's way through a chain: moved, cut and scaled as the picture is, and otherwise as it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moviola.filters.base import Filter
from moviola.filters.runner import ChainRunner
from moviola.filters.toolbox.scaling import scale
from moviola.media.images.pixels import as_picture, as_pixels

_Alpha = NDArray[Any]


class Mover:
    """Does to transparency what a chain does to the places of pixels."""

    def __init__(self, chain: Iterable[Filter]) -> None:
        self._chain = tuple(chain)

    def run(self, alpha: _Alpha, index: int) -> _Alpha:
        """Return the transparency of what becomes of a picture; opaque where a filter fills up with a colour.

        Args:
            alpha: height × width, uint8 or uint16, as it was before the chain.
            index: of the source, for messages.

        Raises:
            FilterError: a filter failed twice.
        """
        moved = self._through(alpha, index)
        if not any(each.moves_pixels for each in self._chain):
            return moved
        peak = np.iinfo(alpha.dtype).max
        opaque = self._through(np.full_like(alpha, peak), index).astype(np.int32)
        # As filters see it as a grey picture, they fill up with how bright their colour is. Of a picture that is opaque
        # everywhere, what is missing afterwards is what their colour lacks there, in the share that it has.
        lacking = opaque.max() - opaque
        return np.minimum(moved + lacking, peak).astype(alpha.dtype) if lacking.any() else moved

    def _through(self, alpha: _Alpha, index: int) -> _Alpha:
        for each in self._chain:
            if each.moves_pixels:
                alpha = as_pixels(ChainRunner((each,)).run(as_picture(alpha, index)))
            else:
                alpha = _scaled(alpha, *each.output_size(alpha.shape[1], alpha.shape[0]))
        return alpha


def _scaled(alpha: _Alpha, width: int, height: int) -> _Alpha:
    if alpha.shape == (height, width):
        return alpha
    target = np.empty((height, width), alpha.dtype)
    scale(alpha, target, np.iinfo(alpha.dtype).max)
    return target
