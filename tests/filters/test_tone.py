"""Brightness and contrast: the same on every kind of picture."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.base import Filter
from moviola.filters.builtin.brightness import Brightness
from moviola.filters.builtin.contrast import Contrast
from moviola.filters.picture import Picture, channels_of
from tests.filters.frames import noise, picture_of

ALL = ["yuv420p", "yuvj420p", "yuv420p10le", "yuv444p12le", "nv12", "gray", "gray16le", "rgb24", "gbrp10le", "rgba64le"]
RAMP = np.tile(np.arange(256, dtype=np.uint8), (4, 1))


def shown(picture: Picture) -> NDArray[np.float64]:
    """The light of the first row, 0 to 1."""
    black, white = (
        (0, picture.format.peak) if picture.format.is_rgb else picture.colour.luma_levels(picture.format.depth)
    )
    samples: NDArray[np.float64] = channels_of(picture.planes[0])[0][0].astype(np.float64)
    return (samples - black) / (white - black)


@pytest.mark.parametrize("pixel_format", ALL)
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (Brightness(amount=25), lambda light: light + 0.25),
        (Brightness(amount=-40), lambda light: light - 0.4),
        (Contrast(factor=1.5), lambda light: 0.5 + (light - 0.5) * 1.5),
        (Contrast(factor=0.25), lambda light: 0.5 + (light - 0.5) * 0.25),
    ],
)
def test_light_means_the_same_in_every_format(pixel_format: str, made: Filter, expected) -> None:  # type: ignore[no-untyped-def]
    picture = picture_of(RAMP, pixel_format)
    wanted = np.clip(expected(shown(picture)), 0, 1)
    assert np.abs(shown(made.apply(picture, ())) - wanted).max() <= 0.5 / 219 + 1e-9


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuvj444p", "yuv444p10le"])
def test_contrast_of_planes_looks_like_contrast_of_red_green_and_blue(pixel_format: str) -> None:
    rng = np.random.default_rng(3)
    colours = rng.integers(90, 166, (8, 8, 3), dtype=np.uint8)
    start = Picture(av.VideoFrame(8, 8, pixel_format)).with_bgr(colours)
    got = Contrast(factor=1.5).apply(start, ()).bgr.astype(int)
    wanted = 127.5 + (start.bgr.astype(float) - 127.5) * 1.5
    assert np.abs(got - wanted).max() <= 4


@pytest.mark.parametrize("made", [Brightness(amount=0), Contrast(factor=1)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "rgba", "ya16le"])
def test_no_change_keeps_every_sample_also_beyond_black_and_white(made: Filter, pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    for ours, theirs in zip(made.apply(picture, ()).planes, picture.planes, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_limited_range_is_cut_at_its_own_black_and_white() -> None:
    picture = picture_of(RAMP, "yuv420p")
    bright, dark = (Brightness(amount=each).apply(picture, ()).planes[0] for each in (100, -100))
    assert (int(bright.max()), int(bright.min())) == (235, 235)
    assert (int(dark.max()), int(dark.min())) == (16, 16)


@pytest.mark.parametrize("pixel_format", ["rgba", "argb", "ya8", "yuva420p", "rgba64le"])
def test_alpha_stays(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 8, 8))
    output = Brightness(amount=50).apply(picture, ())
    for ours, theirs, plane in zip(output.planes, picture.planes, picture.format.planes, strict=True):
        if "a" in plane.channels:
            at = plane.channels.index("a")
            np.testing.assert_array_equal(np.atleast_3d(ours)[..., at], np.atleast_3d(theirs)[..., at])
