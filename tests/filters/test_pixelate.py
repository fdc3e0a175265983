from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moviola.filters import registry
from moviola.filters.assets import Asset, AssetError
from moviola.filters.builtin.pixelate import Pixelate
from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture, channels_of
from moviola.filters.runner import ChainRunner
from moviola.filters.schema import ParameterError, check_chain
from moviola.filters.toolbox import haar, tracks, yunet
from moviola.filters.toolbox.covering import cover
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
    output = Pixelate(faces=True).apply(picture, ())
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
    assert output.notes == ({"filter": "pixelate", "boxes": [], "scores": [], "held": 0, "missed": 0},)


@pytest.mark.parametrize("detector", ["yunet", "haar"])
def test_a_face_that_is_missed_for_a_few_frames_stays_covered(detector: str) -> None:
    runner = ChainRunner([Pixelate(faces=True, hold=2, detector=detector)])
    pictures = [scene(face=index == 0, index=index) for index in range(4)]
    covered = [bool(changed(picture, runner.run(picture)).any()) for picture in pictures]
    assert covered == [True, True, True, False]


def test_frames_of_another_size_cover_nothing() -> None:
    assert not changed(scene(face=False), Pixelate(faces=True).apply(scene(face=False), (scene(width=640),))).any()


def test_earlier_frames_are_asked_for_only_where_faces_are_covered() -> None:
    assert Pixelate().context_frames == 0
    assert Pixelate(faces=True).context_frames == 15
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
        Pixelate(faces=True, model=Asset("@missing.onnx"))


def moving(index: int, *, seen: bool = True) -> Picture:
    """A face that goes 6 pixels a frame to the right, or none: the detector is blind for a moment."""
    image = np.full((240, 320), 110, np.uint8)
    image[::8] = 130
    if seen:
        image[60:124, 30 + 6 * index : 94 + 6 * index] = drawn_face(64)
    return picture_of(image, "yuvj420p", index)


def test_where_it_is_missed_a_face_is_covered_where_it_has_gone() -> None:
    runner = ChainRunner([Pixelate(faces=True, margin=0)])
    outputs = []
    for index in range(12):
        picture = moving(index, seen=index not in (7, 8, 9))
        outputs.append(runner.run(picture))
        if index in (7, 8, 9):
            left = 30 + 6 * index
            assert changed(picture, outputs[-1])[:, left + 12 : left + 52].any(axis=0).all()
    notes = [output.notes[0] for output in outputs]
    assert [note["held"] for note in notes] == [0] * 7 + [1, 1, 1, 0, 0]
    assert [note["missed"] for note in notes] == [0] * 10 + [3, 0]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuva420p", "gray", "nv12", "gbrp", "rgba", "ya8"])
@pytest.mark.parametrize("size", [(320, 240), (319, 239)])
def test_each_mode_covers_a_face_in_its_own_way(pixel_format: str, size: tuple[int, int]) -> None:
    width, height = size
    image = np.full((height, width), 110, np.uint8)
    x, y, side = FACE
    image[y : y + side, x : x + side] = drawn_face(side)
    picture = picture_of(image, pixel_format)
    shown = {mode: Pixelate(faces=True, mode=mode).apply(picture, ()) for mode in ("blocks", "blur", "black", "box")}
    middle = slice(y + 16, y + side - 12), slice(x + 16, x + side - 12)
    levels = {mode: len(np.unique(output.gray[middle])) for mode, output in shown.items()}
    assert levels["black"] == 1
    assert shown["black"].gray[middle].max() <= 16
    assert levels["black"] < levels["blocks"] < levels["blur"]
    steps = {mode: np.abs(np.diff(output.gray[middle].astype(int), axis=1)).max() for mode, output in shown.items()}
    assert steps["blur"] < steps["blocks"] / 2
    assert np.array_equal(shown["box"].gray[middle], picture.gray[middle])
    assert (shown["box"].gray != picture.gray).any()
    for mode in ("blur", "black"):
        same = [np.array_equal(one, other) for one, other in zip(*alpha(picture, shown[mode]), strict=True)]
        assert all(same)
        assert shown[mode].shape == picture.shape


def alpha(*pictures: Picture) -> list[list[np.ndarray]]:
    """The alpha of each picture, where there is one."""
    return [
        [
            channels_of(plane)[kind.channels.index("a")]
            for plane, kind in zip(each.planes, each.format.planes, strict=True)
            if "a" in kind.channels
        ]
        for each in pictures
    ]


def test_a_blur_shows_no_more_than_blocks() -> None:
    """It is made of their means alone: two pictures with equal means look alike."""
    image = noise("gray", 64, 64)
    picture = Picture(image)
    means = Pixelate(block=16).apply(picture, ()).planes[0]
    from_picture, from_means = picture.blank(), picture.blank()
    whole = (0, 0, 64, 64)
    cover(picture, from_picture, whole, 16, "blur")
    even = picture.blank()
    even.planes[0][...] = means
    cover(even, from_means, whole, 16, "blur")
    assert np.array_equal(from_picture.planes[0], from_means.planes[0])


@pytest.mark.parametrize("mode", ["blocks", "blur", "black", "box"])
def test_what_lies_beyond_the_border_does_no_harm(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Find((0, 0, 30, 30), 0.9)
    monkeypatch.setattr(yunet, "find_faces", lambda *_: [gone] if _[2].index < 3 else [])
    pictures = [moving(index) for index in range(6)]
    monkeypatch.setattr(tracks._Track, "place", lambda *_: (-90, -90, 40, 40))
    output = Pixelate(faces=True, mode=mode).apply(pictures[-1], pictures[:-1])
    assert output.notes[0]["held"] == 1
    assert not changed(pictures[-1], output).any()


def test_a_picture_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    search = yunet.find_faces

    def find_faces(name: str, model: Asset, picture: Picture, *others: Any) -> list[Find]:
        searched.append(picture.index)
        return search(name, model, picture, *others)

    monkeypatch.setattr(yunet, "find_faces", find_faces)
    runner = ChainRunner([Pixelate(faces=True, hold=3)])
    for index in range(5):
        runner.prepare(moving(index))
    for index in range(5, 9):
        runner.run(moving(index))
    assert sorted(searched) == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    "chain",
    ["pixelate:mode=black", "pixelate:hold=3", "pixelate:detector=haar", "pixelate:faces=true:detector=haar:model=@a"],
)
def test_what_would_do_nothing_is_refused(chain: str) -> None:
    with pytest.raises(ParameterError, match="works only with"):
        check_chain(parse_chain(chain), registry.schemas())


def test_cascades_search_for_profiles_in_a_smaller_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[tuple[int, float, bool]] = []

    def find_faces(_gray: object, search: haar.Search) -> list[Find]:
        searched.append((search.min_size, search.detail, search.profiles))
        return []

    monkeypatch.setattr(haar, "find_faces", find_faces)
    for min_size in (0, 40):
        made = Pixelate(faces=True, detector="haar", min_size=min_size)
        made.apply(picture_of(np.zeros((48, 64), np.uint8)), ())
    assert searched == [(0, 1.0, False), (0, 0.75, True), (40, 1.0, False), (40, 0.75, True)]
