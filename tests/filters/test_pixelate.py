from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moviola.filters.assets import Asset, AssetError
from moviola.filters.builtin.pixelate import Pixelate
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner
from moviola.filters.toolbox import haar
from moviola.filters.toolbox.finds import Find
from tests.filters import yunet_model
from tests.filters.conftest import Sent
from tests.filters.frames import drawn_face, noise, picture_of

FACE = (100, 60, 64)  # x, y, size


def scene(*, face: bool = True, width: int = 320, index: int = 0) -> Picture:
    """A grid of fine lines, with or without a face before it."""
    image = np.full((240, width), 110, np.uint8)
    image[::8] = 130
    if face:
        x, y, size = FACE
        image[y : y + size, x : x + size] = drawn_face(size)
    return picture_of(image, "yuvj420p", index)


def changed(before: Picture, after: Picture) -> np.ndarray:
    return np.asarray(before.planes[0] != after.planes[0])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p", "gray", "nv12", "gbrp", "rgb24"])
@pytest.mark.parametrize("block", [2, 8, 16])
def test_each_block_is_its_mean(pixel_format: str, block: int) -> None:
    picture = Picture(noise(pixel_format, 70, 50))
    output = Pixelate(block=block).apply(picture, ())
    for source, target, kind in zip(picture.planes, output.planes, picture.format.planes, strict=True):
        across, down = block // kind.step_x, block // kind.step_y
        for top in range(0, source.shape[0], down):
            for left in range(0, source.shape[1], across):
                mean = source[top : top + down, left : left + across].mean(axis=(0, 1))
                assert np.abs(target[top : top + down, left : left + across] - mean).max() <= 0.51


def test_blocks_of_brightness_and_colour_are_the_same_pixels() -> None:
    output = Pixelate(block=7).apply(Picture(noise("yuv420p", 64, 64)), ())
    luma, chroma = output.planes[0], output.planes[1]
    assert (luma[:8, :8] == luma[0, 0]).all()
    assert luma[0, 8] != luma[0, 7]
    assert (chroma[:4, :4] == chroma[0, 0]).all()
    assert chroma[0, 4] != chroma[0, 3]


def test_alpha_stays_sharp() -> None:
    for pixel_format in ("yuva420p", "rgba"):
        picture = Picture(noise(pixel_format, 40, 30))
        output = Pixelate().apply(picture, ())
        before, after = (
            plane if plane.ndim == 2 else plane[..., -1] for plane in (picture.planes[-1], output.planes[-1])
        )
        assert np.array_equal(before, after)


def test_only_the_face_is_covered_and_a_margin_around_it() -> None:
    picture = scene()
    output = Pixelate(faces=True, margin=0.25).apply(picture, ())
    (note,) = output.notes
    assert note["filter"] == "pixelate"
    assert len(note["boxes"]) == len(note["scores"]) >= 1
    x, y, size = FACE
    face = output.planes[0][y : y + size, x : x + size]
    assert len(np.unique(face)) < 80
    assert not changed(picture, output)[:, x + 2 * size :].any()
    assert changed(picture, output)[y : y + size, x - 8 : x + size].mean() > 0.8
    assert changed(picture, output)[y + 3 : y + 6, x - 8 : x].all()


def test_a_large_face_gets_large_blocks() -> None:
    image = np.full((480, 480), 110, np.uint8)
    image[60:420, 60:420] = drawn_face(360)
    output = Pixelate(block=4, faces=True, margin=0).apply(picture_of(image), ())
    row = output.planes[0][240, 120:360].astype(int)
    assert np.count_nonzero(np.diff(row)) <= 8


def test_without_a_face_the_frame_stays_as_it_is() -> None:
    picture = scene(face=False)
    output = Pixelate(faces=True).apply(picture, ())
    assert output.frame is picture.frame
    assert output.notes == ({"filter": "pixelate", "boxes": [], "scores": []},)


def test_a_face_that_is_missed_for_a_few_frames_stays_covered() -> None:
    runner = ChainRunner([Pixelate(faces=True, hold=2)])
    pictures = [scene(face=index == 0, index=index) for index in range(4)]
    covered = [bool(changed(picture, runner.run(picture)).any()) for picture in pictures]
    assert covered == [True, True, True, False]


def test_frames_of_another_size_cover_nothing() -> None:
    assert not changed(scene(face=False), Pixelate(faces=True).apply(scene(face=False), (scene(width=640),))).any()


def test_earlier_frames_are_asked_for_only_where_faces_are_covered() -> None:
    assert Pixelate().context_frames == 0
    assert Pixelate(faces=True).context_frames == 8
    assert Pixelate(faces=True, hold=0).context_frames == 0


def test_a_model_says_where_faces_are(tmp_path: Path, sent: Sent) -> None:
    model = sent(yunet_model.write(tmp_path / "white.onnx"))
    image = np.full((120, 160), 60, np.uint8)
    image[::4] = 80
    image[40:48, 80:88] = 255
    picture = picture_of(image, "yuvj420p")
    output = Pixelate(faces=True, model=model, margin=0.0).apply(picture, ())
    assert [68, 28, 32, 32] in output.notes[0]["boxes"]
    assert changed(picture, output)[28:60, 68:100].mean() > 0.9
    with pytest.raises(AssetError, match="is available to this worker"):
        Pixelate(model=Asset("@missing.onnx"))


def test_less_detail_searches_a_smaller_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[tuple[int, bool]] = []

    def find_faces(_gray: object, search: haar.Search) -> list[Find]:
        searched.append((search.detail, search.profiles))
        return []

    monkeypatch.setattr(haar, "find_faces", find_faces)
    for detail in (640, 320):
        Pixelate(faces=True, detail=detail).apply(picture_of(np.zeros((48, 64, 3), np.uint8)), ())
    assert searched == [(640, False), (480, True), (320, False), (240, True)]
