"""Numbers, times and runs of frames in words."""

from __future__ import annotations

import pytest

from moviola.report.words import clock, grouped, listed, runs, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1 234 567"),
        (0.0341, "0.0341"),
        (1.56, "1.6"),
        (230.4, "230"),
        (12.0, "12"),
        (1e300, "1e+300"),
        (float("-inf"), "-inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_have_as_many_digits_as_say_something(value: float, text: str) -> None:
    assert grouped(value).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0421, "0.042 s"), (1.0, "1 s"), (12.34, "12.3 s"), (60, "1 min"), (185, "3 min 5 s"), (3720, "1 h 2 min")],
)
def test_seconds_are_told_in_the_units_that_suit(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3.24, "0:03.2"), (725, "12:05.0"), (3723.4, "1:02:03.4"), (59.97, "1:00.0")]
)
def test_times_in_a_video(value: float, text: str) -> None:
    assert clock(value) == text


def test_runs_join_what_follows_each_other() -> None:
    assert runs([7, 3, 8, 9, 3, 12]) == ["3", "7-9", "12"]


def test_lists_end_in_a_word() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert listed(list("abcdefgh"), 3) == "a, b, c and 5 more"
