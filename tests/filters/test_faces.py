from __future__ import annotations

import numpy as np
import pytest

from filters.faces import Faces
from tests.filters.frames import drawn_face, picture_of, texture

FACE = (100, 60, 64)  # x, y, size


def with_face() -> np.ndarray:
    x, y, size = FACE
    image = np.full((240, 320), 110, np.uint8)
    image[y : y + size, x : x + size] = drawn_face(size)
    return image


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "gray", "bgr24", "nv12"])
def test_a_face_is_found_noted_and_boxed(pixel_format: str) -> None:
    picture = picture_of(with_face(), pixel_format)
    output = Faces().apply(picture, ())
    (note,) = output.notes
    ((x, y, width, height),) = note["boxes"]
    assert note["filter"] == "faces"
    assert abs(x - FACE[0]) < 10
    assert abs(y - FACE[1]) < 10
    assert abs(width - FACE[2]) < 16
    assert abs(height - FACE[2]) < 16
    middle = output.bgr[y + height // 2, x - 1].astype(int)
    if pixel_format != "gray":
        assert middle[1] > middle[0] + 60
        assert middle[1] > middle[2] + 60


def test_a_large_picture_is_searched_at_a_smaller_size() -> None:
    image = np.full((960, 1280), 110, np.uint8)
    image[200:456, 400:656] = drawn_face(256)
    ((x, y, width, _),) = Faces().apply(picture_of(image), ()).notes[0]["boxes"]
    assert abs(x - 400) < 40
    assert abs(y - 200) < 40
    assert abs(width - 256) < 60


@pytest.mark.parametrize("image", [np.tile(texture(320, 8), (30, 1)), np.full((240, 320), 128, np.uint8)])
def test_no_face_no_box(image: np.ndarray) -> None:
    picture = picture_of(image)
    output = Faces().apply(picture, ())
    assert output.notes == ({"filter": "faces", "boxes": []},)
    assert output.frame is picture.frame


@pytest.mark.parametrize("seed", [5, 9, 10])
def test_what_one_detector_alone_takes_for_a_face_is_left_out(seed: int) -> None:
    picture = picture_of(texture(320, 240, seed))
    assert Faces(confirm=0).apply(picture, ()).notes[0]["boxes"]
    assert Faces().apply(picture, ()).notes[0]["boxes"] == []


def test_faces_below_the_smallest_size_are_left_out() -> None:
    assert Faces(min_size=120).apply(picture_of(with_face()), ()).notes[0]["boxes"] == []


def test_several_faces_come_in_a_fixed_order() -> None:
    image = np.full((240, 320), 110, np.uint8)
    for x in (20, 120, 220):
        image[80:144, x : x + 64] = drawn_face(64)
    boxes = Faces().apply(picture_of(image), ()).notes[0]["boxes"]
    assert len(boxes) == 3
    assert boxes == sorted(boxes)
