"""When to dial again."""

from __future__ import annotations

import pytest

from moviola.wire.addresses import Address
from worker.link import MAX_RECONNECT_S, RECONNECT_FIRST_S, STEADY_S, Link


def failed(link: Link, times: int) -> None:
    for _ in range(times):
        link.dialled()
        link.lost(0.0, 1.0)


def test_jitter_spreads_tries_over_the_later_half_of_the_delay() -> None:
    for jitter, delay in ((0.0, 0.5), (1.0, 1.0)):
        link = Link((Address("h", 1),))
        link.dialled()
        link.lost(10.0, jitter)
        assert link.dial_at == pytest.approx(10.0 + delay * RECONNECT_FIRST_S)


@pytest.mark.parametrize(("held_s", "delay_s"), [(STEADY_S, RECONNECT_FIRST_S), (STEADY_S - 0.1, MAX_RECONNECT_S)])
def test_only_a_connection_that_held_makes_the_next_failure_a_first_one(held_s: float, delay_s: float) -> None:
    link = Link((Address("h", 1),))
    failed(link, 100)
    link.dialled()
    link.opened(0.0)
    link.lost(held_s, 1.0)
    assert link.dial_at == pytest.approx(held_s + delay_s)
