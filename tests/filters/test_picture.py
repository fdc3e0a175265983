from __future__ import annotations

import json
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.layout import colour_of, layout_of
from moviola.filters.notes import NoteError
from moviola.filters.picture import Picture
from moviola.media.bundle import pack, unpack
from tests.filters.frames import CONVERTED, FORMATS, SIZES, memory, noise, picture_of, texture

BT601, BT709, BT2020 = 6, 1, 9  # AVColorSpace
LIMITED, FULL = 1, 2  # AVColorRange


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_planes_are_views_of_the_frame(pixel_format: str, width: int, height: int) -> None:
    frame = noise(pixel_format, width, height)
    picture = Picture(frame)
    assert picture.format.name == pixel_format
    assert len(picture.planes) == len(frame.planes)
    for view, plane, layout in zip(picture.planes, frame.planes, picture.format.planes, strict=True):
        assert view.dtype == (np.uint8 if picture.format.depth == 8 else np.uint16)
        assert view.shape[:2] == (-(-height // layout.step_y), -(-width // layout.step_x))
        assert (view.shape[2] if view.ndim == 3 else 1) == len(layout.channels)
        assert view.ctypes.data == plane.buffer_ptr
        assert not view.flags.writeable


@pytest.mark.parametrize("pixel_format", ["gray", "rgb24", "bgr24", "rgba", "nv12", "gray16le", "gbrp", "yuv444p"])
def test_planes_hold_the_samples_that_pyav_reads(pixel_format: str) -> None:
    frame = noise(pixel_format, 62, 46)
    ours = np.concatenate([plane.reshape(-1) for plane in Picture(frame).planes])
    theirs: NDArray[Any] = frame.to_ndarray()
    if pixel_format == "gbrp":  # given in the order red, green, blue
        theirs = np.stack([theirs[..., 1], theirs[..., 2], theirs[..., 0]])
    np.testing.assert_array_equal(ours, theirs.reshape(-1))


@pytest.mark.parametrize("pixel_format", CONVERTED)
@pytest.mark.parametrize(("width", "height"), [(64, 48), (62, 46)])
def test_what_cannot_be_viewed_is_converted_without_loss_of_kind(pixel_format: str, width: int, height: int) -> None:
    frame = noise(pixel_format, width, height)
    before = memory(frame)
    picture = Picture(frame)
    assert picture.format.name == CONVERTED[pixel_format]
    assert picture.planes[0].shape[:2] == (height, width)
    assert picture.copy().frame.format.name == CONVERTED[pixel_format]
    assert picture.frame is frame
    assert memory(frame) == before


def test_lines_stored_bottom_up_are_turned_round() -> None:
    frame = noise("gray", 64, 48)
    graph = av.filter.Graph()
    source = graph.add_buffer(width=64, height=48, format=frame.format, time_base=Fraction(1))
    flip, sink = graph.add("vflip"), graph.add("buffersink")  # flips by a negative line size
    source.link_to(flip)
    flip.link_to(sink)
    graph.configure()
    graph.push(frame)
    flipped = graph.pull()
    assert isinstance(flipped, av.VideoFrame)
    assert flipped.planes[0].line_size < 0
    np.testing.assert_array_equal(Picture(flipped).planes[0], Picture(frame).planes[0][::-1])


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_gray_and_bgr_of_any_format(pixel_format: str, width: int, height: int) -> None:
    picture = Picture(noise(pixel_format, width, height))
    assert (picture.gray.shape, picture.gray.dtype.name) == ((height, width), "uint8")
    assert (picture.bgr.shape, picture.bgr.dtype.name) == ((height, width, 3), "uint8")
    assert not picture.gray.flags.writeable
    assert not picture.bgr.flags.writeable


def test_gray_of_eight_bits_is_the_luma_plane_itself() -> None:
    frame = noise("yuv420p", 64, 48)
    assert Picture(frame).gray.ctypes.data == frame.planes[0].buffer_ptr


def test_gray_of_ten_bits_is_rounded() -> None:
    frame = noise("yuv420p10le", 64, 48)
    picture = Picture(frame)
    np.testing.assert_allclose(picture.gray, np.minimum(picture.planes[0] / 4, 255), atol=0.51)


def flat(pixel_format: str, samples: tuple[int, int, int], matrix: int, colour_range: int) -> Picture:
    frame = av.VideoFrame(64, 48, pixel_format)
    frame.colorspace, frame.color_range = matrix, colour_range
    layout = layout_of(pixel_format)
    assert layout is not None
    for plane, value in zip(frame.planes, samples, strict=True):
        plane.update(np.full(plane.buffer_size // layout.dtype().itemsize, value, layout.dtype).tobytes())
    return Picture(frame)


# Pure red in each matrix and range, from the definitions of BT.601, BT.709 and BT.2020
@pytest.mark.parametrize(
    ("pixel_format", "samples", "matrix", "colour_range"),
    [
        ("yuv420p", (81, 90, 240), BT601, LIMITED),
        ("yuv420p", (63, 102, 240), BT709, LIMITED),
        ("yuv420p", (74, 97, 240), BT2020, LIMITED),
        ("yuv444p", (76, 85, 255), BT601, FULL),
        ("yuvj420p", (54, 99, 255), BT709, FULL),
        ("yuv420p10le", (250, 409, 960), BT709, LIMITED),
    ],
)
def test_bgr_uses_the_frames_own_matrix_and_range(
    pixel_format: str, samples: tuple[int, int, int], matrix: int, colour_range: int
) -> None:
    picture = flat(pixel_format, samples, matrix, colour_range)
    np.testing.assert_allclose(picture.bgr[20, 20], (0, 0, 255), atol=3)
    red = picture.colour.samples((255, 0, 0), picture.format)
    assert [red[channel] for channel in "yuv"] == pytest.approx(samples, abs=1)


def test_an_untagged_frame_is_bt601_when_small_and_bt709_when_high_definition() -> None:
    assert colour_of(av.VideoFrame(640, 480)).red_share == pytest.approx(0.299)
    assert colour_of(av.VideoFrame(1280, 720)).red_share == pytest.approx(0.2126)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 96, 255)])
def test_a_colours_samples_show_as_that_colour(pixel_format: str, colour: tuple[int, int, int]) -> None:
    output = Picture(noise(pixel_format, 64, 48)).blank()
    samples = output.colour.samples(colour, output.format)
    for plane, layout in zip(output.planes, output.format.planes, strict=True):
        values = [samples[channel] for channel in layout.channels]
        plane[...] = values if len(values) > 1 else values[0]
    if "gray" in pixel_format or pixel_format.startswith("ya"):
        colour = (round(np.dot(colour, (0.299, 0.587, 0.114))),) * 3
    np.testing.assert_allclose(output.bgr[20, 20], colour[::-1], atol=4)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_gray_goes_in_and_out_of_any_format(pixel_format: str, width: int, height: int) -> None:
    gray = np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)
    output = Picture(noise(pixel_format, width, height)).with_gray(gray).seal()
    assert output.frame.format.name == pixel_format
    black, white = output.gray_levels
    np.testing.assert_allclose(output.gray, black + gray * ((white - black) / 255), atol=1.01)
    np.testing.assert_allclose(np.ptp(output.bgr.astype(int), axis=2), 0, atol=3)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "nv12", "rgb24", "gbrp", "gray"])
@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
def test_bgr_goes_back_where_it_came_from(pixel_format: str, colour_range: int) -> None:
    picture = picture_of(texture(), pixel_format)
    picture.frame.color_range, picture.frame.colorspace = colour_range, BT709
    output = Picture(picture.frame).with_bgr(Picture(picture.frame).bgr)
    assert output.frame.format.name == pixel_format
    assert (output.frame.color_range, output.frame.colorspace) == (colour_range, BT709)
    step = 1 << picture.format.depth - 8
    for ours, theirs in zip(output.planes, picture.planes, strict=True):
        np.testing.assert_allclose(ours.astype(int), theirs.astype(int), atol=3 * step)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_a_copy_is_equal_and_apart(pixel_format: str) -> None:
    frame = noise(pixel_format, 63, 47)
    frame.pts, frame.color_range, frame.colorspace = 1234, FULL, BT709
    before = memory(frame)
    picture = Picture(frame, index=7, notes=({"filter": "x"},))
    copy = picture.copy()
    for ours, theirs in zip(copy.planes, picture.planes, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        ours[...] = 0
    assert memory(frame) == before
    assert (copy.frame.pts, copy.frame.color_range, copy.frame.colorspace) == (1234, FULL, BT709)
    assert (copy.index, copy.notes) == (7, ({"filter": "x"},))


def test_a_sealed_output_can_no_longer_be_written() -> None:
    output = picture_of(texture()).copy()
    plane = output.planes[0]
    output.seal()
    with pytest.raises(ValueError, match="read-only"):
        plane[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        output.planes[1][0, 0] = 1


def test_a_note_copies_nothing_and_leaves_the_picture_as_it_was() -> None:
    picture = picture_of(texture())
    noted = picture.with_notes({"filter": "faces"})
    assert noted.frame is picture.frame
    assert noted.notes == ({"filter": "faces"},)
    assert picture.notes == ()


def nested(depth: int) -> list[object]:
    """So many lists within each other."""
    return [nested(depth - 1)] if depth > 1 else []


@pytest.mark.parametrize(
    "value",
    [
        *(np.float32(1), np.bool_(True), b"bytes", float("inf"), 1 << 64, {"deep": [{1: 2}]}, [1j]),
        *(b"caf\xe9".decode("utf-8", "surrogateescape"), {"\udce9": 1}),
        *({"deep": MappingProxyType({"a": 1})}, [nested(600)]),
    ],
    ids=lambda value: repr(value)[:40].encode("ascii", "backslashreplace").decode(),
)
def test_a_note_that_cannot_be_carried_is_refused_where_it_is_made(value: object) -> None:
    """Not when all frames are done, and nobody knows whose it is."""
    with pytest.raises(NoteError):
        picture_of(texture()).with_notes({"filter": "tried", "value": value})


def test_a_note_that_is_taken_can_be_sent_and_written() -> None:
    note = MappingProxyType({"texts": ["žluť", "𝄞"], "deep": nested(60), "numbers": (1, -(2**63), 0.5, True, None)})
    (taken,) = picture_of(texture()).with_notes(note).notes
    table = {"p": [], "report": {"notes": [[0, [dict(taken)]]]}}
    assert unpack(pack(table, []))[0]["report"]["notes"][0][1][0]["texts"] == note["texts"]
    assert json.loads(json.dumps(dict(taken)))["deep"] == note["deep"]


def test_an_output_may_have_another_size() -> None:
    output = picture_of(texture()).blank(31, 17)
    assert (output.width, output.height) == (31, 17)
    assert [plane.shape for plane in output.planes] == [(17, 31), (9, 16), (9, 16)]


def test_a_picture_of_another_size_means_the_same_colours() -> None:
    """Players take BT.709 for large pictures that say nothing, and BT.601 for small ones."""
    large, small = Picture(noise("yuv444p", 1280, 4)), Picture(noise("yuv444p", 64, 4))
    for source, size, matrix in (
        (large, (64, 4), 1),
        (small, (1280, 4), 6),
        (large, (1300, 4), 2),
        (small, (32, 4), 2),
    ):
        output = source.blank(*size)
        assert output.frame.colorspace == matrix
        assert output.colour == source.colour
    assert Picture(noise("rgb24", 1280, 4)).blank(64, 4).frame.colorspace == 2
