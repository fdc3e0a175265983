from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.toolbox.structure import doubt

ACROSS, DOWN = np.meshgrid(np.arange(64), np.arange(128))
BODY = slice(16, -16), slice(16, -16)


def photograph(blur: float = 4) -> NDArray[np.uint8]:
    """Blobs with edges in all directions, and many grays."""
    noise = np.random.default_rng(3).normal(0, 1, (128, 64))
    soft = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.asarray(128 + 40 * soft / soft.std(), np.float64).clip(0, 255).astype(np.uint8)


def doubt_of(image: NDArray[np.uint8]) -> float:
    return doubt(image, image[BODY])


def test_what_looks_like_a_photograph_is_not_doubted() -> None:
    assert doubt_of(photograph()) == 0


@pytest.mark.parametrize(
    "image",
    [
        photograph(blur=20),
        np.where(photograph() > 128, 150, 110).astype(np.uint8),
        (np.sin(ACROSS / 3) * 60 + 128 + DOWN / 2).astype(np.uint8),
        np.random.default_rng(1).integers(0, 256, (128, 64), np.uint8),
        np.full((128, 64), 99, np.uint8),
    ],
    ids=["hardly an edge", "two grays", "one direction", "glaring", "nothing"],
)
def test_what_does_not_is(image: NDArray[np.uint8]) -> None:
    assert doubt_of(image) >= 1
