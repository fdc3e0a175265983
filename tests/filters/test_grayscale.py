from __future__ import annotations

import cv2
import numpy as np
import pytest

from moviola.filters.builtin.grayscale import Grayscale
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj422p", "yuv420p10le", "nv12", "nv21", "yuva420p"])
def test_luma_stays_and_chroma_is_neutral(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Grayscale().apply(picture, ())
    for ours, theirs, plane in zip(output.planes, picture.planes, picture.format.planes, strict=True):
        if set(plane.channels) & set("uv"):
            assert np.unique(ours).tolist() == [1 << picture.format.depth - 1]
        else:
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgra", "gbrp", "gbrp10le"])
def test_red_green_and_blue_become_their_luma(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Grayscale().apply(picture, ())
    bgr = output.bgr
    assert np.ptp(bgr.astype(int), axis=2).max() == 0
    wanted = cv2.cvtColor(picture.bgr, cv2.COLOR_BGR2GRAY)
    assert np.abs(bgr[..., 0].astype(int) - wanted).max() <= 1


def test_deep_pictures_keep_their_bits() -> None:
    picture = Picture(noise("rgb48le", 63, 47))
    output = Grayscale().apply(picture, ())
    red, green, blue = (picture.planes[0][..., index].astype(float) for index in range(3))
    wanted = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(output.planes[0][..., 1] - wanted).max() < 2


def test_a_gray_picture_is_handed_on() -> None:
    picture = picture_of(texture(), "gray")
    assert Grayscale().apply(picture, ()) is picture
