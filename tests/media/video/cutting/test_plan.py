from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.video.cutting import plan as module
from moviola.media.video.cutting.cut import SourceTrack
from moviola.media.video.cutting.plan import (
    MAX_CHUNK_FRAMES,
    MAX_PAYLOAD_SIZE,
    MAX_PIECES,
    Limits,
    Plan,
    plan,
    preroll_cost,
)


def track(groups: list[int], size: int = 100, *, closed: bool = True, clean: bool = True) -> SourceTrack:
    """Groups of so many frames each; `clean` says that it can be cut anywhere."""
    access = [value for count in groups for value in (3 if closed else 2, *[0] * (count - 1))]
    total = len(access)
    return SourceTrack(
        codec="h264",
        reorders=not clean,
        reorder_depth=0 if clean else 2,
        pts=range(total),
        size=[size] * total,
        access=access,
        anchor=[0] * total,
        shown=[1] * total,
    )


def frame_counts(one: Plan) -> list[int]:
    return [each.stop - each.start for each in one.cuts]


def automatic(groups: list[int], **settings: bool) -> list[int]:
    found = plan(track(groups, **settings), 640, 480)
    assert found.refusal == ""
    return frame_counts(found)


def test_asked_for_sizes_are_kept_where_cutting_is_clean() -> None:
    assert frame_counts(plan(track([30]), 64, 48, chunk_frames=7)) == [7, 7, 7, 7, 2]
    assert frame_counts(plan(track([30]), 64, 48, chunk_frames=1000)) == [30]


def test_enough_whole_groups_are_joined() -> None:
    assert automatic([12] * 40) == [72] * 6 + [48]
    assert automatic([120] * 40) == [120] * 40


def test_a_part_of_the_last_group_is_a_chunk_of_its_own_so_that_workers_end_together() -> None:
    assert automatic([250] * 8) == [250] * 7 + [62, 188]
    assert automatic([132] * 6) == [132] * 5 + [33, 99]
    assert automatic([127] * 6) == [127] * 6


def test_a_short_rest_stays_with_the_chunk_before() -> None:
    assert automatic([64] * 6 + [31]) == [64] * 5 + [95]
    assert automatic([64] * 6 + [32]) == [64] * 6 + [32]


@pytest.mark.parametrize(
    ("groups", "counts"),
    [
        ([132], [66, 66]),  # better than 64 + 64 + 4
        ([127], [127]),
        ([64 * 8], [64] * 8),
        ([1000], [125] * 8),  # not 15 pieces: each repeats the decoding of those before
        ([300, 40], [75] * 4 + [40]),
    ],
)
def test_too_few_groups_are_cut_into_equal_pieces(groups: list[int], counts: list[int]) -> None:
    assert automatic(groups) == counts


def test_pieces_are_moved_on_to_the_next_clean_cut() -> None:
    pts = [value + group for group in range(0, 200, 4) for value in (3, 1, 0, 2)]
    one = SourceTrack("h264", True, 2, pts, [9] * 200, [3] + [0] * 199, [0] * 200, [1] * 200)
    assert frame_counts(plan(one, 64, 48)) == [68, 68, 64]


def test_a_video_that_cannot_be_cut_is_one_chunk() -> None:
    assert automatic([132], clean=False) == [132]


def test_groups_larger_than_a_chunk_may_be_are_cut_even_among_many() -> None:
    counts = automatic([3000, *[64] * 8])
    assert max(counts) <= MAX_CHUNK_FRAMES
    assert sum(counts) == 3000 + 8 * 64


def test_large_pictures_make_short_chunks() -> None:
    assert Limits.of(3840, 2160).frames == 2**32 // (3840 * 2160)
    assert Limits.of(100_000, 100_000).frames == 1
    wide = plan(track([1] * 60), 16384, 16384)
    assert wide.refusal == ""
    assert max(frame_counts(wide)) <= 16


def test_large_frames_make_short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHUNK_SIZE", 1000)
    monkeypatch.setattr(module.Limits, "of", classmethod(lambda cls, w, h: Limits(2048, 1000)))
    found = plan(track([1] * 60, size=100), 64, 48)
    assert found.refusal == ""
    assert max(frame_counts(found)) <= 10
    assert frame_counts(plan(track([1] * 4, size=5000), 64, 48)) == [1] * 4


def test_a_group_too_long_for_its_pieces_is_refused() -> None:
    assert plan(track([MAX_CHUNK_FRAMES * MAX_PIECES]), 64, 48).refusal == ""
    refusal = plan(track([MAX_CHUNK_FRAMES * MAX_PIECES + 8]), 64, 48).refusal
    assert "2049 frames" in refusal
    assert "cannot be cut safely into chunks of at most 2048 frames" in refusal


def test_a_long_video_without_clean_cuts_is_refused() -> None:
    assert "cannot be cut safely" in plan(track([5000], clean=False), 64, 48, chunk_frames=10).refusal


def test_a_preroll_too_large_to_send_is_refused() -> None:
    found = plan(track([200], size=2 * 1024 * 1024), 64, 48, chunk_frames=10)
    assert "needs a preroll of" in found.refusal


def test_one_huge_frame_is_not_refused() -> None:
    assert plan(track([1, 1], size=MAX_PAYLOAD_SIZE + 1), 64, 48).refusal == ""


def test_the_cost_of_prerolls_is_counted() -> None:
    one = track([100], size=7)
    assert preroll_cost(one, plan(one, 64, 48, chunk_frames=25).cuts) == (25 + 50 + 75, 150 * 7)
    grouped = track([25] * 4)
    assert preroll_cost(grouped, plan(grouped, 64, 48, chunk_frames=25).cuts) == (0, 0)


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
    st.one_of(st.none(), st.integers(1, 200)),
    st.booleans(),
    st.booleans(),
)
def test_every_frame_is_in_one_chunk(groups: list[int], size: int | None, closed: bool, clean: bool) -> None:
    one = track(groups, closed=closed, clean=clean)
    cuts = plan(one, 64, 48, chunk_frames=size, context_frames=2).cuts
    assert cuts[0].start == 0
    assert cuts[-1].stop == sum(groups)
    assert all(before.stop == after.start for before, after in pairwise(cuts))
    assert all(before.preroll <= after.preroll for before, after in pairwise(cuts))
    assert all(each.preroll <= each.skip <= each.start < each.stop for each in cuts)
    assert all(one.clean[each.start] for each in cuts)
