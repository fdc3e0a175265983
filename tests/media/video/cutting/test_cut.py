from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.video.cutting.cut import Cut, Order, SourceTrack, cut, display_ranks, preroll_start

# In decode order: I0 P4 B2 b1 b3 P8 B6 b5 b7, as x264 codes three B-pictures between anchors.
PYRAMID = [0, 4, 2, 1, 3, 8, 6, 5, 7]
NONE, WEAK, OPEN, CLOSED = range(4)


def track(
    pts: Sequence[int | None],
    *,
    access: Sequence[int] | None = None,
    anchor: Sequence[int] | None = None,
    codec: str = "h264",
    reorders: bool = True,
    depth: int = 2,
    hidden: Sequence[int] = (),
    empty: Sequence[int] = (),
    second: Sequence[int] = (),
) -> SourceTrack:
    count = len(pts)
    return SourceTrack(
        codec=codec,
        reorders=reorders,
        reorder_depth=depth,
        pts=pts,
        size=[0 if index in empty else 100 for index in range(count)],
        access=access or [CLOSED, *[NONE] * (count - 1)],
        anchor=anchor or [0] * count,
        shown=[index not in (*hidden, *empty, *second) for index in range(count)],
        second=[index in second for index in range(count)],
    )


def clean(one: SourceTrack) -> list[int]:
    return [index for index, is_clean in enumerate(one.clean) if is_clean]


def test_by_pts_a_cut_is_clean_where_all_before_is_shown_before_all_after() -> None:
    one = track(PYRAMID)
    assert one.order is Order.PTS
    assert clean(one) == [0, 1, 5, 9]


def test_equal_times_are_no_clean_cut() -> None:
    assert clean(track([0, 2, 1, 2, 4, 3, 5])) == [0, 1, 4, 6, 7]


@pytest.mark.parametrize(("reorders", "depth"), [(True, 2), (True, 0), (False, 0)])
def test_no_cut_is_between_the_fields_of_a_frame(reorders: bool, depth: int) -> None:
    pts = [0, 0, 4, 4, 2, 2, 1, 1, 5, 5] if depth else [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    one = track(pts, reorders=reorders, depth=depth, second=range(1, 10, 2))
    assert clean(one) == ([0, 2, 8, 10] if depth else [0, 2, 4, 6, 8, 10])
    assert one.times == sorted(pts[::2])
    assert cut(one, 8, 10, 2) == Cut(0, 2 if depth else 4, 8, 10)


def test_without_reordering_every_cut_is_clean() -> None:
    assert clean(track([0, 1, 2, 3], reorders=False)) == [0, 1, 2, 3, 4]
    assert clean(track([0, 1, 2, 3], depth=0)) == [0, 1, 2, 3, 4]


def test_a_reordering_codec_without_times_is_not_flat() -> None:
    assert track([0, None, 2, 3], depth=0).order is Order.UNKNOWN
    assert track([0, 2, 1, 3], depth=0).order is Order.PTS


def test_mpeg_is_cut_before_anchors_whatever_its_times_say() -> None:
    one = track([None] * 7, codec="mpeg2video", depth=1, anchor=[1, 1, 0, 0, 1, 0, 0])
    assert one.order is Order.ANCHOR
    assert clean(one) == [0, 1, 4, 7]


@pytest.mark.parametrize("pts", [[0, 1, 2, 3, 4, 5], [0, None, 2, 3, 4, 5]])
def test_where_times_lie_or_lack_only_proven_access_points_are_clean(pts: list[int | None]) -> None:
    one = track(pts, access=[CLOSED, NONE, WEAK, OPEN, CLOSED, NONE])
    assert one.order is Order.UNKNOWN
    assert clean(one) == [0, 3, 4, 6]


def test_empty_packets_have_no_say_in_the_order() -> None:
    one = track([0, 4, 2, None, 1, 3, 99, 8, 6, 5, 7], empty=(3, 6))
    assert one.order is Order.PTS
    assert clean(one) == [0, 1, 6, 7, 11]


@given(st.permutations(range(12)))
def test_clean_cuts_are_what_they_say(pts: list[int]) -> None:
    one = track(pts)
    if one.order is Order.PTS:
        for index in range(1, 12):
            assert bool(one.clean[index]) == (max(pts[:index]) < min(pts[index:]))


def test_a_closed_access_point_needs_nothing_before_it() -> None:
    one = track(range(9), access=[CLOSED, 0, 0, CLOSED, 0, 0, CLOSED, 0, 0])
    assert [preroll_start(one, start) for start in range(9)] == [0, 0, 0, 3, 3, 3, 6, 6, 6]


def test_at_an_open_access_point_the_group_before_is_needed_too() -> None:
    one = track(range(9), access=[OPEN, 0, 0, OPEN, 0, 0, OPEN, 0, 0])
    assert [preroll_start(one, start) for start in range(9)] == [0, 0, 0, 0, 3, 3, 3, 6, 6]


def test_after_a_weak_access_point_two_more_are_needed() -> None:
    one = track(range(9), access=[WEAK, 0, WEAK, 0, WEAK, 0, WEAK, 0, WEAK])
    assert [preroll_start(one, start) for start in range(9)] == [0, 0, 0, 0, 0, 0, 2, 2, 4]


def test_going_back_ends_at_a_closed_access_point() -> None:
    one = track(range(6), access=[WEAK, 0, CLOSED, WEAK, WEAK, 0])
    assert preroll_start(one, 5) == 2
    assert preroll_start(one, 3) == 2


def test_before_the_first_access_point_everything_is_needed() -> None:
    assert preroll_start(track(range(6), access=[0, 0, 0, CLOSED, 0, 0]), 2) == 0


def test_frames_before_a_chunk_are_reached_from_an_earlier_clean_cut() -> None:
    one = track(PYRAMID, access=[CLOSED, *[0] * 4, CLOSED, 0, 0, 0])
    assert cut(one, 5, 9, 0) == Cut(preroll=5, skip=5, start=5, stop=9)
    # the frame shown last before is the anchor, coded first in its group; the one before that is coded last
    assert cut(one, 5, 9, 1) == Cut(preroll=0, skip=1, start=5, stop=9)
    assert cut(one, 5, 9, 4) == Cut(preroll=0, skip=1, start=5, stop=9)
    assert cut(one, 5, 9, 9) == Cut(preroll=0, skip=0, start=5, stop=9)


def test_frames_that_are_not_shown_are_no_context() -> None:
    one = track(range(8), reorders=False, hidden=(5,), access=[CLOSED] * 8)
    assert cut(one, 6, 8, 1) == Cut(preroll=4, skip=4, start=6, stop=8)
    assert cut(one, 6, 8, 2) == Cut(preroll=3, skip=3, start=6, stop=8)


def test_where_nothing_tells_the_order_nothing_is_skipped_for_context() -> None:
    one = track(range(6), access=[CLOSED, 0, 0, CLOSED, 0, 0])
    assert one.order is Order.UNKNOWN
    assert cut(one, 3, 6, 1) == Cut(preroll=0, skip=0, start=3, stop=6)


def test_ranks_follow_times() -> None:
    assert display_ranks(track(PYRAMID), 0, 9) == [0, 4, 2, 1, 3, 8, 6, 5, 7]
    assert display_ranks(track(PYRAMID, hidden=(3, 4)), 0, 9) == [0, 2, 1, 6, 4, 3, 5]


def test_ranks_are_unknown_among_equal_times() -> None:
    assert display_ranks(track([0, 2, 1, 2, 4, 3, 5]), 0, 4) is None
    assert display_ranks(track([0, 2, 1, 2, 4, 3, 5]), 4, 7) == [1, 0, 2]


def test_ranks_of_anchors_are_late() -> None:
    one = track([None] * 7, codec="mpeg4", depth=1, anchor=[1, 1, 0, 0, 1, 0, 0])
    assert display_ranks(one, 0, 7) == [0, 3, 1, 2, 6, 4, 5]


def test_ranks_are_unknown_where_times_lie() -> None:
    assert display_ranks(track(range(6)), 0, 6) is None
