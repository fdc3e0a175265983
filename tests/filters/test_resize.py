from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.base import UnsuitableSize
from moviola.filters.builtin.resize import Resize
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture


@pytest.mark.parametrize(
    ("made", "before", "after"),
    [
        (Resize(width=322), (640, 480), (322, 242)),
        (Resize(width=321), (640, 480), (321, 240)),
        (Resize(height=240), (640, 480), (320, 240)),
        (Resize(height=241), (640, 480), (322, 241)),
        (Resize(width=300, height=300), (640, 480), (300, 224)),
        (Resize(width=300, height=300), (480, 640), (224, 300)),
        (Resize(width=300, height=100, aspect=False), (640, 480), (300, 100)),
        (Resize(width=300, aspect=False), (640, 480), (300, 480)),
        (Resize(width=1280), (640, 480), (1280, 960)),
        (Resize(width=63), (63, 47), (63, 47)),
        (Resize(), (63, 47), (63, 47)),
        (Resize(width=1), (64, 2), (1, 1)),
        (Resize(width=101, height=101), (1000, 1003), (100, 101)),
    ],
)
def test_sizes(made: Resize, before: tuple[int, int], after: tuple[int, int]) -> None:
    assert made.output_size(*before) == after


def test_the_proportions_never_make_more_than_was_asked_for() -> None:
    for width in range(1, 60):
        size = Resize(width=37, height=23).output_size(width, 40)
        assert size[0] <= 37
        assert size[1] <= 23
        assert size[0] == 37 or size[1] == 23


def test_a_side_that_would_grow_out_of_bounds_is_refused() -> None:
    with pytest.raises(UnsuitableSize, match="100x1000 would become 1000x10000, and the limit is 8192 pixels a side"):
        Resize(width=1000).output_size(100, 1000)


def test_nothing_to_do_copies_nothing() -> None:
    picture = picture_of(texture())
    assert Resize(width=160).apply(picture, ()) is picture


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le", "gray", "rgb24", "nv12", "gray16le"])
def test_shrinking_by_two_is_the_mean_of_four(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 64, 48))
    output = Resize(width=32).apply(picture, ())
    for ours, theirs in zip(output.planes, picture.planes, strict=True):
        rows, columns = ours.shape[:2]
        four = theirs.astype(float).reshape(rows, 2, columns, 2, -1).mean(axis=(1, 3)).reshape(ours.shape)
        assert np.abs(ours - four).max() <= 0.5


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p12le", "rgb24"])
def test_growing_keeps_what_is_there_and_the_depth(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 16, 12))
    output = Resize(width=160).apply(picture, ())
    assert max(int(plane.max()) for plane in output.planes) <= picture.format.peak
    smooth = Picture(picture_of(texture(64, 48), pixel_format).frame)
    there_and_back = Resize(width=64).apply(Resize(width=256).apply(smooth, ()).seal(), ())
    worst = np.abs(there_and_back.planes[0].astype(int) - smooth.planes[0]).max()
    assert worst <= 0.01 * smooth.format.peak + 1


def test_one_side_may_shrink_while_the_other_grows() -> None:
    picture = picture_of(np.tile(np.array([50, 200], np.uint8), (48, 32)))
    output = Resize(width=32, height=96, aspect=False).apply(picture, ())
    assert output.planes[0].shape == (96, 32)
    assert np.ptp(output.planes[0]) <= 1


def test_boxes_go_along() -> None:
    noted = picture_of(texture()).with_notes({"filter": "faces", "boxes": [[16, 12, 32, 24]], "scores": [1.0]})
    (note,) = Resize(width=80).apply(noted, ()).notes
    assert note == {"filter": "faces", "boxes": [[8, 6, 16, 12]], "scores": [1.0]}
