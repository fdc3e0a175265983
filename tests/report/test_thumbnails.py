"""Small pictures out of results: the frame that is asked for is the frame that comes, in any container."""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.report import thumbnails
from moviola.report.gather import spread
from moviola.report.thumbnails import LONG_SIDE, Budget, NoPictures, frames_at, picture_of, thumbnail

COUNT, GOP = 50, 12


@pytest.fixture(scope="module", params=["mp4", "mkv"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frame n has the brightness 4 n + 20; with B-frames, so that packets come in another order than frames."""
    path = tmp_path_factory.mktemp("film") / f"film.{request.param}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=2:open-gop=0", "crf": "10"}
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64), 4 * index + 20, np.uint8), format="gray")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shown(path: Path, *wanted: int) -> list[tuple[int, int]]:
    """Each frame's number, and the number that its brightness tells."""
    with path.open("rb", buffering=0) as file:
        found = [(number, pixels) for number, pixels, _ in frames_at(file, path.stat().st_size, wanted)]
    return [(number, round((float(np.median(pixels)) - 20) / 4)) for number, pixels in found]


def test_each_frame_that_is_asked_for_comes(film: Path) -> None:
    wanted = [0, 1, 11, 12, 13, 30, 31, 47, 49]
    assert [number for number, _ in shown(film, *wanted)] == wanted
    assert [told for _, told in shown(film, *wanted)] == wanted


def test_frames_that_are_not_there_are_left_out(film: Path) -> None:
    assert [number for number, _ in shown(film, 48, COUNT, 1000)] == [48]


def test_what_is_no_film_says_so() -> None:
    with pytest.raises(NoPictures, match="cannot be decoded here"):
        list(frames_at(io.BytesIO(b"no film" * 100), 700, [0]))  # type: ignore[arg-type]


def test_too_large_pictures_are_not_decoded(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "MAX_DECODED_PIXELS", 1000)
    with pytest.raises(NoPictures, match="too many for a report"):
        shown(film, 0)


def test_a_thumbnail_is_small_and_keeps_its_shape() -> None:
    made = thumbnail(np.zeros((400, 1000, 3), np.uint8), "frame 1")
    assert (made.width, made.height) == (LONG_SIDE, 128)
    wide = thumbnail(np.zeros((480, 720, 3), np.uint8), "frame 1", shape=32 / 27)
    assert (wide.width, wide.height) == (320, 180)
    small = thumbnail(np.zeros((9, 16, 3), np.uint8), "frame 1")
    assert (small.width, small.height) == (16, 9)
    assert picture_of(small.jpeg).shape == (9, 16, 3)


def test_a_picture_with_transparency_stands_on_white() -> None:
    pixels: NDArray[np.uint16] = np.zeros((4, 4, 4), np.uint16)
    pixels[:2, :, 3] = 65535
    shown = picture_of(cv2.imencode(".png", pixels)[1].tobytes())
    assert (shown[0, 0].tolist(), shown[3, 3].tolist()) == ([0, 0, 0], [255, 255, 255])


def test_a_grey_picture_has_three_channels() -> None:
    assert picture_of(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()).shape == (4, 4, 3)


def test_what_is_no_picture_says_so() -> None:
    with pytest.raises(NoPictures):
        picture_of(b"no picture")


def test_a_budget_ends_with_its_bytes_or_its_time() -> None:
    one = thumbnail(np.zeros((9, 16, 3), np.uint8), "x")
    budget = Budget(lambda: False, size=2 * len(one.jpeg))
    assert [budget.take(one), budget.take(one), budget.take(one)] == [True, True, False]
    assert budget.is_spent
    assert "no room" in budget.reason
    late = Budget(lambda: True)
    assert late.is_spent
    assert "too long" in late.reason


def test_what_is_shown_of_many_is_spread_over_them() -> None:
    assert spread(list(range(100)), 5) == [0, 25, 50, 74, 99]
    assert spread([3, 4], 5) == [3, 4]
