"""`detect` finds with the user's network; each network here answers by a rule that a person can check."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.builtin.detect import Detect
from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture
from moviola.filters.registry import make
from moviola.filters.schema import ParameterError
from tests.filters.frames import picture_of
from tests.filters.networks import made
from tests.filters.networks.conftest import Given, given

__all__ = ["given"]


def white_on_black(box: tuple[int, int, int, int], width: int = 64, height: int = 64) -> Picture:
    x, y, wide, high = box
    image = np.zeros((height, width), np.uint8)
    image[y : y + high, x : x + wide] = 255
    return picture_of(image, "yuvj444p")


def noted(filter_: Detect, picture: Picture) -> dict[str, Any]:
    (note,) = filter_.apply(picture, ()).notes
    return dict(note)


def rows(*boxes: tuple[float, ...]) -> NDArray[np.float32]:
    """A table of boxes one by one, filled up to ten."""
    table = np.zeros((1, 10, 6), np.float32)
    table[0, : len(boxes)] = boxes
    return table


def test_what_the_network_finds_is_noted_and_boxed(given: Given) -> None:
    output = Detect(model=given(made.bright_cells())).apply(white_on_black((16, 24, 8, 8)), ())
    assert output.notes == ({"filter": "detect", "boxes": [[16, 24, 8, 8]], "scores": [1.0], "labels": ["bright"]},)
    blue, green, red = output.bgr[23, 20].astype(int)
    assert green > blue + 60
    assert green > red + 60


def test_a_picture_keeps_its_proportions_and_boxes_come_back_to_where_things_are(given: Given) -> None:
    """Of 128 x 64 pixels, half the size, in the middle of 64 x 64: 16 rows of gray above it and below."""
    model = given(made.bright_cells())
    found = noted(Detect(model=model, score=0.9), white_on_black((48, 16, 16, 16), 128, 64))
    assert found["boxes"] == [[48, 16, 16, 16]]
    found = noted(Detect(model=model, score=0.9, stretch=True), white_on_black((32, 16, 16, 8), 128, 64))
    assert found["boxes"] == [[32, 16, 16, 8]]


def test_boxes_end_at_the_picture(given: Given) -> None:
    model = given(made.table(rows((-9, -9, 10, 10, 0.9, 0), (60, 60, 90, 90, 0.8, 0), (70, 0, 80, 9, 0.7, 0))))
    assert noted(Detect(model=model), white_on_black((0, 0, 1, 1)))["boxes"] == [[0, 0, 10, 10], [60, 60, 4, 4]]


def test_a_box_in_the_gray_around_a_picture_is_left_out(given: Given) -> None:
    model = given(made.table(rows((0, 0, 64, 8, 0.9, 0), (8, 8, 16, 24, 0.9, 0))))
    assert noted(Detect(model=model), white_on_black((0, 0, 1, 1), 128, 64))["boxes"] == [[16, 0, 16, 16]]


@pytest.mark.parametrize(
    ("classes", "labels"),
    [("", ["a cat", "dog"]), ("dog", ["dog"]), ("0", ["a cat"]), (" a cat ,1,", ["a cat", "dog"])],
)
def test_only_the_classes_that_are_asked_for(classes: str, labels: list[str], given: Given) -> None:
    model = given(made.table(rows((9, 0, 19, 9, 0.9, 1), (0, 0, 9, 9, 0.8, 0)), extra={"names": "{0:'a cat',1:'dog'}"}))
    assert noted(Detect(model=model, classes=classes), white_on_black((0, 0, 1, 1)))["labels"] == labels


def test_names_of_classes_come_from_the_file_a_text_or_a_list(given: Given) -> None:
    model = given(made.table(rows((0, 0, 9, 9, 0.9, 1), (9, 0, 19, 9, 0.8, 7))))
    picture = white_on_black((0, 0, 1, 1))
    assert noted(Detect(model=model), picture)["labels"] == ["1", "7"]
    assert noted(Detect(model=model, labels="cat, dog"), picture)["labels"] == ["dog", "7"]
    assert noted(Detect(model=model, labels_file=given(b"cat\nbig dog\n")), picture)["labels"] == [
        "big dog",
        "7",
    ]
    listed = given(made.table(rows((0, 0, 9, 9, 0.9, 1)), extra={"names": "['cat', 'dog']"}))
    assert noted(Detect(model=listed), picture)["labels"] == ["dog"]


@pytest.mark.parametrize("labels", [b"\xef\xbb\xbfcat\r\n\r\ndog\r\n\r\n", b"cat\n \ndog", "cat,,dog,"])
def test_a_blank_place_among_names_moves_no_other(labels: bytes | str, given: Given) -> None:
    model = given(made.table(rows(*((20 * kind, 0, 20 * kind + 9, 9, 0.9 - kind / 10, kind) for kind in range(3)))))
    told: dict[str, Any] = {"labels": labels} if isinstance(labels, str) else {"labels_file": given(labels)}
    assert noted(Detect(model=model, **told), white_on_black((0, 0, 1, 1)))["labels"] == ["cat", "1", "dog"]


@pytest.mark.parametrize("names", ["{0: 'cat'", "{1: 'cat'}", "{0: 7}", "__import__('os')", "[" * 9000, "7"])
def test_names_that_are_none_are_passed_over(names: str, given: Given) -> None:
    model = given(made.table(rows((0, 0, 9, 9, 0.9, 0)), extra={"names": names}))
    assert noted(Detect(model=model), white_on_black((0, 0, 1, 1)))["labels"] == ["0"]


def columns(*boxes: tuple[float, ...]) -> NDArray[np.float32]:
    """Boxes by middle and size, with scores of two classes."""
    table = np.zeros((1, 6, 84), np.float32)
    table[0, :, : len(boxes)] = np.array(boxes).T
    return table


def test_of_boxes_that_are_one_the_surest_counts(given: Given) -> None:
    model = given(made.table(columns((10, 10, 10, 10, 0.8, 0), (11, 10, 10, 10, 0.9, 0), (11, 10, 10, 10, 0, 0.7))))
    picture = white_on_black((0, 0, 1, 1))
    found = noted(Detect(model=model), picture)
    assert found == {
        "filter": "detect",
        "boxes": [[6, 5, 10, 10], [6, 5, 10, 10]],
        "scores": [0.7, 0.9],
        "labels": ["1", "0"],
    }, "one of each class"
    assert len(noted(Detect(model=model, overlap=0.9), picture)["boxes"]) == 3
    assert noted(Detect(model=model, score=0.75), picture)["scores"] == [0.9]


def test_what_the_network_has_sorted_out_itself_stays(given: Given) -> None:
    model = given(made.table(rows((0, 0, 9, 9, 0.9, 0), (0, 0, 9, 9, 0.8, 0))))
    assert len(noted(Detect(model=model), white_on_black((0, 0, 1, 1)))["boxes"]) == 2


def test_thousands_of_finds_are_bounded(given: Given) -> None:
    table = np.zeros((1, 6, 5000), np.float32)
    table[0, 0], table[0, 1] = np.arange(5000) % 64, np.arange(5000) // 64
    table[0, 2:5] = np.array([[0.5], [0.5], [0.9]])
    model = given(made.table(table))
    assert len(noted(Detect(model=model, overlap=1.0), white_on_black((0, 0, 1, 1)))["boxes"]) == 300


def test_boxes_in_shares_of_the_input(given: Given) -> None:
    model = given(made.table(rows((0.25, 0.5, 0.5, 0.75, 0.9, 0))))
    assert noted(Detect(model=model, fractions=True), white_on_black((0, 0, 1, 1)))["boxes"] == [[16, 32, 16, 16]]


def test_maps_are_read(given: Given) -> None:
    heat, pair = np.zeros((1, 2, 16, 16)), np.zeros((1, 2, 16, 16))
    heat[0, 1, 4, 6], pair[0, :, 4, 6] = 0.9, (2, 3)
    model = given(made.maps({"hm": heat, "wh": pair, "reg": 0 * pair}))
    found = noted(Detect(model=model, labels="cat,dog"), white_on_black((0, 0, 1, 1)))
    assert (found["boxes"], found["labels"]) == ([[20, 10, 8, 12]], ["dog"])


def first_pixel(**options: Any) -> bytes:
    """A detector that is as sure of its one box as the first number of what it takes says."""
    nodes = [
        made.node("Slice", "x from to axes", "first"),
        made.node("Cast", "first", "number", to=made.FLOAT),
        made.node("Reshape", "number shape", "score"),
        made.node("Concat", "box score class", "y", axis=2),
    ]
    weights = {
        "from": np.array([0, 0, 0]), "to": np.array([1, 1, 1]), "axes": np.array([1, 2, 3]),
        "shape": np.array([1, 1, 1]), "box": np.array([[[1, 1, 9, 9]]], np.float32),
        "class": np.zeros((1, 1, 1), np.float32),
    }  # fmt: skip
    return made.network(nodes, weights=weights, out_kind=made.FLOAT, **options)


@pytest.mark.parametrize(
    ("parameters", "options", "score"),
    [
        ({}, {}, 0.8),  # red, 204 of 255
        ({"channels": "bgr"}, {}, 0.2),
        ({"values": "-1..1", "mean": "-1", "std": "4"}, {}, 0.4),
        ({"values": "0..255", "std": "255"}, {}, 0.8),
        ({"mean": "0.4 0 0", "std": "0.8 1 1"}, {}, 0.5),
        ({"mean": "0.5 0 0", "channels": "bgr", "values": "0..255", "std": "255"}, {}, 0.198),  # (51 - 0.5) / 255
        ({"std": "2"}, {"kind": made.FLOAT16}, 0.4),
        ({"values": "0..1"}, {"kind": made.UINT8}, 1.0),
        ({}, {"shape": (1, 64, 64, 3)}, 0.8),
        ({}, {"shape": (1, 1, None, None)}, 0.497),  # brightness: 0.299 × 204 + 0.587 × 102 + 0.114 × 51 = 126.7
    ],
)
def test_samples_are_told_as_the_network_takes_them(
    parameters: dict[str, Any], options: dict[str, Any], score: float, given: Given
) -> None:
    model = given(first_pixel(**{"shape": (1, 3, 64, 64), **options}))
    picture = picture_of(np.zeros((64, 64), np.uint8), "bgr24").with_bgr(np.full((64, 64, 3), (51, 102, 204), np.uint8))
    assert noted(Detect(model=model, score=0.01, **parameters), picture)["scores"] == [pytest.approx(score, abs=0.002)]


def test_bytes_are_told_as_they_are(given: Given) -> None:
    model = given(first_pixel(shape=(1, 3, 64, 64), kind=made.UINT8))
    with pytest.raises(ParameterError, match="gives scores from 114 to 114"):
        Detect(model=model)


def test_a_network_of_any_size_is_asked_at_the_size_that_is_said(given: Given) -> None:
    nodes = [
        made.node("Shape", "x", "sides"),
        made.node("Slice", "sides second end", "pixels"),
        made.node("Cast", "pixels", "number", to=made.FLOAT),
        made.node("Div", "number thousand", "score"),
        made.node("Reshape", "score shape", "column"),
        made.node("Concat", "box column class", "y", axis=2),
    ]
    weights = {
        "second": np.array([3]), "end": np.array([4]), "thousand": np.float32(1000), "shape": np.array([1, 1, 1]),
        "box": np.array([[[0, 0, 9, 9]]], np.float32), "class": np.zeros((1, 1, 1), np.float32),
    }  # fmt: skip
    model = given(made.network(nodes, weights=weights))
    picture = white_on_black((0, 0, 1, 1))
    assert noted(Detect(model=model), picture)["scores"] == [0.64]
    assert noted(Detect(model=model, size=320), picture)["scores"] == [0.32]


@pytest.mark.parametrize(
    ("content", "parameters", "words"),
    [
        (made.same(shape=(1, 3, 64, 64)), {}, "gives outputs of shape y 1x3x64x64, which may be several layouts"),
        (made.same(shape=(1, 3, 64, 64)), {"layout": "boxes"}, "which is not the layout boxes"),
        (made.bright_cells(), {"size": 32}, "takes pictures of 64x64 only; leave size out"),
        (made.bright_cells(), {"labels": "a,b,c"}, "has 2 classes, but 3 names are given"),
        (made.bright_cells(), {"classes": "brigt"}, 'classes has "brigt", .* did you mean "bright"'),
        (made.bright_cells(), {"classes": "q"}, 'classes has "q", .*; it knows dark, bright'),
        (made.bright_cells(names=()), {"classes": "cat"}, "it names none, so give labels, or numbers"),
        (made.bright_cells(), {"mean": "1 2"}, 'mean takes one number or three, .* not "1 2"'),
        (made.bright_cells(), {"std": "1 0 1"}, "std takes one number other than 0 or three"),
        (made.bright_cells(), {"mean": "a"}, 'mean takes one number .* not "a"'),
        (first_pixel(shape=(1, 1, 64, 64)), {"mean": "1 2 3"}, "takes one channel, and mean or std has three"),
        (b"nothing", {}, "the network given as model is not an ONNX file"),
    ],
)
def test_what_does_not_go_together_is_refused_when_the_filter_is_made(
    content: bytes, parameters: dict[str, Any], words: str, given: Given
) -> None:
    with pytest.raises(ParameterError, match=f"^detect: .*{words}"):
        Detect(model=given(content), **parameters)


def test_names_that_are_no_text_are_refused(given: Given) -> None:
    with pytest.raises(ParameterError, match="labels_file is not text in UTF-8"):
        Detect(model=given(made.bright_cells()), labels_file=given(b"\xff\xfe"))


def test_names_beyond_the_limit_are_refused_whole(given: Given) -> None:
    """Cut off, the last one would be another, or end within a character."""
    for names, is_taken in (("ž" * 32_768, True), ("ž" * 32_769, False)):
        with nullcontext() if is_taken else pytest.raises(ParameterError, match="has 65538 bytes, and the limit is"):
            Detect(model=given(made.table(rows((0, 0, 9, 9, 0.9, 0)))), labels_file=given(names.encode()))


def test_a_network_must_be_given() -> None:
    with pytest.raises(ParameterError, match="detect needs model, as in detect:model=FILE"):
        make(parse_chain("detect:score=0.5")[0])


def test_a_picture_for_which_it_gives_no_numbers_fails(given: Given) -> None:
    """Gray is well: only then the filter is made."""
    nodes = [made.node("ReduceMin", "x", "least", keepdims=0), made.node("Log", "least", "log")]
    nodes += [made.node("Mul", "log nothing", "zero"), made.node("Add", "rows zero", "y")]
    weights = {"rows": rows((0, 0, 9, 9, 0.9, 0)), "nothing": np.float32(0)}
    filter_ = Detect(model=given(made.network(nodes, weights=weights, shape=(1, 3, 64, 64))))
    with pytest.raises(ValueError, match="gives values that are no numbers"):
        filter_.apply(white_on_black((0, 0, 1, 1)), ())


@pytest.mark.parametrize("pixel_format", ["gray", "yuv420p10le", "nv12", "gbrap"])
def test_all_pictures_are_taken(pixel_format: str, given: Given) -> None:
    image = np.zeros((64, 64), np.uint8)
    image[24:32, 16:24] = 255
    output = Detect(model=given(made.bright_cells())).apply(picture_of(image, pixel_format), ())
    assert output.notes[0]["boxes"] == [[16, 24, 8, 8]]
    assert output.format.name == pixel_format
