from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.builtin.denoise import _ROWS, Denoise
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


def error(one: Picture, other: Picture) -> float:
    """Root of the mean squared difference of light, of 255."""
    difference = one.planes[0].astype(float) - other.planes[0]
    return float(np.sqrt(np.square(difference).mean())) * 255 / one.format.peak


@pytest.mark.parametrize("pixel_format", ["gray", "yuvj420p", "gray10le", "gray16le"])
@pytest.mark.parametrize("sigma", [4, 10])
def test_noise_goes_and_the_picture_stays(pixel_format: str, sigma: int) -> None:
    scene = texture() // 4 + 60  # no steeper than what a camera sees
    scene[40:80, 60:100] = 230  # edges
    clean = picture_of(scene, pixel_format)
    start = clean.copy()
    added = np.random.default_rng(1).normal(0, sigma * clean.format.peak / 255, start.planes[0].shape)
    start.planes[0][...] = np.clip(start.planes[0] + added, 0, clean.format.peak)
    noisy = start.seal()
    assert error(Denoise(strength=1.2 * sigma).apply(noisy, ()), clean) < 0.6 * error(noisy, clean)


def test_edges_beyond_the_strength_stay() -> None:
    luma = np.full((48, 64), 60, np.uint8)
    luma[:, 32:] = 180
    picture = picture_of(luma, "gray")
    difference = np.abs(Denoise().apply(picture, ()).planes[0].astype(int) - picture.planes[0])
    assert difference.max() <= 3


@pytest.mark.parametrize("pixel_format", ["gray", "yuv420p10le", "nv12", "rgb24"])
def test_strips_do_not_show(pixel_format: str) -> None:
    """What lies far above a strip's border has no say in it, and what lies near has."""
    whole = Picture(noise(pixel_format, 40, 3 * _ROWS + 5))
    start = whole.blank(40, _ROWS + 25)
    for target, plane, layout in zip(start.planes, whole.planes, whole.format.planes, strict=True):
        target[...] = plane[(_ROWS - 20) // layout.step_y :][: len(target)]
    part = Denoise(strength=40, radius=4).apply(start.seal(), ()).planes[0]
    all_of_it = Denoise(strength=40, radius=4).apply(whole, ()).planes[0]
    np.testing.assert_array_equal(part[4:-4], all_of_it[_ROWS - 16 : 2 * _ROWS + 1])


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay(value: int) -> None:
    picture = picture_of(np.full((48, 64), value, np.uint8), "gray16le")
    np.testing.assert_array_equal(Denoise(strength=100).apply(picture, ()).planes[0], picture.planes[0])


@pytest.mark.parametrize("pixel_format", ["yuva420p", "rgba"])
def test_alpha_stays(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Denoise(strength=50).apply(picture, ())
    np.testing.assert_array_equal(np.atleast_3d(output.planes[-1])[..., -1], np.atleast_3d(picture.planes[-1])[..., -1])
