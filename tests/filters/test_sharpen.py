from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.builtin.blur import Blur
from moviola.filters.builtin.sharpen import Sharpen
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "gray16le", "rgb24"])
@pytest.mark.parametrize("amount", [0.5, 1.0, 1.7, 5.0])
def test_what_a_blur_takes_away_is_added(pixel_format: str, amount: float) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Sharpen(radius=2, amount=amount).apply(picture, ())
    before, blurred = (each.planes[0].astype(float) for each in (picture, Blur(radius=2).apply(picture, ())))
    wanted = np.clip(before + amount * (before - blurred), 0, picture.format.peak)
    step = 2.0 ** -min(8, 20 - picture.format.depth)  # of the amount
    assert np.abs(output.planes[0] - wanted).max() <= 0.5 + step / 2 * picture.format.peak


def test_edges_get_steeper_and_flat_places_stay() -> None:
    luma = np.full((48, 64), 80, np.uint8)
    luma[:, 32:] = 160
    before = picture_of(luma, "gray")
    after = Sharpen().apply(before, ()).planes[0].astype(int)
    assert after[24, 31] < 75
    assert after[24, 32] > 165
    assert set(after[:, :24].ravel()) == {80}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuva420p", "rgba"])
def test_chroma_and_alpha_stay(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Sharpen().apply(picture, ())
    for ours, theirs, plane in zip(output.planes, picture.planes, picture.format.planes, strict=True):
        for at, channel in enumerate(plane.channels):
            if channel in "uva":
                np.testing.assert_array_equal(np.atleast_3d(ours)[..., at], np.atleast_3d(theirs)[..., at])


def test_no_amount_is_no_work() -> None:
    picture = picture_of(texture())
    assert Sharpen(amount=0).apply(picture, ()) is picture
