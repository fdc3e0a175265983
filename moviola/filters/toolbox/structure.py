"""How much surer a find must be, by the edges in its part of the picture: what looks drawn, or is hardly there, takes
a surer detector.

A detector that compares gradients, block by block and each block for itself, sees a person in anything that has some
of a person's edges: in rings, letters, fine patterns, and in steps of a gradient by a single level of gray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moviola.base.arrays import np
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIRECTIONS: Final = 9  # as the HOG detector counts them: over half a turn, each 20° wide
_FEW_DIRECTIONS: Final = 0.7  # of the entropy of edges that run in all directions alike
_FAINT: Final = 6.0  # mean difference of a pixel's two neighbours, in levels of 256
_GLARING: Final = 40.0  # the same
_GRAYS: Final = 64
_COMMONEST: Final = 4  # of these
_FEW_GRAYS: Final = 0.45  # share of pixels that have one of the commonest grays
_UNLIKELY: Final = 1.0  # in the distances of the HOG detector from the plane that separates people from the rest
_FEW_GRAYS_COST: Final = 4.0  # the same, for a picture of these grays alone


def doubt(window: NDArray[np.uint8], body: NDArray[np.uint8]) -> float:
    """Return how much surer than otherwise a find in a window must be, as a distance of the HOG detector; 0 where it
    looks like a photograph of something.

    All numbers were chosen on photographs and films with people, on which they cost no find that was one, and on test
    patterns, gradients, noise and pages of text.

    Args:
        window: a find with the ground around it, grays of 8 bits.
        body: the part of it that is the find itself.
    """
    across = cv2.Sobel(window, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(window, cv2.CV_32F, 0, 1, ksize=1)
    strength, angles = cv2.cartToPolar(across, down)
    costs = _FEW_GRAYS_COST * max(0.0, (_commonest(window) + _commonest(body)) / 2 - _FEW_GRAYS)
    if not _FAINT <= strength.mean() <= _GLARING:
        costs += _UNLIKELY
    if _variety(angles, strength) < _FEW_DIRECTIONS:
        costs += _UNLIKELY
    return costs


def _commonest(grays: NDArray[np.uint8]) -> float:
    """The share of pixels that have one of the commonest grays."""
    counts = np.bincount(grays.ravel() // (256 // _GRAYS), minlength=_GRAYS)
    return float(np.sort(counts)[-_COMMONEST:].sum() / grays.size)


def _variety(angles: NDArray[Any], strength: NDArray[Any]) -> float:
    """The entropy of the directions of edges, weighted by strength: 0 for one direction, 1 for all alike.

    Args:
        angles: of the edges, in radians, 0..2π.
        strength: of the edges.
    """
    bins = (angles * (_DIRECTIONS / np.pi)).astype(np.int64) % _DIRECTIONS
    sums = np.bincount(bins.ravel(), strength.ravel(), _DIRECTIONS)
    shares = sums[sums > 0] / max(sums.sum(), 1e-9)
    return float(-(shares * np.log(shares)).sum() / np.log(_DIRECTIONS))
