from __future__ import annotations

import pytest

from moviola.session.rates import Rates, time_left
from moviola.session.views import JobView


def test_rates_are_averages_over_the_last_seconds() -> None:
    rates = Rates()

    def at(now: float, done: int) -> float:
        return rates.update([JobView("1", "clip.mp4", 0, frames_done=done)], now)["1"]

    assert at(0.0, 0) == 0.0
    assert at(1.0, 10) == pytest.approx(10.0)
    for second in range(2, 30):
        at(float(second), 10 * second if second < 20 else 200)
    assert at(30.0, 200) == 0.0
    assert rates.update([JobView("2", "clip.mp4", 0, frames_done=500)], 31.0) == {"2": 0.0}


def test_the_time_left_follows_from_the_rate() -> None:
    view = JobView("1", "clip.mp4", 100, frames_done=50, frames_wanted=100)
    assert time_left(view, 25.0) == 2.0
    assert time_left(view, 0.0) is None
