from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moviola.filters.assets import Asset, AssetError
from moviola.filters.builtin.faces import Faces
from moviola.filters.picture import Picture
from moviola.filters.schema import ParameterError
from tests.filters import yunet_model
from tests.filters.conftest import Sent
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
    assert note["scores"][0] >= 4
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
    assert output.notes == ({"filter": "faces", "boxes": [], "scores": []},)
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


def test_a_face_is_boxed_once() -> None:
    """The cascades find it at several sizes and places, all within each other."""
    image = np.full((480, 640), 110, np.uint8)
    image[60:316, 100:356] = drawn_face(256)
    image[300:396, 330:426] = drawn_face(96)
    (note,) = Faces(neighbors=1, scale=1.05).apply(picture_of(image), ()).notes
    assert len(note["boxes"]) == 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, sent: Sent) -> Asset:
    return sent(yunet_model.write(tmp_path_factory.mktemp("model") / "white.onnx"))


def white_cell(width: int, height: int, x: int, y: int, side: int = 8) -> Picture:
    image = np.zeros((height, width), np.uint8)
    image[y : y + side, x : x + side] = 255
    return picture_of(image, "yuvj420p")


def test_a_model_finds_what_it_was_made_for(model: Asset) -> None:
    for x, y in [(80, 40), (16, 72), (80, 40)]:
        (note,) = Faces(model=model).apply(white_cell(160, 120, x, y), ()).notes
        half = yunet_model.FACE // 2
        assert note == {"filter": "faces", "boxes": [[x + 4 - half, y + 4 - half, 2 * half, 2 * half]], "scores": [0.9]}


def test_a_model_searches_a_large_picture_at_a_smaller_size(model: Asset) -> None:
    (note,) = Faces(model=model, detail=160).apply(white_cell(640, 480, 320, 160, 32), ()).notes
    assert note["boxes"] == [[272, 112, 128, 128]]


def test_a_box_that_a_model_puts_over_the_border_is_cut(model: Asset) -> None:
    (note,) = Faces(model=model).apply(white_cell(63, 47, 0, 0), ()).notes
    assert note["boxes"] == [[0, 0, 20, 20]]


def test_unsure_and_small_finds_of_a_model_are_left_out(model: Asset) -> None:
    picture = white_cell(160, 120, 80, 40)
    assert Faces(model=model, score=0.95).apply(picture, ()).notes[0]["boxes"] == []
    assert Faces(model=model, min_size=33).apply(picture, ()).notes[0]["boxes"] == []
    assert len(Faces(model=model, min_size=32).apply(picture, ()).notes[0]["boxes"]) == 1


def test_a_model_takes_pictures_of_one_pixel(model: Asset) -> None:
    assert Faces(model=model).apply(picture_of(np.zeros((1, 1), np.uint8)), ()).notes[0]["boxes"] == []


def test_a_file_that_is_no_model_is_refused_when_the_filter_is_made(tmp_path: Path, sent: Sent) -> None:
    with pytest.raises(AssetError, match="is available to this worker"):
        Faces(model=Asset("sha256:" + "0" * 64))
    with pytest.raises(ParameterError, match="model takes a file"):
        Faces(model=Asset(str(tmp_path)))
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    other = yunet_model.write(tmp_path / "other.onnx", outputs=("cls",))
    for path in (text, other):
        with pytest.raises(ParameterError, match="given as model is not a YuNet face detector"):
            Faces(model=sent(path))
