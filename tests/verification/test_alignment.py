from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from moviola.verification.alignment import NOWHERE, align

ROWS = st.lists(st.integers(0, 12), max_size=30)


@settings(max_examples=50)
@given(ROWS, ROWS)
def test_each_unit_is_where_it_is_said_to_be(made: list[int], found: list[int]) -> None:
    alignment = align(made, found)
    there = [(number, place) for number, place in enumerate(alignment.place) if place != NOWHERE]
    assert all(made[number] == found[place] for number, place in there)
    assert len({place for _, place in there}) == len(there)
    assert sorted([*alignment.extra, *(place for _, place in there)]) == list(range(len(found)))
    stayed = [place for number, place in there if number not in alignment.moved]
    assert stayed == sorted(stayed)


@settings(max_examples=50)
@given(ROWS, ROWS)
def test_nothing_that_is_there_is_called_missing(made: list[int], found: list[int]) -> None:
    matched = sum(place != NOWHERE for place in align(made, found).place)
    assert matched == (Counter(made) & Counter(found)).total()


@settings(max_examples=50)
@given(ROWS, ROWS)
def test_gaps_have_all_that_is_missing_and_all_that_is_extra(made: list[int], found: list[int]) -> None:
    alignment = align(made, found)
    gaps = list(alignment.gaps())
    assert [number for gone, _ in gaps for number in gone] == [
        number for number, place in enumerate(alignment.place) if place == NOWHERE
    ]
    assert [place for _, came in gaps for place in came] == alignment.extra


@settings(max_examples=50)
@given(st.integers(2, 20), st.data())
def test_two_that_changed_places_are_told(count: int, data: st.DataObject) -> None:
    one, two = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
    found = list(range(count))
    found[one], found[two] = found[two], found[one]
    alignment = align(range(count), found)
    assert alignment.swaps == [(one, two)]
    assert alignment.moved == {one, two}


def test_what_was_carried_elsewhere_has_moved_and_the_rest_stayed() -> None:
    alignment = align([0, 1, 2, 3, 4, 5, 6, 7], [0, 3, 4, 5, 6, 1, 2, 7])
    assert alignment.moved == {1, 2}


def test_a_long_row_without_anything_sure_is_no_work() -> None:
    alignment = align([1, 2] * 20_000, [2, 1] * 19_000)
    assert alignment.place.count(NOWHERE) == 2_000
