from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.builtin.metadata import Metadata
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner

SIZE = (144, 256)


def gray_picture(samples: NDArray[Any], pixel_format: str = "gray") -> Picture:
    return Picture(av.VideoFrame.from_ndarray(np.clip(samples, 0, 255).astype(np.uint8), pixel_format))


def scene(seed: int) -> NDArray[Any]:
    """Patches of grey, unlike those of another seed."""
    return np.kron(np.random.default_rng(seed).integers(20, 236, (9, 16)), np.ones((16, 16)))


def notes(pictures: Sequence[NDArray[Any]]) -> list[dict[str, Any]]:
    runner = ChainRunner([Metadata()])
    made = [runner.run(gray_picture(each)) for each in pictures]
    return [dict(picture.notes[0]) for picture in made]


def cuts(pictures: Sequence[NDArray[Any]]) -> list[int]:
    return [index for index, note in enumerate(notes(pictures)) if note["cut"]]


def moved(samples: NDArray[Any], by: int) -> NDArray[Any]:
    return np.roll(samples, by, axis=1)


def test_the_picture_stays_as_it_is() -> None:
    picture = gray_picture(scene(1))
    assert Metadata().apply(picture, ()).frame is picture.frame


@pytest.mark.parametrize(("level", "brightness"), [(0, 0.0), (255, 1.0), (51, 0.2)])
def test_brightness_is_between_black_and_white(level: int, brightness: float) -> None:
    (note,) = notes([np.full(SIZE, level)])
    assert (note["brightness"], note["contrast"], note["motion"], note["cut"]) == (brightness, 0.0, 0.0, False)


def test_limited_range_counts_from_its_own_black_and_white() -> None:
    for level, brightness in ((16, 0.0), (235, 1.0), (255, 1.0), (3, 0.0)):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.planes[0].update(bytes([level]) * frame.planes[0].buffer_size)
        note = Metadata().apply(Picture(frame), ()).notes[0]
        assert note["brightness"] == brightness


def test_contrast_is_greatest_between_black_and_white() -> None:
    half = np.zeros(SIZE)
    half[:, 128:] = 255
    assert notes([half])[0]["contrast"] == pytest.approx(0.5, abs=0.01)


def test_motion_is_the_mean_change() -> None:
    assert notes([np.full(SIZE, 100), np.full(SIZE, 151)])[1]["motion"] == 0.2


def test_a_new_scene_is_a_cut_and_its_next_frames_are_none() -> None:
    film = [moved(scene(1), i) for i in range(5)] + [moved(scene(2), 2 * i) for i in range(5)] + [scene(3)] * 2
    assert cuts(film) == [5, 10]


def test_of_the_second_frame_nobody_knows_whether_it_is_sudden() -> None:
    assert cuts([scene(1), scene(2), scene(2)]) == []


def test_lamps_flashes_and_pans_are_none() -> None:
    lamp = [scene(1) * 0.5] * 4 + [scene(1)] * 4
    flash = [scene(1)] * 4 + [scene(1) * 0.3 + 175] + [scene(1)] * 4
    pan = [moved(scene(1), 12 * i) for i in range(20)]
    speeding = [moved(scene(1), i * i // 4) for i in range(20)]
    for film in (lamp, flash, pan, speeding):
        assert cuts(film) == []


def test_grain_is_none() -> None:
    grain = np.random.default_rng(0).normal(0, 20, (6, *SIZE))
    assert cuts([np.full(SIZE, 128) + each for each in grain]) == []


def test_another_size_midway_is_compared_with_nothing() -> None:
    runner = ChainRunner([Metadata()])
    runner.run(gray_picture(scene(1)))
    note = runner.run(gray_picture(scene(2)[:100])).notes[0]
    assert (note["motion"], note["cut"]) == (0.0, False)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 5)])
def test_small_pictures(size: tuple[int, int]) -> None:
    low, high = notes([np.zeros(size), np.full(size, 255)])
    assert (low["brightness"], high["brightness"], high["motion"]) == (0.0, 1.0, 1.0)
