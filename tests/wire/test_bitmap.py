"""Bitmaps against Python's own sets, near and far; and what one far index costs."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.wire.bitmap import BLOCK, Bitmap
from moviola.wire.limits import MAX_CHUNKS

INDEXES = st.integers(0, 100) | st.integers(BLOCK - 2, BLOCK + 2) | st.integers(0, 5 * BLOCK)
STEPS = st.lists(st.tuples(st.booleans(), INDEXES))
SETS = st.sets(INDEXES)


def made(indexes: set[int]) -> Bitmap:
    bitmap = Bitmap()
    for index in indexes:
        bitmap.add(index)
    return bitmap


@given(STEPS)
def test_it_is_a_set(steps: list[tuple[bool, int]]) -> None:
    bitmap, model = Bitmap(), set[int]()
    for adds, index in steps:
        if adds:
            assert bitmap.add(index) == (index not in model)
            model.add(index)
        else:
            assert bitmap.discard(index) == (index in model)
            model.discard(index)
        assert bitmap.end == max(model, default=-1) + 1
    assert list(bitmap) == sorted(model)
    assert len(bitmap) == bitmap.count == len(model)
    again = Bitmap(bitmap.to_wire())
    assert list(again) == sorted(model)
    assert (again.count, again.end) == (bitmap.count, bitmap.end)


@given(SETS, SETS, SETS, INDEXES)
def test_it_is_compared_with_others(one: set[int], other: set[int], third: set[int], start: int) -> None:
    first, second = made(one), made(other)
    assert first.count_not_in(second) == len(one - other)
    assert first.first_not_in(second, start) == min((each for each in one - other if each >= start), default=None)
    assert list(first.union(second)) == sorted(one | other)
    assert first.union(second).count == len(one | other)
    assert list(first.in_all([second, made(third)])) == sorted(one & other & third)
    assert list(first.in_all([])) == sorted(one)


@pytest.mark.parametrize("count", [0, 1, 8, 9, BLOCK, BLOCK + 1])
def test_a_full_one_has_all(count: int) -> None:
    assert list(Bitmap.full(count)) == list(range(count))


def test_its_bytes_are_as_the_protocol_says() -> None:
    assert made({0, 9, 16}).to_wire() == b"\x01\x02\x01"


def test_the_furthest_index_costs_no_more_than_the_first() -> None:
    """It took 1.25 MB, and every question walked over ten million."""
    none = Bitmap()
    tracemalloc.start()
    try:
        bitmap = made({MAX_CHUNKS - 1})
        assert list(bitmap) == [MAX_CHUNKS - 1]
        assert bitmap.first_not_in(none) == MAX_CHUNKS - 1
        assert bitmap.count_not_in(none) == 1
        assert list(bitmap.union(none)) == list(bitmap.in_all([bitmap])) == [MAX_CHUNKS - 1]
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()
    assert len(bitmap._blocks) == 1
