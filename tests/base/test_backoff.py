"""When what failed is tried again, and when it is given up."""

from __future__ import annotations

import pytest

from moviola.base.backoff import Backoff

FIRST_S, LONGEST_S, PATIENCE_S = 0.2, 5.0, 600.0


def made() -> Backoff:
    return Backoff(FIRST_S, LONGEST_S, PATIENCE_S)


def delays(backoff: Backoff, count: int, *, share: float = 1.0) -> list[float]:
    found = []
    for _ in range(count):
        assert backoff.failed(0.0, share=share)
        assert backoff.due_at is not None
        found.append(backoff.due_at)
    return found


def test_delays_double_up_to_a_bound_and_begin_anew_after_work() -> None:
    backoff = made()
    found = delays(backoff, 7)
    assert found[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert found[-1] == LONGEST_S
    backoff.worked()
    assert delays(backoff, 1) == [FIRST_S]


def test_it_is_time_once() -> None:
    backoff = made()
    assert not backoff.take(0.0), "somebody else makes the first try"
    backoff.failed(1.0)
    assert not backoff.take(1.0)
    assert backoff.take(1.0 + FIRST_S)
    assert not backoff.take(2.0)


def test_the_first_try_may_be_due_from_the_beginning() -> None:
    assert Backoff(FIRST_S, LONGEST_S, due_at=3.0).take(3.0)


def test_patience_ends_after_the_last_sign_of_life() -> None:
    backoff = made()
    assert backoff.failed(0.0)
    assert backoff.failed(PATIENCE_S)
    assert not backoff.failed(PATIENCE_S + 1)
    backoff.alive(PATIENCE_S + 1)
    assert backoff.failed(PATIENCE_S + 2)


def test_without_a_bound_patience_has_no_end() -> None:
    backoff = Backoff(FIRST_S, LONGEST_S)
    assert backoff.failed(0.0)
    assert backoff.failed(1e9)


def test_a_share_spreads_tries_and_takes_nothing_from_the_next_delay() -> None:
    assert delays(made(), 3, share=0.5) == pytest.approx([FIRST_S / 2, FIRST_S, 2 * FIRST_S])


def test_a_least_delay_holds_for_one_time() -> None:
    backoff = made()
    backoff.failed(0.0, least_s=15.0)
    assert backoff.due_at == 15.0
    assert delays(backoff, 1) == [2 * FIRST_S]


def test_at_once_is_now_and_then_from_the_beginning() -> None:
    backoff = made()
    delays(backoff, 5)
    backoff.at_once(7.0)
    assert backoff.take(7.0)
    assert delays(backoff, 1) == [FIRST_S]
