"""`onnx` takes what the user's network makes; each network here works by a rule that a person can check."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.base import UnsuitableSize
from moviola.filters.builtin.onnx import Onnx
from moviola.filters.chain import parse_chain
from moviola.filters.checking.samples import noise
from moviola.filters.picture import Picture, channels_of
from moviola.filters.registry import make
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.networks.runtime import Network
from tests.filters.frames import picture_of
from tests.filters.networks import made
from tests.filters.networks.conftest import Given, given

__all__ = ["given"]

Image = NDArray[np.uint8]


def coloured(width: int = 48, height: int = 32, pixel_format: str = "bgr24", seed: int = 0) -> Picture:
    """Random colours."""
    bgr = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return picture_of(np.zeros((height, width), np.uint8), pixel_format).with_bgr(bgr)


def negative(**options: Any) -> bytes:
    """Dark becomes bright; values are 0..1."""
    return made.network([made.node("Sub", "white x", "y")], weights={"white": np.float32(1)}, **options)


def shown(picture: Picture) -> list[bytes]:
    return [plane.tobytes() for plane in picture.planes]


def test_each_pixel_becomes_what_the_network_makes_of_it(given: Given) -> None:
    picture = coloured()
    output = Onnx(model=given(negative())).apply(picture, ())
    assert np.array_equal(output.bgr, 255 - picture.bgr)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("parameters", [{}, {"tile": 16, "overlap": 0}, {"tile": 20, "overlap": 6}])
def test_a_picture_may_become_larger(factor: int, parameters: dict[str, Any], given: Given) -> None:
    filter_, picture = Onnx(model=given(made.larger(factor)), **parameters), coloured(47, 31)
    assert filter_.output_size(47, 31) == (47 * factor, 31 * factor)
    output = filter_.apply(picture, ())
    assert np.array_equal(output.bgr, picture.bgr.repeat(factor, 0).repeat(factor, 1))


@pytest.mark.parametrize(("channels", "factor"), [(3, 1), (3, 2), (1, 1), (1, 3)])
@pytest.mark.parametrize(
    "parameters", [{"tile": 32, "overlap": 2}, {"tile": 16, "overlap": 3}, {"tile": 13, "overlap": 2}]
)
def test_tiles_do_not_show_where_they_overlap_as_far_as_the_network_looks(
    channels: int, factor: int, parameters: dict[str, Any], given: Given
) -> None:
    model, picture = given(made.smoothing(channels, factor)), coloured(101, 63, "yuv444p")
    whole = Onnx(model=model, tile=0).apply(picture, ())
    assert len(np.unique(whole.planes[0])) > 100, "there is something to see"
    assert shown(Onnx(model=model, **parameters).apply(picture, ())) == shown(whole)


def test_tiles_show_where_they_do_not_overlap(given: Given) -> None:
    """The check above can fail."""
    model, picture = given(made.smoothing()), coloured(101, 63, "yuv444p")
    whole = Onnx(model=model, tile=0).apply(picture, ())
    assert shown(Onnx(model=model, tile=32, overlap=0).apply(picture, ())) != shown(whole)


def test_no_more_is_seen_at_once_than_a_tile(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    run = Network.run

    def watched(network: Network, samples: NDArray[Any]) -> list[NDArray[Any]]:
        seen.append(samples.shape)
        return run(network, samples)

    filter_ = Onnx(model=given(made.smoothing(3, 2)), tile=64, overlap=8)
    monkeypatch.setattr(Network, "run", watched)
    filter_.apply(coloured(640, 100), ())
    assert set(seen) == {(1, 3, 64, 64)}


@pytest.mark.parametrize(("width", "height"), [(64, 40), (200, 100), (17, 90), (1, 1)])
def test_a_network_of_one_size_sees_tiles_of_that(width: int, height: int, given: Given) -> None:
    filter_, picture = Onnx(model=given(made.larger(2, shape=(1, 3, 40, 64))), overlap=4), coloured(width, height)
    output = filter_.apply(picture, ())
    assert np.array_equal(output.bgr, picture.bgr.repeat(2, 0).repeat(2, 1))


def test_sides_are_filled_up_for_a_network_that_takes_multiples(given: Given) -> None:
    nodes = [
        made.node("AveragePool", "x", "a", kernel_shape=[4, 4], strides=[4, 4]),
        made.node("Resize", "a  scales", "b", mode="nearest"),
        made.node("Add", "x b", "c"),
        made.node("Mul", "c half", "y"),
    ]
    weights = {"scales": np.array([1, 1, 4, 4], np.float32), "half": np.float32(0.5)}
    model, picture = given(made.network(nodes, weights=weights)), coloured(46, 31)
    output = Onnx(model=model, multiple=4).apply(picture, ())
    assert (output.width, output.height) == (46, 31)
    means = cv2.resize(picture.bgr[:28, :44].astype(np.float32), (11, 7), interpolation=cv2.INTER_AREA)
    wanted = (picture.bgr[:28, :44] + means.repeat(4, 0).repeat(4, 1)) / 2
    assert abs(output.bgr[:28, :44] - wanted).max() < 0.51
    with pytest.raises(ValueError, match="fails on a picture of shape 1x3x31x46"):
        Onnx(model=model).apply(picture, ())


@pytest.mark.parametrize(
    ("parameters", "options", "white"),
    [
        ({}, {}, 1),
        ({"values": "0..1"}, {}, 1),
        ({"values": "0..255"}, {}, 255),
        ({"values": "0..255", "returns": "0..1"}, {}, 0),
        ({"values": "-1..1"}, {}, 0),
        ({}, {"shape": (1, None, None, 3)}, 1),
        ({}, {"kind": made.FLOAT16}, 1),
    ],
)
def test_values_are_told_and_read_as_the_network_has_them(
    parameters: dict[str, Any], options: dict[str, Any], white: float, given: Given
) -> None:
    """A negative subtracts from white where black is 0, and from 0 where it is -1."""
    kind = np.float16 if "kind" in options else np.float32
    nodes, weights = [made.node("Sub", "white x", "y")], {"white": np.array(white, kind)}
    if parameters.get("returns"):
        nodes = [made.node("Div", "x white", "a"), made.node("Sub", "one a", "y")]
        weights = {"white": np.array(255, kind), "one": np.array(1, kind)}
    picture = coloured()
    output = Onnx(model=given(made.network(nodes, weights=weights, **options)), **parameters).apply(picture, ())
    assert np.array_equal(output.bgr, 255 - picture.bgr)


def test_bytes_in_and_out(given: Given) -> None:
    picture = coloured()
    model = given(made.network([made.node("BitwiseNot", "x", "y")], kind=made.UINT8, opset=18))
    assert np.array_equal(Onnx(model=model).apply(picture, ()).bgr, 255 - picture.bgr)


@pytest.mark.parametrize(("channels", "kept"), [("rgb", 2), ("bgr", 0)])
def test_the_first_colour_is_the_one_that_is_said(channels: str, kept: int, given: Given) -> None:
    weights = {"first": np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1)}
    model, picture = given(made.network([made.node("Mul", "x first", "y")], weights=weights)), coloured()
    output = Onnx(model=model, channels=channels).apply(picture, ()).bgr
    assert np.array_equal(output[..., kept], picture.bgr[..., kept])
    assert output.sum() == output[..., kept].sum()


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "gray", "gray12le", "nv12", "ya8", "yuva420p"])
def test_one_channel_is_brightness_and_colours_stay(pixel_format: str, given: Given) -> None:
    picture = Picture(noise(pixel_format, 46, 32))
    output = Onnx(model=given(negative(shape=(1, 1, None, None)))).apply(picture, ())
    black, white = picture.colour.luma_levels(picture.format.depth)
    for source, target, plane in zip(picture.planes, output.planes, picture.format.planes, strict=True):
        for had, has, channel in zip(channels_of(source), channels_of(target), plane.channels, strict=True):
            wanted = (black + white - had.astype(int)).clip(0, picture.format.peak) if channel == "y" else had
            assert np.array_equal(has, wanted), channel


@pytest.mark.parametrize("pixel_format", ["bgr24", "gbrp10le", "rgba"])
def test_brightness_of_red_green_and_blue(pixel_format: str, given: Given) -> None:
    picture = Picture(noise(pixel_format, 46, 32))
    same = Onnx(model=given(made.same(shape=(1, 1, None, None)))).apply(picture, ())
    most = 1 if picture.format.depth == 8 else 2
    for had, has in zip(picture.planes, same.planes, strict=True):
        assert abs(had.astype(int) - has).max() <= most
    dark = Onnx(model=given(made.network(
        [made.node("Mul", "x none", "y")], weights={"none": np.float32(0)}, shape=(1, 1, None, None)
    ))).apply(picture, ())  # fmt: skip
    assert dark.bgr.mean() < same.bgr.mean() / 2


def test_more_than_8_bits_are_kept(given: Given) -> None:
    """Of red, green and blue of ten bits all come back; of luma and chroma, which become those, a step may be lost."""
    model = given(made.same())
    deep = Picture(noise("gbrp10le", 46, 32))
    assert shown(Onnx(model=model).apply(deep, ())) == shown(deep)
    ramp = picture_of(np.zeros((32, 1024), np.uint8), "yuv444p10le").copy()
    for plane, level in zip(ramp.planes, (np.arange(64, 940, 876 / 1024), 512, 512), strict=True):
        plane[...] = level
    output = Onnx(model=model).apply(ramp.seal(), ())
    assert abs(output.planes[0].astype(int) - ramp.planes[0]).max() <= 1
    assert len(np.unique(output.planes[0])) > 800, "8 bits hold 256"


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("pixel_format", ["rgba", "yuva420p", "gbrap", "ya8", "rgba64le"])
def test_transparency_goes_along(pixel_format: str, factor: int, given: Given) -> None:
    picture = picture_of(np.zeros((32, 48), np.uint8), pixel_format).copy()
    wanted = np.zeros((32, 48), np.uint16)
    wanted[8:24, 8:40] = picture.format.peak
    for plane, kind in zip(picture.planes, picture.format.planes, strict=True):
        if "a" in kind.channels:
            channels_of(plane)[kind.channels.index("a")][...] = wanted
    for shape in ((1, 3, None, None), (1, 1, None, None)):
        output = Onnx(model=given(made.larger(factor, shape=shape))).apply(picture.seal(), ())
        for plane, kind in zip(output.planes, output.format.planes, strict=True):
            if "a" in kind.channels:
                alpha = channels_of(plane)[kind.channels.index("a")]
                inside = alpha[12 * factor : 20 * factor, 12 * factor : 36 * factor]  # as far as Lanczos looks
                assert (inside == picture.format.peak).all()
                assert (alpha[: 4 * factor] == 0).all()


def test_a_picture_of_one_channel_is_gray(given: Given) -> None:
    nodes = [made.node("ReduceMean", "x", "y", axes=[1], keepdims=1)]
    picture = coloured()
    output = Onnx(model=given(made.network(nodes))).apply(picture, ()).bgr
    assert abs(output - picture.bgr.mean(axis=2, keepdims=True)).max() <= 0.51


def test_boxes_grow_along(given: Given) -> None:
    picture = coloured(48, 32).with_notes({"filter": "faces", "boxes": [[1, 2, 3, 4]], "scores": [0.5]})
    (note,) = Onnx(model=given(made.larger(3))).apply(picture, ()).notes
    assert note["boxes"] == [[3, 6, 9, 12]]


def test_what_would_be_too_large_is_refused_with_a_way_out(given: Given) -> None:
    filter_ = Onnx(model=given(made.larger(4)))
    with pytest.raises(
        UnsuitableSize, match=r"2049x64 would become 8196x256, .* make the picture smaller first, with resize"
    ):
        filter_.output_size(2049, 64)
    assert filter_.output_size(2048, 64) == (8192, 256)
    assert Onnx(model=given(made.same())).output_size(9000, 64) == (9000, 64)


def chain(first: str, second: str) -> bytes:
    return made.network([made.node(first, "x", "a"), made.node(second, "a", "y")])


def pooling() -> bytes:
    return made.network([made.node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2])])


@pytest.mark.parametrize(
    ("content", "parameters", "words"),
    [
        (pooling(), {}, "makes 1x3x16x16 of a picture of 32x32; it must make a picture of 1 to 4 times both sides"),
        (
            made.network([made.node("Concat", "x x x", "y", axis=1)], shape=(1, 1, None, None)),
            {},
            "makes 1x3x32x32 of a picture of 32x32; .* with 1 channel$",
        ),
        (made.larger(5), {}, "makes 1x3x160x160 of a picture of 32x32"),
        (made.bright_cells(), {}, "makes 1x6x64 of a picture of 64x64"),
        (chain("Log", "Log"), {}, r"values that are no numbers \(NaN\)"),
        (made.network([made.node("Cast", "x", "y", to=8)], out_kind=8), {}, "which is not an array of numbers"),
        (made.same(), {"tile": 32, "overlap": 16}, "tile is 32 and overlap is 16; a tile must have more than twice"),
        (made.same(), {"tile": 100, "multiple": 8}, "tile is 100, which is not a multiple of 8"),
        (made.same(shape=(1, 3, 32, 32)), {"overlap": 16}, "overlap is 16, and a tile has 32 pixels"),
        (b"nothing", {}, "is not an ONNX file"),
    ],
)
def test_what_cannot_be_used_is_refused_when_the_filter_is_made(
    content: bytes, parameters: dict[str, Any], words: str, given: Given
) -> None:
    with pytest.raises(ParameterError, match=f"^onnx: .*{words}"):
        Onnx(model=given(content), **parameters)


def test_a_network_must_be_given() -> None:
    with pytest.raises(ParameterError, match="onnx needs model, as in onnx:model=FILE"):
        make(parse_chain("onnx:tile=64")[0])


def test_a_picture_of_which_it_makes_no_numbers_fails(given: Given) -> None:
    """Gray is well: only then the filter is made."""
    filter_ = Onnx(model=given(made.network([made.node("Log", "x", "a"), made.node("Mul", "a x", "y")])))
    with pytest.raises(ValueError, match=r"gives values that are no numbers \(NaN\) for this picture"):
        filter_.apply(picture_of(np.zeros((8, 8), np.uint8), "bgr24"), ())


def test_another_size_than_of_the_gray_picture_fails(given: Given) -> None:
    """Twice as large where a picture is wider than the one that it was tried with."""
    nodes = [
        made.node("Shape", "x", "sides", start=3),
        made.node("Div", "sides wide", "more"),
        made.node("Cast", "more", "number", to=made.FLOAT),
        made.node("Add", "number one", "factor"),
        made.node("Concat", "ones factor factor", "scales", axis=0),
        made.node("Resize", "x  scales", "y", mode="nearest"),
    ]
    weights = {"wide": np.array([40]), "one": np.ones(1, np.float32), "ones": np.ones(2, np.float32)}
    filter_ = Onnx(model=given(made.network(nodes, weights=weights)))
    with pytest.raises(ValueError, match="makes this picture 2 times as large, but a gray one 1 times"):
        filter_.apply(coloured(48, 32), ())
