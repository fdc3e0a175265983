from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.builtin.flip import Flip
from moviola.filters.picture import Picture
from tests.filters.frames import noise, picture_of, texture

STEPS = {"horizontal": (1, -1), "vertical": (-1, 1), "both": (-1, -1)}


@pytest.mark.parametrize("direction", STEPS)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "nv12", "rgb24", "rgba64le", "gray"])
def test_each_plane_is_mirrored(direction: str, pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = Flip(direction=direction).apply(picture, ())
    down, across = STEPS[direction]
    for ours, theirs in zip(output.planes, picture.planes, strict=True):
        np.testing.assert_array_equal(ours, theirs[::down, ::across])


def test_boxes_are_mirrored() -> None:
    noted = picture_of(texture()).with_notes({"filter": "faces", "boxes": [[10, 20, 30, 40]]})
    boxes = {each: Flip(direction=each).apply(noted, ()).notes[0]["boxes"] for each in STEPS}
    assert boxes == {"horizontal": [[120, 20, 30, 40]], "vertical": [[10, 60, 30, 40]], "both": [[120, 60, 30, 40]]}
