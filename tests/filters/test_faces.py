from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from moviola.base.packaged_models import YUNET
from moviola.filters import registry
from moviola.filters.assets import Asset, AssetError
from moviola.filters.builtin.faces import Faces
from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture
from moviola.filters.schema import ParameterError, check_chain
from moviola.filters.toolbox import yunet
from moviola.filters.toolbox.finds import Find
from tests.filters import yunet_model
from tests.filters.conftest import Sent
from tests.filters.frames import drawn_face, picture_of, texture

FACE = (100, 60, 64)  # x, y, size


def with_face() -> np.ndarray:
    x, y, size = FACE
    image = np.full((240, 320), 110, np.uint8)
    image[y : y + size, x : x + size] = drawn_face(size)
    return image


@pytest.mark.parametrize("detector", ["yunet", "haar"])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "gray", "bgr24", "nv12"])
def test_a_face_is_found_noted_and_boxed(pixel_format: str, detector: str) -> None:
    picture = picture_of(with_face(), pixel_format)
    output = Faces(detector=detector).apply(picture, ())
    (note,) = output.notes
    ((x, y, width, height),) = note["boxes"]
    assert note["filter"] == "faces"
    assert note["scores"][0] >= (4 if detector == "haar" else 0.8)
    assert abs(x - FACE[0]) < 12
    assert abs(y - FACE[1]) < 10
    assert abs(width - FACE[2]) < 20
    assert abs(height - FACE[2]) < 16
    middle = output.bgr[y + height // 2, x - 1].astype(int)
    if pixel_format != "gray":
        assert middle[1] > middle[0] + 60
        assert middle[1] > middle[2] + 60


@pytest.mark.parametrize("detector", ["yunet", "haar"])
def test_a_large_picture_is_searched_at_a_smaller_size(detector: str) -> None:
    image = np.full((960, 1280), 110, np.uint8)
    image[200:456, 400:656] = drawn_face(256)
    ((x, y, width, _),) = Faces(detector=detector).apply(picture_of(image), ()).notes[0]["boxes"]
    assert abs(x - 400) < 40
    assert abs(y - 200) < 40
    assert abs(width - 256) < 90


@pytest.mark.parametrize("detector", ["yunet", "haar"])
@pytest.mark.parametrize("image", [np.tile(texture(320, 8), (30, 1)), np.full((240, 320), 128, np.uint8)])
def test_no_face_no_box(image: np.ndarray, detector: str) -> None:
    picture = picture_of(image)
    output = Faces(detector=detector).apply(picture, ())
    assert output.notes == ({"filter": "faces", "boxes": [], "scores": []},)
    assert output.frame is picture.frame


@pytest.mark.parametrize("seed", [5, 9, 10])
def test_what_one_cascade_alone_takes_for_a_face_is_left_out(seed: int) -> None:
    picture = picture_of(texture(320, 240, seed))
    assert Faces(detector="haar", confirm=0).apply(picture, ()).notes[0]["boxes"]
    assert Faces(detector="haar").apply(picture, ()).notes[0]["boxes"] == []


@pytest.mark.parametrize("detector", ["yunet", "haar"])
def test_faces_below_the_smallest_size_are_left_out(detector: str) -> None:
    assert Faces(detector=detector, min_size=120).apply(picture_of(with_face()), ()).notes[0]["boxes"] == []


@pytest.mark.parametrize(("detector", "side"), [("yunet", 18), ("haar", 40)])
def test_the_smallest_face_decides_at_which_size_is_searched(detector: str, side: int) -> None:
    """In a picture of 2560 pixels, of which the usual search sees a quarter, or half."""
    image = np.full((720, 2560), 110, np.uint8)
    image[300 : 300 + side, 900 : 900 + side] = drawn_face(side)
    picture = picture_of(image)
    assert Faces(detector=detector).apply(picture, ()).notes[0]["boxes"] == []
    assert len(Faces(detector=detector, min_size=side // 2).apply(picture, ()).notes[0]["boxes"]) == 1


@pytest.mark.parametrize("detector", ["yunet", "haar"])
def test_several_faces_come_in_a_fixed_order(detector: str) -> None:
    image = np.full((240, 320), 110, np.uint8)
    for x in (20, 120, 220):
        image[80:144, x : x + 64] = drawn_face(64)
    boxes = Faces(detector=detector).apply(picture_of(image), ()).notes[0]["boxes"]
    assert len(boxes) == 3
    assert boxes == sorted(boxes)


def test_a_face_is_boxed_once() -> None:
    """The cascades find it at several sizes and places, all within each other."""
    image = np.full((480, 640), 110, np.uint8)
    image[60:316, 100:356] = drawn_face(256)
    image[300:396, 330:426] = drawn_face(96)
    (note,) = Faces(detector="haar", neighbors=1, scale=1.05).apply(picture_of(image), ()).notes
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
    (note,) = Faces(model=model, min_size=64).apply(white_cell(640, 480, 320, 160, 32), ()).notes
    assert note["boxes"] == [[272, 112, 128, 128]]


def test_a_box_that_a_model_puts_over_the_border_is_cut(model: Asset) -> None:
    (note,) = Faces(model=model).apply(white_cell(63, 47, 0, 0), ()).notes
    assert note["boxes"] == [[0, 0, 20, 20]]


def test_unsure_finds_of_a_model_are_left_out(model: Asset) -> None:
    picture = white_cell(160, 120, 80, 40)
    assert Faces(model=model, score=0.95).apply(picture, ()).notes[0]["boxes"] == []
    assert len(Faces(model=model, score=0.85).apply(picture, ()).notes[0]["boxes"]) == 1


def test_a_face_that_is_too_small_is_left_out_though_the_network_sees_it(
    model: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 2 * yunet_model.FACE
    monkeypatch.setattr(yunet, "SMALLEST", side)  # with which the picture is searched as it is
    assert Faces(model=model, min_size=side).apply(white_cell(160, 120, 80, 40), ()).notes[0]["boxes"] == []


def test_of_a_crowd_the_surest_are_told(model: Asset) -> None:
    image = np.zeros((960, 960), np.uint8)
    for x in range(40, 920, 40):
        for y in range(40, 920, 40):
            image[y : y + 8, x : x + 8] = 255
    finds = yunet.find_faces("faces", model, picture_of(image, "yuvj420p"), 16, 0.5)
    assert len(finds) == yunet.MANY < 22 * 22


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


def test_what_is_a_face_at_one_size_alone_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look sees the face in its own detail; whoever sees nothing there halves the score."""
    doubtful = Find((100, 60, 64, 64), 0.8)
    elsewhere = Find((10, 150, 40, 40), 0.8)
    monkeypatch.setattr(yunet, "find_faces", lambda *_: [elsewhere, doubtful])
    (note,) = Faces().apply(picture_of(with_face()), ()).notes
    assert note["boxes"] == [list(doubtful.box)]
    assert 0.8 < note["scores"][0] < 0.9


@pytest.mark.parametrize("corner", [(0, 0), (256, 0), (0, 176), (256, 176)])
def test_a_second_look_reaches_over_the_borders(corner: tuple[int, int]) -> None:
    image = np.full((240, 320), 110, np.uint8)
    x, y = corner
    image[y : y + 64, x : x + 64] = drawn_face(64)
    find = Find((x + 9, y + 4, 46, 60), 0.5)
    (seen,) = yunet.confirmed("faces", Asset(""), picture_of(image), [find])
    assert seen.box == find.box
    assert seen.score > 0.6


def test_boxes_without_an_end_are_none() -> None:
    """In a line of pixels the network finds a face of infinite size."""
    for width in range(64, 400, 37):
        picture = picture_of(np.full((2, width), 200, np.uint8))
        for box in Faces(score=0.1).apply(picture, ()).notes[0]["boxes"]:
            assert box[3] <= 2


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        ("faces:scale=1.1", "faces: scale works only with detector=haar: add that, or leave scale out"),
        ("faces:detector=haar:score=0.5", "faces: score works only with detector=yunet: add that, or leave score"),
        ("faces:detail=640", 'faces has no parameter "detail"'),
    ],
)
def test_parameters_of_the_other_detector_are_refused(chain: str, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        check_chain(parse_chain(chain), registry.schemas())


def test_without_its_package_the_network_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yunet, "YUNET", replace(YUNET, package="no_such_package"))
    done: list[str] = []

    def refused() -> None:
        with pytest.raises(ParameterError) as caught:
            Faces()
        done.append(str(caught.value))

    thread = Thread(target=refused)  # whose network is not loaded yet
    thread.start()
    thread.join()
    assert done == [
        "faces: the network face_detection_yunet_2023mar.onnx is not there: install the package that has it, "
        "pip install no_such_package==2.0.0"
    ]
    assert Faces(detector="haar")


def test_a_close_up_is_looked_at_as_a_whole() -> None:
    """What is around a face that fills the picture is not there, and its border continued looks like nothing."""
    picture = picture_of(drawn_face(480)[30:450, 60:420])
    part, left, top, factor = yunet._around(picture, (0, 0, 350, 420))
    assert part.shape == (160, 137, 3)
    assert (left, top, factor) == (0, 0, 420 / 160)
    assert yunet._around(picture, (10, 10, 40, 40))[0].shape == (160, 160, 3)
    (seen,) = yunet.confirmed("faces", Asset(""), picture, [Find((0, 0, 350, 420), 0.5)])
    assert seen.score > 0.6
