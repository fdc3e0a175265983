"""Detectors keep what they search, so each thread has its own: jobs without a cluster may compute in several."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from moviola.filters.builtin import people
from moviola.filters.toolbox import haar
from moviola.filters.toolbox.per_thread import once_per_thread

THREADS = 3


@pytest.mark.parametrize(
    "load", [people._detector, partial(haar._cascade, "haarcascade_profileface.xml")], ids=["people", "haar"]
)
def test_no_two_threads_share_a_detector_and_each_keeps_its_own(load: Callable[[], Any]) -> None:
    together = Barrier(THREADS)

    def in_a_thread(_number: int) -> Any:
        together.wait(60)
        first = load()
        assert load() is first
        return first

    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(in_a_thread, range(THREADS)))
    assert len({id(each) for each in found}) == THREADS


def test_a_thread_keeps_the_results_that_it_used_last() -> None:
    made: list[int] = []

    @once_per_thread(maxsize=2)
    def make(number: int) -> int:
        made.append(number)
        return number

    for number in (1, 2, 1, 3, 1, 2):
        assert make(number) == number
    assert made == [1, 2, 3, 2]
