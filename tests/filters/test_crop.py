from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.base import UnsuitableSize
from moviola.filters.builtin.crop import Crop
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12", "rgb24", "gray"])
def test_samples_stay_what_they_are(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Crop(x=8, y=4, width=30, height=20).apply(picture, ())
    for ours, theirs, plane in zip(output.planes, picture.planes, picture.format.planes, strict=True):
        top, left = 4 // plane.step_y, 8 // plane.step_x
        np.testing.assert_array_equal(ours, theirs[top : top + ours.shape[0], left : left + ours.shape[1]])


def test_chroma_lies_where_luma_does_at_odd_places() -> None:
    """A colour that grows evenly to the right: each chroma sample has the value of the middle of its pixels."""
    start = Picture(noise("yuv420p", 64, 48)).copy()
    start.planes[1][...] = 40 + 4 * np.arange(32)  # 2 a pixel
    picture = start.seal()
    for x in range(6):
        got = Crop(x=x, y=3, width=21, height=11).apply(picture, ()).planes[1]
        assert got.shape == (6, 11)
        np.testing.assert_array_equal(got[:, :10], np.tile(40 + 2 * x + 4 * np.arange(10), (6, 1)))


def test_nothing_given_is_everything() -> None:
    picture = picture_of(texture())
    assert Crop().apply(picture, ()) is picture
    assert Crop(x=10, y=20).output_size(160, 120) == (150, 100)


@pytest.mark.parametrize("made", [Crop(x=160), Crop(y=120), Crop(x=1, width=160), Crop(height=121)])
def test_what_does_not_lie_in_the_picture_is_refused(made: Crop) -> None:
    with pytest.raises(UnsuitableSize, match="does not lie in the picture, which is 160x120"):
        made.output_size(160, 120)
    with pytest.raises(UnsuitableSize):
        made.apply(picture_of(texture()), ())


def test_boxes_are_cut_and_those_outside_left_out() -> None:
    boxes = [[0, 0, 20, 20], [30, 30, 10, 10], [100, 100, 20, 10]]
    noted = picture_of(texture()).with_notes({"filter": "faces", "boxes": boxes, "scores": [3.0, 2.0, 1.0]})
    (note,) = Crop(x=10, y=10, width=40, height=40).apply(noted, ()).notes
    assert note == {"filter": "faces", "boxes": [[0, 0, 10, 10], [20, 20, 10, 10]], "scores": [3.0, 2.0]}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"x": 500}, r"a rectangle at \(500, 0\) does not"),
        ({"width": 500}, r"a rectangle of width 500 at \(0, 0\) does not"),
        ({"width": 500, "height": 7}, r"a rectangle of width 500 and height 7 at \(0, 0\) does not"),
    ],
)
def test_the_refusal_names_what_was_asked_for_alone(asked: dict[str, int], words: str) -> None:
    with pytest.raises(UnsuitableSize, match=words):
        Crop(**asked).output_size(160, 120)
