from __future__ import annotations

import numpy as np
import pytest

from moviola.filters.builtin.background import Background, median
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner
from tests.filters.frames import picture_of, texture


def scene(index: int, *, thing: bool = True, pixel_format: str = "yuv420p", shade: int = 230) -> Picture:
    """A ground with noise, and a thing of 40 × 30 pixels that crosses it in 30 frames."""
    image = texture(320, 240).astype(int) + np.random.default_rng(index).integers(-4, 5, (240, 320))
    if thing:
        left = 20 + 8 * index
        image[100:130, left : left + 40] = shade
    return picture_of(np.clip(image, 0, 255).astype(np.uint8), pixel_format, index)


def run(made: Background, pictures: list[Picture]) -> list[Picture]:
    runner = ChainRunner([made])
    return [runner.run(picture) for picture in pictures]


@pytest.mark.parametrize("count", range(1, 26))
def test_the_median_is_the_median(count: int) -> None:
    random = np.random.default_rng(count)
    stack = random.integers(0, 256, (count, 6, 7, 3), dtype=np.uint8)
    assert np.array_equal(median(list(stack)), np.sort(stack, axis=0)[(count - 1) // 2])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "gray", "rgb24", "nv12"])
def test_what_moves_is_white_and_the_ground_black(pixel_format: str) -> None:
    outputs = run(Background(window=20), [scene(index, pixel_format=pixel_format) for index in range(24)])
    mask = outputs[-1].gray
    black, white = outputs[-1].gray_levels
    left = 20 + 8 * 23
    assert (mask[104:126, left + 4 : left + 36] == white).all()
    around = np.ones_like(mask, bool)
    around[94:136, left - 6 : left + 46] = False
    assert (mask[around] == black).mean() > 0.999
    assert set(np.unique(mask)) <= {black, white}
    (note,) = outputs[-1].notes
    assert note["filter"] == "background"
    assert abs(note["score"] - 40 * 30 / (320 * 240)) < 0.006


def test_the_first_frame_is_its_own_ground() -> None:
    (first,) = run(Background(), [scene(0)])
    assert first.notes[0]["score"] == 0
    assert (first.gray == first.gray_levels[0]).all()


def test_what_stays_longer_than_the_window_becomes_ground() -> None:
    still = [scene(10) for _ in range(8)]
    scores = [
        each.notes[0]["score"] for each in run(Background(window=6, samples=7), [scene(0, thing=False)] * 4 + still)
    ]
    assert scores[4] > 0.01
    assert scores[-1] == 0


def test_a_thing_of_another_colour_but_the_grounds_brightness_is_seen() -> None:
    plain, coloured = np.full((240, 320, 3), 120, np.uint8), np.full((240, 320, 3), 120, np.uint8)
    coloured[100:140, 100:160] = (190, 100, 120)  # blue, green, red: as bright as the ground
    start = scene(0)
    outputs = run(Background(window=4), [start.with_bgr(each) for each in (plain, plain, plain, coloured)])
    assert outputs[-1].notes[0]["score"] > 0.02


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "rgb24"])
def test_the_foreground_is_cut_out(pixel_format: str) -> None:
    pictures = [scene(index, pixel_format=pixel_format) for index in range(24)]
    output = run(Background(window=20, show="foreground"), pictures)[-1]
    left = 20 + 8 * 23
    inside = np.s_[104:126, left + 4 : left + 36]
    for before, after in zip(pictures[-1].planes, output.planes, strict=True):
        if before.shape[:2] == (240, 320):
            assert np.array_equal(before[inside], after[inside])
    assert output.bgr[:90].max() <= 2


def test_a_higher_threshold_shows_less() -> None:
    pictures = [scene(index, shade=150) for index in range(24)]
    scores = [run(Background(window=20, threshold=each), pictures)[-1].notes[0]["score"] for each in (10, 40, 200)]
    assert scores[0] > scores[1] > scores[2] == 0


def test_frames_of_another_size_or_format_are_left_out() -> None:
    small = picture_of(np.zeros((120, 160), np.uint8))
    output = Background().apply(scene(0), (small, scene(0, pixel_format="gray")))
    assert output.notes[0]["score"] == 0
