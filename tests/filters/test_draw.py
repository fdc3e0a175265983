from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.picture import Picture
from moviola.filters.toolbox.draw import draw_boxes
from tests.filters.frames import FORMATS, SIZES, memory, noise


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_a_box_is_drawn_and_the_rest_untouched(pixel_format: str) -> None:
    frame = noise(pixel_format, 160, 120)
    before = memory(frame)
    picture = Picture(frame)
    output = draw_boxes(picture, [(40, 32, 64, 40)], "green", 4)
    assert memory(frame) == before
    for ours, theirs, plane in zip(output.planes, picture.planes, picture.format.planes, strict=True):
        for top, bottom, left, right in ((36, 68, 44, 100), (0, 24, 0, 160)):  # inside the box, above it
            rows = slice(top // plane.step_y, bottom // plane.step_y)
            columns = slice(left // plane.step_x, right // plane.step_x)
            np.testing.assert_array_equal(ours[rows, columns], theirs[rows, columns])
    if "gray" in pixel_format or pixel_format.startswith(("ya", "yuv41")):
        return  # no green in gray, and a blend of colours where one chroma sample covers four pixels
    for row, column in ((29, 60), (74, 60), (50, 37), (50, 106)):
        np.testing.assert_allclose(output.bgr[row, column], (0, 255, 0), atol=40)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0, 0, 64, 48), (60, 40, 4, 8), (0, 0, 1000, 1000)])
def test_boxes_at_the_border_are_cut(width: int, height: int, box: tuple[int, int, int, int]) -> None:
    output = draw_boxes(Picture(noise("yuv420p", width, height)), [box], "red", 0)
    assert output.planes[0].shape == (height, width)


def test_no_boxes_copy_nothing() -> None:
    picture = Picture(noise("yuv420p", 64, 48))
    assert draw_boxes(picture, [], "red", 2) is picture


def test_chroma_follows_to_the_last_odd_row_and_column() -> None:
    output = draw_boxes(Picture(noise("yuv420p", 63, 47)), [(10, 10, 100, 100)], "red", 1)
    red = output.colour.samples((255, 0, 0), output.format)
    assert (output.planes[0][46, 10:] == red["y"]).all()
    assert (output.planes[1][23, 5:] == red["u"]).all()
    assert (output.planes[2][5:, 31] == red["v"]).all()
