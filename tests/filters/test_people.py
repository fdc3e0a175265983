from __future__ import annotations

import cv2
import numpy as np
import pytest

from moviola.filters.builtin.people import People
from tests.filters.frames import picture_of, texture
from tests.filters.patterns import compressed, patterns


def scene(x: int, y: int, height: int, size: tuple[int, int] = (320, 240)) -> np.ndarray:
    """A dark figure, `height` pixels tall, that stands on a bright ground: head, trunk, arms and parted legs."""
    image = np.full((size[1], size[0]), 190, np.uint8)
    unit = height / 96

    def at(across: float, down: float) -> tuple[int, int]:
        return round(x + across * unit), round(y + down * unit)

    def limb(start: tuple[float, float], stop: tuple[float, float], width: float) -> None:
        cv2.line(image, at(*start), at(*stop), 50, max(1, round(width * unit)), cv2.LINE_AA)

    cv2.ellipse(image, at(0, 8), (round(6 * unit), round(8 * unit)), 0, 0, 360, 60, -1, cv2.LINE_AA)
    limb((-5, 24), (-4, 50), 12)
    limb((5, 24), (4, 50), 12)
    for side in (-1, 1):
        limb((side * 9, 22), (side * 13, 50), 5)
        limb((side * 4, 50), (side * 6, 72), 8)
        limb((side * 6, 72), (side * 7, 93), 6)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.8 * unit), np.uint8)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "gray", "bgr24", "nv12"])
def test_someone_is_found_noted_and_boxed(pixel_format: str) -> None:
    output = People().apply(picture_of(scene(160, 60, 120), pixel_format), ())
    (note,) = output.notes
    ((x, y, width, height),) = note["boxes"]
    assert note["filter"] == "people"
    assert note["scores"][0] > 0.7
    assert abs(x + width / 2 - 160) < 15
    assert abs(y - 60) < 25
    assert abs(y + height - 180) < 25
    blue, green, red = output.bgr[y + height // 2, x - 1].astype(int)
    if pixel_format != "gray":
        assert min(red, green) > blue + 60


def test_someone_who_fills_the_picture_is_found() -> None:
    (note,) = People().apply(picture_of(scene(120, 4, 232, (240, 240))), ()).notes
    ((_, y, _, height),) = note["boxes"]
    assert y < 40
    assert y + height > 200


def test_someone_small_is_found_when_the_picture_is_searched_in_detail() -> None:
    picture = picture_of(scene(320, 240, 50, (640, 480)))
    assert People(detail=320).apply(picture, ()).notes[0]["boxes"] == []
    ((x, y, width, height),) = People(detail=1280).apply(picture, ()).notes[0]["boxes"]
    assert x < 320 < x + width
    assert y < 265 < y + height


def test_each_is_boxed_once_and_in_a_fixed_order() -> None:
    image = np.minimum(scene(80, 60, 120), scene(240, 60, 120))
    boxes = People(scale=1.05).apply(picture_of(image), ()).notes[0]["boxes"]
    assert len(boxes) == 2
    assert boxes == sorted(boxes)


@pytest.mark.parametrize(
    "image", [texture(320, 240), np.full((240, 320), 128, np.uint8), np.zeros((20, 300), np.uint8)]
)
def test_nobody_no_box(image: np.ndarray) -> None:
    picture = picture_of(image)
    output = People().apply(picture, ())
    assert output.notes == ({"filter": "people", "boxes": [], "scores": []},)
    assert output.frame is picture.frame


def test_a_higher_score_asks_for_more() -> None:
    picture = picture_of(scene(160, 60, 120))
    (score,) = People().apply(picture, ()).notes[0]["scores"]
    assert People(score=score + 0.5).apply(picture, ()).notes[0]["boxes"] == []


@pytest.mark.parametrize(("size", "is_clean"), [((640, 360), True), ((320, 240), True), ((320, 240), False)])
def test_nobody_is_found_in_patterns_and_letters(size: tuple[int, int], is_clean: bool) -> None:
    found = {}
    for name, image in patterns(*size):
        seen = image if is_clean else compressed(image)
        found[name] = People().apply(picture_of(seen), ()).notes[0]["boxes"]
    assert {name: boxes for name, boxes in found.items() if boxes} == {}
