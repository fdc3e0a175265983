from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.decode import ChunkDecoder
from moviola.media.video.filtering.rotation import orient, orient_plane, plane_view
from moviola.media.video.orientation import Orientation
from moviola.media.video.side_data import side_data_of_frame
from tests.media.video.clips import encode, picture
from tests.media.video.cutting_room import process_of

ONE = 1 << 16
MATRICES = {
    "upright": (ONE, 0, 0, ONE),
    "quarter": (0, ONE, -ONE, 0),
    "half": (-ONE, 0, 0, -ONE),
    "three quarters": (0, -ONE, ONE, 0),
    "mirror": (-ONE, 0, 0, ONE),
    "upside down": (ONE, 0, 0, -ONE),
    "diagonal": (0, ONE, ONE, 0),
    "other diagonal": (0, -ONE, -ONE, 0),
}


def matrix(name: str) -> list[int]:
    a, b, c, d = MATRICES[name]
    return [a, b, 0, c, d, 0, 0, 0, 1 << 30]


def shown(plane: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """Each pixel moved to where the matrix sends it: (x, y) becomes (a x + c y, b x + d y), moved back into view."""
    a, b, c, d = (value // ONE for value in MATRICES[name])
    height, width = plane.shape
    target = np.zeros((height, width) if a or d else (width, height), plane.dtype)
    for y in range(height):
        for x in range(width):
            to_x, to_y = a * x + c * y, b * x + d * y
            target[to_y % target.shape[0] if to_y < 0 else to_y, to_x if to_x >= 0 else to_x - 1] = 0
    xs, ys = np.meshgrid(np.arange(width), np.arange(height))
    to_x, to_y = a * xs + c * ys, b * xs + d * ys
    target[to_y - to_y.min(), to_x - to_x.min()] = plane
    return target


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_pixels_go_where_the_matrix_sends_them(name: str) -> None:
    plane = np.arange(3 * 5, dtype=np.uint8).reshape(3, 5)
    turned = orient_plane(plane, Orientation.from_matrix(matrix(name)))
    assert np.array_equal(turned, shown(plane, name))


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(sorted(MATRICES)))
def test_sizes_turn_with_the_picture(width: int, height: int, name: str) -> None:
    orientation = Orientation.from_matrix(matrix(name))
    plane = np.zeros((height, width), np.uint8)
    assert orient_plane(plane, orientation).shape[::-1] == orientation.size(width, height)


FORMATS = [
    "yuv420p",
    "yuv420p10le",
    "yuv422p",
    "yuv444p",
    "nv12",
    "rgb24",
    "rgba",
    "gray",
    "gray16le",
    "gbrp",
    "yuva420p",
]


@pytest.mark.parametrize("pixel_format", [*FORMATS, "yuyv422", "yuv411p", "pal8", "monow", "rgb565le", "ya8"])
@pytest.mark.parametrize("name", ["quarter", "half", "mirror", "diagonal"])
def test_every_format_is_turned_as_a_picture(pixel_format: str, name: str) -> None:
    orientation = Orientation.from_matrix(matrix(name))
    frame = _frame(pixel_format)
    turned = orient(frame, orientation)
    assert (turned.width, turned.height) == orientation.size(frame.width, frame.height)
    wanted = orient_plane(frame.reformat(format="rgb24").to_ndarray(), orientation).astype(int)
    found = turned.reformat(format="rgb24").to_ndarray().astype(int)
    assert np.abs(wanted - found).mean() < 3  # chroma is interpolated across other rows once it is turned


def _frame(pixel_format: str) -> av.VideoFrame:
    rgb = picture(3)
    rgb[:] = np.add(rgb // 4, np.linspace(0, 190, 64)[None, :, None]).astype(np.uint8)
    if pixel_format == "pal8":
        palette = np.stack([np.full(256, 255), *[np.arange(256)] * 3], axis=-1).astype(np.uint8)
        return av.VideoFrame.from_ndarray((rgb[:, :, 0], palette), "pal8")  # type: ignore[arg-type]
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv444p", "nv12", "gray", "gbrp", "rgba"])
def test_turning_four_times_by_a_quarter_changes_nothing(pixel_format: str) -> None:
    frame = _frame(pixel_format)
    turned = frame
    for _ in range(4):
        turned = orient(turned, Orientation.from_matrix(matrix("quarter")))
    assert turned.format.name == pixel_format
    for index in range(len(frame.planes)):
        assert np.array_equal(plane_view(frame, index), plane_view(turned, index))


def test_half_sampled_chroma_stays_half_sampled() -> None:
    turned = orient(_frame("yuv422p"), Orientation.from_matrix(matrix("quarter")))
    assert turned.format.name == "yuv440p"


def test_an_upright_frame_is_itself() -> None:
    frame = _frame("yuv420p")
    assert orient(frame, Orientation()) is frame


def test_times_and_colour_stay() -> None:
    frame = _frame("yuv420p")
    frame.pts, frame.time_base, frame.colorspace, frame.color_range = 7, Fraction(1, 30), 1, 2
    turned = orient(frame, Orientation.from_matrix(matrix("half")))
    assert (turned.pts, turned.time_base, turned.colorspace, turned.color_range) == (7, Fraction(1, 30), 1, 2)


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_the_matrix_of_a_file_is_found(tmp_path: Path, name: str) -> None:
    """Bare packets do not carry it: it must come from the container's own decoder."""
    path = encode(tmp_path / "turned.mp4", "libx264", 5, setup=lambda stream: stream.set_display_matrix(matrix(name)))
    source, chunks = split_file(path)
    orientation = Orientation(*source.process["orientation"])
    assert orientation == Orientation.from_matrix(matrix(name))
    decoded = next(iter(ChunkDecoder(next(chunks).payload, process_of(source))))
    turned = orient(decoded.frame, orientation)
    assert (turned.width, turned.height) == (source.process["display_width"], source.process["display_height"])


@pytest.mark.parametrize(
    "corner", [(0, 0, 0, 0), (0, ONE, 0, 0), (0, 0, -ONE, 0), (-ONE, 0, 0, 0), (0, 0, 0, -ONE), (-ONE, 0, -ONE, 0)]
)
def test_a_matrix_that_leaves_nothing_of_the_picture_turns_nothing(
    tmp_path: Path, corner: tuple[int, int, int, int]
) -> None:
    """Some programs write all zeros. FFmpeg hands that on, and its own angle of it is no number."""
    a, b, c, d = corner
    numbers = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    path = encode(tmp_path / "odd.mp4", "libx264", 5, setup=lambda stream: stream.set_display_matrix(numbers))
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        assert "DISPLAYMATRIX" in side_data_of_frame(frame).known
    process = split_file(path)[0].process
    assert Orientation(*process["orientation"]).upright
    assert (process["display_width"], process["display_height"]) == (frame.width, frame.height)


def test_orientations_are_described() -> None:
    assert Orientation().describe() == "upright"
    assert Orientation(True, False, True).describe() == "transposed, flipped upside down"
