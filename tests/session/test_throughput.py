"""How fast a cluster was lately, by a count that begins again when the middleware restarts."""

from __future__ import annotations

import pytest

from moviola.session.throughput import MAX_POINTS, Throughput
from moviola.wire.messages import Overview


def told(*points: tuple[float, int], epoch: int = 1, into: Throughput | None = None) -> Throughput:
    """What is known after overviews of (time, frames done)."""
    throughput = into or Throughput()
    for unix_s, frames in points:
        throughput.add(Overview(epoch, unix_s, frames_done=frames))
    return throughput


def test_nothing_is_known_at_first() -> None:
    assert Throughput().rates(3, 1.0) == [None, None, None]
    assert told((10.2, 500)).rates(2, 1.0) == [None, None]


def test_each_slot_has_what_was_done_in_it() -> None:
    throughput = told((10.0, 0), (11.0, 30), (12.0, 30), (13.0, 90))
    assert throughput.rates(3, 1.0) == [30.0, 0.0, 60.0]
    assert throughput.rates(5, 1.0) == [None, None, 30.0, 0.0, 60.0]
    assert throughput.rates(1, 2.0) == [15.0]  # from 10 to 12: the slot from 12 on is not over


def test_overviews_may_come_at_any_time() -> None:
    throughput = told((10.5, 0), (11.7, 12), (14.1, 36))
    assert throughput.rates(3, 1.0) == [pytest.approx(10.0)] * 3  # evenly between two of them
    assert throughput.rates(4, 1.0)[0] is None  # the slot from 10 on was not seen whole


def test_nothing_is_made_up_over_a_restart() -> None:
    throughput = told((10.0, 1000), (11.0, 1050))
    told((14.0, 0), (15.0, 20), (16.0, 60), epoch=2, into=throughput)
    assert throughput.rates(6, 1.0) == [50.0, None, None, None, 20.0, 40.0]


def test_a_silence_of_one_life_is_its_average() -> None:
    assert told((10.0, 0), (15.0, 100)).rates(5, 1.0) == [20.0] * 5


def test_a_middleware_whose_clock_is_behind_begins_anew() -> None:
    throughput = told((1000.0, 0), (1001.0, 50))
    told((10.0, 0), (11.0, 5), epoch=2, into=throughput)
    assert throughput.rates(2, 1.0) == [None, 5.0]


def test_what_is_told_twice_counts_once() -> None:
    assert told((10.0, 0), (11.0, 30), (11.0, 30), (12.0, 60)).rates(2, 1.0) == [30.0, 30.0]


def test_it_is_bounded() -> None:
    throughput = told(*((float(second), 10 * second) for second in range(2 * MAX_POINTS)))
    known = [rate for rate in throughput.rates(2 * MAX_POINTS, 1.0) if rate is not None]
    assert known == [10.0] * (MAX_POINTS - 1)
