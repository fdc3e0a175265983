from __future__ import annotations

from moviola.filters.toolbox.finds import Find, grown, inside, note, shared, strongest


def test_of_finds_of_one_thing_the_strongest_stays() -> None:
    weak, strong, apart = Find((12, 10, 20, 20), 1.0), Find((10, 10, 20, 20), 2.0), Find((80, 10, 20, 20), 0.5)
    assert strongest([weak, apart, strong], 0.3, 0.6) == [strong, apart]


def test_a_small_find_within_a_large_one_is_the_same_thing() -> None:
    large, small, beside = Find((0, 0, 100, 100), 2.0), Find((40, 40, 10, 10), 1.0), Find((95, 0, 100, 100), 1.0)
    assert strongest([large, small, beside], 0.3, 0.6) == [large, beside]


def test_equal_scores_come_out_in_one_order() -> None:
    finds = [Find((x, 0, 10, 10), 1.0) for x in (4, 0, 2)]
    assert strongest(finds, 0.3, 0.6) == strongest(reversed(finds), 0.3, 0.6) == [finds[1]]


def test_boxes_stay_within_the_picture() -> None:
    assert inside((-3.4, 5.2, 10, 10), 64, 48) == (0, 5, 7, 10)
    assert inside((63.6, 47.9, 10, 10), 64, 48) == (63, 47, 1, 1)
    assert grown((10, 20, 20, 10), 0.5, 64, 48) == (0, 15, 40, 20)


def test_shared_pixels_are_counted() -> None:
    assert shared((0, 0, 10, 10), (5, 8, 10, 10)) == 10
    assert shared((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert shared((0, 0, 10, 10), (30, 30, 1, 1)) == 0


def test_the_note_has_a_score_for_each_box() -> None:
    assert note("people", [Find((1, 2, 3, 4), 0.12345)]) == {
        "filter": "people",
        "boxes": [[1, 2, 3, 4]],
        "scores": [0.123],
    }
