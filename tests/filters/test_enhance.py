from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.builtin.enhance import Enhance
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


def dull() -> NDArray[np.uint8]:
    """A scene with little contrast."""
    return (110 + texture() // 8).astype(np.uint8)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "rgb24", "gray"])
def test_little_contrast_becomes_more(pixel_format: str) -> None:
    picture = picture_of(dull(), pixel_format)
    before, after = picture.gray.std(), Enhance(sharpen=0).apply(picture, ()).gray.std()
    assert after > 1.3 * before
    more = Enhance(sharpen=0, amount=1.0, clip=4.0).apply(picture, ()).gray.std()
    assert more > 1.3 * after


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "rgb24", "rgba", "gray16le"])
def test_nothing_asked_for_changes_nothing(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Enhance(amount=0, sharpen=0).apply(picture, ())
    for ours, theirs in zip(output.planes, picture.planes, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_limited_range_stays_within_black_and_white() -> None:
    luma = Enhance(amount=1, clip=40, sharpen=0).apply(picture_of(dull(), "yuv420p"), ()).planes[0]
    assert luma.min() >= 16
    assert luma.max() <= 235


def test_deep_pictures_keep_their_low_bits() -> None:
    start = Picture(noise("yuv420p10le", 64, 48)).copy()
    start.planes[0][...] = 400 + np.arange(64)  # four samples for each of 8 bits
    output = Enhance(amount=0.5, sharpen=0).apply(start.seal(), ())
    assert len(np.unique(output.planes[0])) > 40


@pytest.mark.parametrize("pixel_format", ["yuv420p", "rgb24"])
def test_colours_keep_their_hue(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 64, 48))
    output = Enhance().apply(picture, ())
    if picture.format.is_rgb:
        change = output.planes[0].astype(int) - picture.planes[0]
        inside = (output.planes[0] > 0).all(axis=2) & (output.planes[0] < 255).all(axis=2)
        assert inside.any()
        assert np.ptp(change[inside], axis=1).max() == 0
    else:
        np.testing.assert_array_equal(output.planes[1], picture.planes[1])
