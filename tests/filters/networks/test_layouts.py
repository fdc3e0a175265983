"""What detectors write down is read as they mean it; the tables here are written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from moviola.filters.toolbox.networks.layouts import candidates_of, layout_of
from moviola.filters.toolbox.networks.runtime import NetworkError

SIZE = (64, 64)
CELLS = 64 + 16 + 4  # of 8, 16 and 32 pixels


def shaped(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def one(array: NDArray[np.float32], name: str = "output0") -> list[tuple[str, NDArray[np.float32]]]:
    return [(name, array)]


@pytest.mark.parametrize(
    ("shape", "classes", "layout"),
    [
        ((1, 84, CELLS), 0, ""),  # a table that is square, or nearly: 84 classes and 84 cells
        ((1, 84, 8400), 0, "yolov8"),
        ((1, 5, CELLS), 0, "yolov8"),
        ((1, CELLS, 6), 2, "yolov8"),
        ((1, CELLS, 85), 80, "yolov5"),
        ((1, CELLS, 85), 81, "yolov8"),
        ((1, CELLS, 20), 0, ""),
        ((1, 3 * CELLS, 85), 0, "yolov5"),
        ((1, 3 * CELLS, 6), 0, "yolov5"),
        ((1, 3 * (CELLS + 1), 85), 0, "yolov5"),  # with cells of 64 pixels as well
        ((1, 300, 6), 0, "boxes"),
        ((1, 0, 6), 0, "boxes"),
        ((7, 6), 0, "boxes"),
        ((1, 5000, 6), 0, ""),
        ((1, 300, 7), 0, ""),
        ((1, 1000), 0, ""),
        ((1, 3, 64, 64), 0, ""),
    ],
)
def test_a_layout_is_known_by_its_shape_or_not_at_all(shape: tuple[int, ...], classes: int, layout: str) -> None:
    assert layout_of(one(shaped(*shape)), SIZE, classes) == layout


def test_maps_are_known_by_their_names_or_their_order() -> None:
    heat, pair = shaped(1, 4, 16, 16), shaped(1, 2, 16, 16)
    assert layout_of([("hm", heat), ("wh", pair), ("reg", pair)], SIZE, 0) == "centernet"
    assert layout_of([("offset", pair), ("size", pair), ("heatmap", heat)], SIZE, 0) == "centernet"
    assert layout_of([("a", heat), ("b", pair), ("c", pair)], SIZE, 0) == "centernet"
    assert layout_of([("a", heat), ("b", pair)], SIZE, 0) == "centernet"
    assert layout_of([("a", heat), ("b", heat)], SIZE, 0) == ""
    assert layout_of([("hm", heat), ("wh", shaped(1, 2, 8, 8))], SIZE, 0) == ""


def test_a_column_or_a_row_for_each_box() -> None:
    lying = shaped(1, 6, CELLS)
    lying[0, :, 5] = 20, 30, 10, 4, 0.25, 0.75  # middle, size, and how sure each class is
    for table in (lying, lying.transpose(0, 2, 1)):
        found = candidates_of("yolov8", one(table), SIZE, 0, False)
        assert found.boxes[5].tolist() == [15, 28, 25, 32]
        assert (found.scores[5], found.classes[5], found.are_final) == (0.75, 1, False)
        assert found.scores.sum() == 0.75


def test_what_follows_the_classes_is_passed_over() -> None:
    """Masks and key points of networks that have them."""
    table = shaped(1, 4 + 2 + 32, CELLS)
    table[0, :7, 0] = 20, 30, 10, 4, 0.25, 0.5, 9
    found = candidates_of("yolov8", one(table), SIZE, 2, False)
    assert (found.scores[0], found.classes[0]) == (0.5, 1)


def test_objectness_weighs_the_classes() -> None:
    table = shaped(1, 3 * CELLS, 7)
    table[0, 9] = 20, 30, 10, 4, 0.5, 0.25, 1
    found = candidates_of("yolov5", one(table), SIZE, 0, False)
    assert found.boxes[9].tolist() == [15, 28, 25, 32]
    assert (found.scores[9], found.classes[9]) == (0.5, 1)


@pytest.mark.parametrize("shape", [(1, 2, 6), (2, 6)])
def test_boxes_that_are_told_one_by_one(shape: tuple[int, ...]) -> None:
    table = np.array([[1, 2, 11, 22, 0.5, 3], [0, 0, 0, 0, 0, 0]], np.float32).reshape(shape)
    found = candidates_of("boxes", one(table), SIZE, 0, False)
    assert found.boxes[0].tolist() == [1, 2, 11, 22]
    assert (found.scores[0], found.classes[0], found.are_final) == (0.5, 3, True)


def test_peaks_of_maps_are_middles() -> None:
    heat, size, offset = shaped(1, 2, 16, 16), shaped(1, 2, 16, 16), shaped(1, 2, 16, 16)
    heat[0, 1, 4, 7], heat[0, 1, 4, 8] = 0.75, 0.5  # the second is no peak
    size[0, :, 4, 7] = 3, 2  # cells of 4 pixels
    offset[0, :, 4, 7] = 0.5, 0.25
    found = candidates_of("centernet", [("hm", heat), ("wh", size), ("reg", offset)], SIZE, 0, False)
    sure = np.flatnonzero(found.scores)
    assert found.boxes[sure].tolist() == [[4 * (7.5 - 1.5), 4 * (4.25 - 1), 4 * (7.5 + 1.5), 4 * (4.25 + 1)]]
    assert (found.scores[sure].tolist(), found.classes[sure].tolist()) == ([0.75], [1])
    (box,) = candidates_of("centernet", [("hm", heat), ("wh", size)], SIZE, 0, False).boxes[sure].tolist()
    assert box == [22, 12, 34, 20]


def test_logits_become_scores() -> None:
    table = shaped(1, 5, CELLS)
    table[0, 4] = -1e6
    table[0, 4, 0] = np.log(3)
    found = candidates_of("yolov8", one(table), SIZE, 0, True)
    assert found.scores[0] == pytest.approx(0.75)
    assert found.scores[1] == 0


@pytest.mark.parametrize(
    ("layout", "table", "classes", "words"),
    [
        ("boxes", shaped(1, 6, CELLS), 0, "gives outputs of shape output0 1x6x84, which is not the layout boxes"),
        ("yolov5", shaped(1, 300, 5), 0, "not the layout yolov5"),
        ("centernet", shaped(1, 6, CELLS), 0, "not the layout centernet"),
        ("yolov8", shaped(1000), 0, "not the layout yolov8"),
        ("yolov8", shaped(1, 6, CELLS), 3, "has 2 classes, but 3 names are given; check labels"),
        ("yolov8", shaped(1, 6, CELLS) + 7, 0, "gives scores from 7 to 7, and they must be 0 to 1: say logits=true"),
        ("yolov8", shaped(1, 6, CELLS) - 1, 0, "gives scores from -1 to -1"),
        ("yolov8", shaped(1, 6, CELLS) + np.nan, 0, r"gives values that are no numbers \(NaN\)"),
        ("boxes", shaped(1, 3, 6) + np.inf, 0, r"gives values that are no numbers \(NaN\)"),
    ],
)
def test_what_cannot_be_is_said(layout: str, table: NDArray[np.float32], classes: int, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        candidates_of(layout, one(table), SIZE, classes, False)
