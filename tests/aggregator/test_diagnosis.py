"""Which results are at fault, by a splice that is only played."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from aggregator.diagnosis import MAX_SUSPECTS, unreadable
from moviola.media.errors import BundleError, SpliceError


def worker_of(index: int) -> str:
    """Three workers take turns."""
    return f"w{index % 3}"


@given(st.integers(1, 60), st.data())
def test_all_that_the_maker_of_a_broken_one_broke_are_found_and_none_that_others_made(
    count: int, data: st.DataObject
) -> None:
    broken = data.draw(st.sets(st.sampled_from(range(0, count, 3)), min_size=1))  # all of w0

    def fault_of(indexes: Iterable[int]) -> Exception | None:
        return BundleError("broken") if broken & set(indexes) else None

    last = min(count - 1, min(broken) + data.draw(st.integers(0, MAX_SUSPECTS - 1)))
    assert set(unreadable(count, last, fault_of, worker_of)) == broken


@given(st.integers(2, 40), st.data())
def test_of_two_that_contradict_each_other_both_are_found(count: int, data: st.DataObject) -> None:
    second = data.draw(st.integers(1, count - 1))

    def fault_of(indexes: Iterable[int]) -> Exception | None:
        return SpliceError("twice") if {second - 1, second} <= set(indexes) else None

    assert set(unreadable(count, second, fault_of, worker_of)) == {second - 1, second}


@given(st.integers(1, 60), st.data())
def test_where_nothing_at_all_can_be_spliced_no_result_is_to_blame(count: int, data: st.DataObject) -> None:
    last = data.draw(st.integers(-1, count - 1))
    assert unreadable(count, last, lambda _: SpliceError("no container takes this"), worker_of) == {}


def test_a_single_result_that_is_none_is_found() -> None:
    assert list(unreadable(1, 0, lambda _: BundleError("broken"), worker_of)) == [0]
