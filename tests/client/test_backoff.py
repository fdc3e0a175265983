from __future__ import annotations

from client.backoff import FIRST_DELAY_S, MAX_DELAY_S, PATIENCE_S, Backoff


def test_delays_double_up_to_a_bound_and_begin_anew_after_work() -> None:
    backoff = Backoff()
    delays = []
    for _ in range(7):
        assert backoff.failed(0.0)
        assert backoff.due_at is not None
        delays.append(backoff.due_at)
    assert delays[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays[-1] == MAX_DELAY_S
    backoff.worked()
    backoff.failed(0.0)
    assert backoff.due_at == FIRST_DELAY_S


def test_it_is_time_once() -> None:
    backoff = Backoff()
    backoff.failed(1.0)
    assert not backoff.take(1.0)
    assert backoff.take(1.0 + FIRST_DELAY_S)
    assert not backoff.take(2.0)


def test_patience_ends_after_the_last_sign_of_life() -> None:
    backoff = Backoff()
    assert backoff.failed(0.0)
    assert backoff.failed(PATIENCE_S)
    assert not backoff.failed(PATIENCE_S + 1)
    backoff.alive(PATIENCE_S + 1)
    assert backoff.failed(PATIENCE_S + 2)
