"""How fast a count grows, smoothed."""

from __future__ import annotations

import pytest

from middleware.model.smoothed_rate import PATIENCE_S, WINDOW_S, SmoothedRate


def grown(per_s: int, seconds: int, rate: SmoothedRate | None = None, *, since: int = 0) -> SmoothedRate:
    """A rate that is told once a second of what grows so fast."""
    rate = rate or SmoothedRate()
    for second in range(since, since + seconds + 1):
        rate.update(per_s * second, float(second))
    return rate


def test_nothing_is_no_rate() -> None:
    rate = SmoothedRate()
    assert rate.per_s(10.0) == 0.0
    rate.update(1000, 10.0)  # the time in which these were done is not known
    assert rate.per_s(10.0) == 0.0


@pytest.mark.parametrize("seconds", [1, 2, 30])
def test_what_grows_evenly_is_told_as_it_is_from_the_first_second_on(seconds: int) -> None:
    assert grown(50, seconds).per_s(float(seconds)) == pytest.approx(50.0)


def test_the_first_moment_is_shown_too_low_rather_than_too_high() -> None:
    rate = SmoothedRate()
    rate.update(0, 0.0)
    rate.update(50, 0.001)
    assert rate.per_s(0.001) < 60


def test_many_words_at_the_same_moment_count_once() -> None:
    rate = grown(50, 5)
    for count in (260, 270, 300):
        rate.update(count, 6.0)
    rate.update(350, 7.0)
    assert rate.per_s(7.0) == pytest.approx(50.0, rel=0.2)


def test_it_follows_a_change() -> None:
    rate = grown(50, 10)
    rate.update(500, 10.0 + WINDOW_S)
    assert 10 < rate.per_s(10.0 + WINDOW_S) < 25
    rate.update(500, 10.0 + 5 * WINDOW_S)
    assert rate.per_s(10.0 + 5 * WINDOW_S) < 1


def test_between_two_words_it_stands_and_without_any_it_falls() -> None:
    rate = grown(50, 10)
    assert rate.per_s(10.0 + PATIENCE_S) == pytest.approx(50.0)
    assert rate.per_s(10.0 + PATIENCE_S + WINDOW_S) == pytest.approx(50.0 / 2.718, rel=0.01)
    assert rate.per_s(100.0) == 0.0
