from __future__ import annotations

import cv2
import numpy as np
import pytest

from filters.edges import Edges
from filters.picture import Picture
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


def test_thresholds_mean_the_same_in_limited_range() -> None:
    full, limited = (Edges().apply(picture_of(scene(), each), ()) for each in ("yuvj420p", "yuv420p"))
    different = (full.planes[0] > 128) != (limited.planes[0] > 128)
    assert different.mean() < 0.03


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
