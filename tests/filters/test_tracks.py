"""What a detector misses for a moment is followed: where it was, where it must be, and how often that was so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.finds import Find
from moviola.filters.toolbox.tracks import follow

SURE = 0.5


def at(x: float, y: float = 100, side: int = 40, score: float = 0.9) -> Find:
    return Find((round(x), round(y), side, side), score)


def covers(boxes: Sequence[Box], face: Find) -> bool:
    x, y, width, height = face.box
    return any(b[0] <= x and b[1] <= y and b[0] + b[2] >= x + width and b[1] + b[3] >= y + height for b in boxes)


def test_what_is_seen_is_not_held() -> None:
    assert follow([[at(10)], [at(12)], [at(14)]], SURE) == ([at(14)], [], 0)


def test_of_one_picture_there_are_its_finds() -> None:
    assert follow([[at(10), at(200)]], SURE) == ([at(10), at(200)], [], 0)
    assert follow([[]], SURE) == ([], [], 0)


@pytest.mark.parametrize("step", [0, 3, -5, 12])
@pytest.mark.parametrize("gap", [1, 2, 5, 8])
def test_a_face_is_covered_where_its_motion_brings_it(step: int, gap: int) -> None:
    """It moves evenly, was seen in five pictures, and then is not."""
    path = [at(300 + step * index) for index in range(5 + gap)]
    followed = follow([[face] for face in path[:5]] + [[]] * gap, SURE)
    assert followed.seen == []
    assert len(followed.held) == 1
    assert covers(followed.held, path[-1])
    assert covers(followed.held, path[4]), "it may also have stopped where it was"


def test_doubt_grows_with_the_gap_and_ends() -> None:
    def width(gap: int) -> int:
        return follow([[at(300)], [at(300)], *([[]] * gap)], SURE).held[0][2]

    widths = [width(gap) for gap in range(1, 100)]
    assert 40 < widths[0] < widths[1] < widths[3]
    assert widths == sorted(widths)
    assert widths[-1] <= 2 * 40


def test_a_face_that_is_found_again_is_one_and_the_pictures_without_it_are_told() -> None:
    window = [[at(100)], [at(104)], [], [], [], [at(120)]]
    assert follow(window, SURE) == ([at(120)], [], 3)
    assert follow(window[:-1], SURE).missed == 0, "nobody knows yet whether it will be seen again"
    assert follow([*window, [at(124)]], SURE).missed == 0, "it was told with the picture before"


def test_of_several_faces_the_longest_gap_is_told() -> None:
    here, there = at(100), at(300)
    assert follow([[here, there], [there], [here], [here, there]], SURE).missed == 1
    assert follow([[here, there], [], [here], [here, there]], SURE).missed == 2


def test_two_faces_that_cross_are_both_covered() -> None:
    left, right = ([at(100 + 8 * index) for index in range(9)], [at(228 - 8 * index, 104) for index in range(9)])
    window = [[one, other] for one, other in zip(left[:7], right[:7], strict=True)]
    followed = follow([*window, [left[7]], [left[8]]], SURE)
    assert covers([find.box for find in followed.seen], left[8])
    assert covers(followed.held, right[8])


def test_a_face_elsewhere_is_another_one() -> None:
    followed = follow([[at(100)], [at(300)]], SURE)
    assert followed.seen == [at(300)]
    assert covers(followed.held, at(100))
    assert followed.missed == 0


def test_a_face_of_another_size_is_another_one() -> None:
    followed = follow([[at(100)], [at(90, 90, 100)]], SURE)
    assert followed.seen == [at(90, 90, 100)]
    assert covers(followed.held, at(100))


def test_a_weak_find_counts_where_the_face_was_seen_well() -> None:
    weak, sure = at(102, score=0.2), at(100)
    assert follow([[weak]], SURE) == ([], [], 0)
    assert follow([[weak], [weak], []], SURE) == ([], [], 0)
    assert follow([[sure], [weak]], SURE) == ([weak], [], 0)
    assert follow([[weak], [sure], []], SURE).held
    assert follow([[sure], [at(300, score=0.2)]], SURE).seen == []


def test_the_order_of_finds_does_not_matter() -> None:
    window = [[at(100), at(130), at(115, 130)], [at(118), at(104), at(139)], [at(109)]]
    assert follow(window, SURE) == follow([finds[::-1] for finds in window], SURE)
