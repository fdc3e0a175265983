from __future__ import annotations

import cv2
import numpy as np
import pytest

from moviola.filters.builtin.edges import Edges
from moviola.filters.picture import Picture
from tests.filters.frames import picture_of, texture


def scene() -> np.ndarray:
    image = texture()
    cv2.rectangle(image, (30, 20), (90, 70), 240, -1)
    return image


@pytest.mark.parametrize(
    ("pixel_format", "black", "white", "neutral"),
    [
        ("yuv420p", 16, 235, 128),
        ("yuvj420p", 0, 255, 128),
        ("yuv420p10le", 64, 940, 512),
        ("nv12", 16, 235, 128),
        ("yuv444p12le", 256, 3760, 2048),
    ],
)
def test_edges_are_white_on_black_without_colour(pixel_format: str, black: int, white: int, neutral: int) -> None:
    output = Edges().apply(picture_of(scene(), pixel_format), ())
    assert set(np.unique(output.planes[0])) == {black, white}
    for chroma in output.planes[1:]:
        assert (chroma == neutral).all()
    assert set(np.unique(output.bgr)) <= {0, *range(252, 256)}


def test_they_are_cannys() -> None:
    picture = picture_of(scene(), "yuvj420p")
    expected = cv2.Canny(picture.planes[0].copy(), 80, 200)
    np.testing.assert_array_equal(Edges(low=80, high=200).apply(picture, ()).planes[0], expected)


@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuv420p", "yuv420p10le", "bgr24"])
def test_thresholds_are_gradients_of_full_range_gray(pixel_format: str) -> None:
    step = np.full((48, 64), 100, np.uint8)
    step[:, 32:] += 40  # Sobel's gradient: four times that
    picture = picture_of(step, pixel_format)
    found = [(Edges(low=each, high=each).apply(picture, ()).gray > 128).any() for each in (150, 170)]
    assert found == [True, False]


def test_higher_thresholds_leave_fewer_edges() -> None:
    picture = picture_of(scene())
    counts = [
        int((Edges(low=low, high=high).apply(picture, ()).planes[0] == 235).sum())
        for low, high in ((10, 20), (50, 150), (400, 800))
    ]
    assert counts[0] > counts[1] > counts[2] > 0


def test_alpha_becomes_opaque() -> None:
    output = Edges().apply(picture_of(scene(), "yuva420p"), ())
    assert (output.planes[3] == 255).all()
    assert isinstance(output, Picture)
