"""Deadlines against a plain dictionary, and the size of the heap behind them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moviola.wire.timers import Timers

STEPS = st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 50)))


@given(STEPS, st.integers(0, 50))
def test_they_are_a_dictionary_that_knows_its_least_value(steps: list[tuple[int, int | None]], now: int) -> None:
    timers, model = Timers[int](), dict[int, int]()
    for key, at in steps:
        timers.set(key, at)
        model.pop(key, None)
        if at is not None:
            model[key] = at
        assert timers.next() == min(model.values(), default=None)
        assert len(timers) == len(model)
    expired = timers.expired(now)
    assert sorted(expired) == sorted(key for key, at in model.items() if at <= now)
    assert [model[key] for key in expired] == sorted(model[key] for key in expired)
    assert timers.next() == min((at for at in model.values() if at > now), default=None)


def test_a_deadline_that_is_moved_on_again_and_again_has_one_entry() -> None:
    timers = Timers[int]()
    for at in range(1000):
        timers.set(1, float(at))
        timers.set(2, None)
    assert len(timers._heap) == 1
    assert timers.expired(998.0) == []
    assert timers.expired(999.0) == [1]
