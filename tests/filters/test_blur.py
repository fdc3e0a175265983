from __future__ import annotations

import cv2
import numpy as np
import pytest

from moviola.filters.builtin.blur import Blur
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


@pytest.mark.parametrize("radius", [1, 2, 7, 30])
@pytest.mark.parametrize("pixel_format", ["gray", "yuv420p", "yuv420p10le", "gray16le", "rgb24"])
def test_full_size_planes_are_opencvs_gaussian(radius: int, pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Blur(radius=radius).apply(picture, ())
    size = 2 * radius + 1
    np.testing.assert_array_equal(output.planes[0], cv2.GaussianBlur(picture.planes[0].copy(), (size, size), 0))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "nv12", "yuv420p10le", "yuv411p"])
def test_small_chroma_looks_as_if_blurred_at_full_size(pixel_format: str) -> None:
    start = Picture(noise(pixel_format, 128, 96)).copy()
    layout = start.format.planes[1]
    full = np.zeros((96, 128), np.float32)
    full[32:64, 32:96] = start.format.peak
    small = cv2.resize(full, (128 // layout.step_x, 96 // layout.step_y), interpolation=cv2.INTER_AREA)
    for chroma in start.planes[1:]:
        chroma[...] = small[..., None] if chroma.ndim == 3 else small

    blurred = Blur(radius=7).apply(start.seal(), ()).planes[1]

    one = blurred[..., 0] if blurred.ndim == 3 else blurred
    shown = cv2.resize(one.astype(np.float32), (128, 96), interpolation=cv2.INTER_LINEAR)
    expected = cv2.GaussianBlur(full, (15, 15), 0)
    assert np.abs(shown - expected).max() < 0.08 * start.format.peak


@pytest.mark.parametrize("pixel_format", ["yuva420p", "rgba", "argb", "gbrap", "ya8", "rgba64le"])
def test_alpha_stays_sharp(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Blur().apply(picture, ())
    found = False
    for ours, theirs, plane in zip(output.planes, picture.planes, picture.format.planes, strict=True):
        if "a" in plane.channels:
            at = plane.channels.index("a")
            found = True
            np.testing.assert_array_equal(np.atleast_3d(ours)[..., at], np.atleast_3d(theirs)[..., at])
    assert found


def test_a_flat_picture_stays_flat() -> None:
    picture = picture_of(np.full((48, 64), 90, np.uint8))
    for ours, theirs in zip(Blur().apply(picture, ()).planes, picture.planes, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_outputs_use_the_same_frame_again() -> None:
    picture = picture_of(texture())
    addresses = {Blur().apply(picture, ()).frame.planes[0].buffer_ptr for _ in range(20)}
    assert len(addresses) == 1
