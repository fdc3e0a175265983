from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from moviola.filters.builtin.motion import Motion
from moviola.filters.picture import Picture
from tests.filters.frames import picture_of, texture

SCENE = texture(320, 240)
THING = np.kron(np.random.default_rng(3).integers(0, 2, (10, 10)), np.full((4, 4), 255)).astype(np.uint8)


ZOOM = np.array([[1.01, 0, 4.4], [0, 1.01, 1.8]], np.float32)  # about the middle, with a shift of (6, 3)


def with_square(x: int, y: int = 100, size: int = 40) -> np.ndarray:
    image = SCENE.copy()
    image[y : y + size, x : x + size] = THING[:size, :size]
    return image


def compared(before: np.ndarray, after: np.ndarray, pixel_format: str = "yuv420p", **parameters: Any) -> dict[str, Any]:
    output = Motion(**parameters).apply(picture_of(after, pixel_format), (picture_of(before, pixel_format),))
    return dict(output.notes[-1])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "gray", "rgb24"])
def test_what_moved_is_boxed(pixel_format: str) -> None:
    note = compared(with_square(100), with_square(112), pixel_format)
    ((x, y, width, height),) = note["boxes"]
    assert (80 <= x <= 105, 147 <= x + width <= 170) == (True, True)  # from where it was to where it is
    assert (80 <= y <= 105, 135 <= y + height <= 160) == (True, True)
    assert 0 < note["score"] < 0.05
    assert note["global"] is False


def test_two_things_have_two_boxes() -> None:
    before, after = with_square(40, 30), with_square(48, 30)
    before[180:220, 240:280] = THING
    after[170:210, 240:280] = THING
    assert len(compared(before, after)["boxes"]) == 2


def test_the_box_is_drawn_around_it() -> None:
    output = Motion().apply(picture_of(with_square(112)), (picture_of(with_square(100)),))
    x, y, _, height = output.notes[-1]["boxes"][0]
    blue, green, red = output.bgr[y + height // 2, x - 1].astype(int)
    assert red > blue + 60
    assert red > green + 60


def test_nothing_moved() -> None:
    picture = picture_of(SCENE)
    output = Motion().apply(picture, (picture_of(SCENE),))
    assert output.notes == ({"filter": "motion", "score": 0.0, "boxes": [], "global": False},)
    assert output.frame is picture.frame


def test_the_first_frame_has_nothing_to_be_compared_with() -> None:
    assert Motion().apply(picture_of(SCENE), ()).notes[0]["boxes"] == []


def test_a_picture_of_another_size_is_not_compared() -> None:
    assert Motion().apply(picture_of(SCENE), (picture_of(texture(64, 48)),)).notes[0]["score"] == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image + 25,
        lambda image: image - 30,
        lambda image: (image - 128) * 1.3 + 128,
        lambda image: image * 0.75,
        lambda image: np.roll(image, 6, 1),
        lambda image: np.roll(image, (-5, 7), (0, 1)),
        lambda image: cv2.warpAffine(image, ZOOM, (320, 240), borderMode=cv2.BORDER_REFLECT),
        lambda image: image + np.random.default_rng(0).normal(0, 6, image.shape),
    ],
    ids=["brighter", "darker", "contrast", "dimmed", "pan", "diagonal", "pan and zoom", "noise"],
)
def test_light_and_camera_are_nobody_moving(change: Any) -> None:
    after = np.clip(change(SCENE.astype(np.float32)), 0, 255).astype(np.uint8)
    assert compared(SCENE, after)["boxes"] == []


def test_something_moving_is_found_while_the_camera_pans() -> None:
    before, after = with_square(100), np.roll(with_square(125), 6, 1)
    boxes = compared(before, after)["boxes"]
    assert boxes
    assert all(x >= 90 and x + width <= 190 and y >= 80 and y + height <= 160 for x, y, width, height in boxes)


def test_boxes_that_overlap_are_one() -> None:
    before, after = SCENE.copy(), SCENE.copy()
    after[40:200, 40:60] = after[180:200, 40:200] = 250  # an L, and a square in its arms that does not touch it
    after[100:140, 110:150] = 250
    ((x, y, width, height),) = compared(before, after)["boxes"]
    assert (x < 42, y < 42, x + width > 198, y + height > 198) == (True,) * 4


def test_a_cut_has_a_score_and_no_boxes() -> None:
    note = compared(SCENE, texture(320, 240, seed=9))
    assert note["global"] is True
    assert note["boxes"] == []
    assert note["score"] > 0.3


def test_min_area_leaves_small_things_out() -> None:
    before, after = with_square(100, size=12), with_square(108, size=12)
    assert len(compared(before, after, min_area=0.1)["boxes"]) == 1
    assert compared(before, after, min_area=5.0)["boxes"] == []


def test_threshold_leaves_faint_things_out() -> None:
    faint = SCENE.copy()
    cv2.circle(faint, (160, 120), 20, int(SCENE[120, 160]), -1)
    faint[100:140, 140:180] = np.clip(SCENE[100:140, 140:180].astype(int) + 30, 0, 255)
    assert compared(SCENE, faint, threshold=10)["boxes"]
    assert compared(SCENE, faint, threshold=120)["boxes"] == []


def test_the_shrunk_picture_is_made_once() -> None:
    first, second, third = (picture_of(with_square(x)) for x in (100, 110, 120))
    Motion().apply(second, (first,))
    shrunk = second.memo("motion", lambda: None)
    assert shrunk is not None
    Motion().apply(third, (second,))
    assert second.memo("motion", lambda: None) is shrunk
    assert isinstance(third, Picture)
