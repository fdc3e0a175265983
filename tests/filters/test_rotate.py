from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from moviola.filters.base import UnsuitableSize
from moviola.filters.builtin.rotate import Rotate
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner
from tests.filters.frames import noise, picture_of, texture

SQUARE = ["yuv420p", "yuv444p", "yuv420p10le", "nv12", "rgb24", "gray", "rgba"]


@pytest.mark.parametrize("pixel_format", SQUARE)
@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (-270, 3), (180, 2), (270, 1), (-90, 1), (450 - 360, 3)])
def test_quarter_turns_move_samples(pixel_format: str, degrees: float, turns: int) -> None:
    picture = Picture(noise(pixel_format, 64, 46))
    output = Rotate(degrees=degrees).apply(picture, ())
    for ours, theirs in zip(output.planes, picture.planes, strict=True):
        np.testing.assert_array_equal(ours, np.rot90(theirs, turns))  # numpy turns the other way


@pytest.mark.parametrize("pixel_format", [*SQUARE, "yuv422p"])
def test_four_quarter_turns_bring_light_back(pixel_format: str) -> None:
    picture = Picture(noise(pixel_format, 63, 47))
    output = ChainRunner([Rotate()] * 4).run(picture)
    np.testing.assert_array_equal(output.planes[0], picture.planes[0])


def test_chroma_of_other_shape_is_turned_too() -> None:
    start = Picture(noise("yuv422p", 64, 48)).copy()
    start.planes[1][...] = np.where(np.arange(48) < 24, 60, 180)[:, None]  # upper half, lower half
    turned = Rotate().apply(start.seal(), ()).planes[1]
    assert turned.shape == (64, 24)
    np.testing.assert_array_equal(turned, np.where(np.arange(24) < 12, 180, 60)[None].repeat(64, 0))


@pytest.mark.parametrize(
    ("made", "size"),
    [
        (Rotate(degrees=0), (160, 120)),
        (Rotate(degrees=360), (160, 120)),
        (Rotate(degrees=90), (120, 160)),
        (Rotate(degrees=180), (160, 120)),
        (Rotate(degrees=45), (198, 198)),  # 280 / √2 = 197.99
        (Rotate(degrees=-30), (200, 184)),  # 198.56, 183.92
        (Rotate(degrees=45, expand=False), (160, 120)),
        (Rotate(degrees=90, expand=False), (160, 120)),
    ],
)
def test_sizes(made: Rotate, size: tuple[int, int]) -> None:
    assert made.output_size(160, 120) == size
    output = made.apply(picture_of(texture()), ())
    assert (output.width, output.height) == size


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gray16le", "rgb24"])
def test_a_turn_and_back_is_the_middle_of_the_picture_again(pixel_format: str) -> None:
    picture = picture_of(texture(), pixel_format)
    output = ChainRunner([Rotate(degrees=17), Rotate(degrees=-17)]).run(picture)
    left, top = (output.width - 160) // 2, (output.height - 120) // 2
    back, there = (each.gray.astype(int) for each in (output, picture))
    difference = np.abs(back[top + 10 : top + 110, left + 10 : left + 150] - there[10:110, 10:150])
    assert difference.mean() < 1.5
    assert difference.max() < 16


def test_colours_turn_with_the_light() -> None:
    """A coloured square: chroma of half the size lies where luma is, at any angle."""
    start = picture_of(np.full((120, 160), 90, np.uint8)).copy()
    start.planes[0][30:50, 100:120] = 200
    start.planes[1][15:25, 50:60] = 200
    output = Rotate(degrees=40).apply(start.seal(), ())
    luma = output.planes[0].astype(float) - 93
    luma[output.planes[0] < 100] = 0
    chroma = output.planes[1].astype(float) - 128
    rows, columns = np.indices(luma.shape)
    middle = [(luma * each).sum() / luma.sum() + 0.5 for each in (columns, rows)]
    rows, columns = np.indices(chroma.shape)
    half = [2 * ((chroma * each).sum() / chroma.sum() + 0.5) for each in (columns, rows)]
    assert np.allclose(middle, half, atol=0.2)


@pytest.mark.parametrize(("border", "corner"), [("black", 0), ("white", 255), ("edge", 90)])
def test_the_corners_are_filled(border: str, corner: int) -> None:
    picture = picture_of(np.full((120, 160), 90, np.uint8), "gray")
    output = Rotate(degrees=30, border=border).apply(picture, ()).planes[0]
    assert {int(output[0, 0]), int(output[0, -1]), int(output[-1, 0]), int(output[-1, -1])} == {corner}


@pytest.mark.parametrize("degrees", [90.0, 180.0, -90.0, 30.0])
def test_boxes_go_where_their_things_go(degrees: float) -> None:
    luma = np.full((120, 160), 60, np.uint8)
    luma[20:40, 100:130] = 250
    noted = picture_of(luma, "gray").with_notes({"filter": "faces", "boxes": [[100, 20, 30, 20]]})
    output = Rotate(degrees=degrees).apply(noted, ())
    rows, columns = np.nonzero(output.planes[0] > 150)
    (box,) = output.notes[0]["boxes"]
    found = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert np.abs(np.array(box) - found).max() <= (0 if degrees != 30 else 2)


def test_pixels_that_are_not_square_turn_too() -> None:
    assert ChainRunner([Rotate()]).output_pixel_aspect(Fraction(4, 3)) == Fraction(3, 4)
    assert ChainRunner([Rotate(degrees=180)]).output_pixel_aspect(Fraction(4, 3)) == Fraction(4, 3)
    assert ChainRunner([Rotate()]).output_pixel_aspect(None) is None


@pytest.mark.parametrize(
    ("turn", "most"),
    [
        (Rotate(degrees=30, expand=False), 32_766),
        (Rotate(expand=False), 32_766),
        (Rotate(), 0),
        (Rotate(degrees=180), 0),
    ],
)
def test_a_panorama_that_cannot_be_turned_is_refused_in_a_sentence(turn: Rotate, most: int) -> None:
    for width in (32_766, 32_767):
        picture = Picture(noise("gray", width, 2))
        if most and width > most:
            with pytest.raises(UnsuitableSize, match=r"32767x2, .* may be longer than 32766 pixels: make the"):
                turn.apply(picture, ())
        else:
            output = turn.apply(picture, ())
            assert (output.width, output.height) == turn.output_size(width, 2)
