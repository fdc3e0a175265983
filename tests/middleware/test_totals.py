"""What the middleware counts in its life over all jobs: each thing once, told in the overview."""

from __future__ import annotations

import pytest

from moviola.base.histogram import Histogram, Measured
from moviola.base.mapped import Malformed
from moviola.wire.messages import Overview, Watch
from tests.middleware.script import Script


def overview(script: Script, peer: int) -> Overview:
    """What a client of another user is told a while later: what is told is counted anew twice a second."""
    script.tick(1.0)
    script.client(peer, user="somebody else")
    script.tell(peer, Watch(topics=["overview"], limit=0))
    (told,) = script.said(peer, Overview)
    return told


def values(histogram: Histogram) -> int:
    return sum(histogram.counts)


def test_nothing_has_happened_yet(script: Script) -> None:
    told = overview(script, 5)
    assert (told.jobs_ended, told.hand_outs, told.received_bytes, values(told.task_seconds)) == ({}, 0, 0, 0)


def test_a_job_is_counted_on_its_way(script: Script) -> None:
    script.submit(chunks=4)
    assert (told := overview(script, 5)).received_bytes == 4000
    script.worker(11)
    told = overview(script, 6)
    assert (told.hand_outs, values(told.task_seconds), told.tasks_in_flight) == (2, 0, 2)
    script.tick(5)
    for index in range(4):
        script.deliver(11, index)
    script.finish()
    told = overview(script, 7)
    assert (told.hand_outs, told.retries, told.jobs_ended) == (4, 0, {"done": 1})
    assert (values(told.task_seconds), values(told.job_seconds)) == (4, 1)
    assert told.task_seconds.sum == pytest.approx(2 * 6.0, abs=2.0)


def test_a_retry_is_counted_when_it_is_handed_out(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    script.leave(11)
    told = overview(script, 5)
    assert (told.hand_outs, told.retries) == (2, 0)
    script.worker(12)
    told = overview(script, 6)
    assert (told.hand_outs, told.retries) == (4, 2)
    assert told.retries == script.job(1).progress.retries


def test_a_result_that_is_told_twice_counts_once(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    script.deliver(11, 0)
    script.deliver(11, 0)
    assert values(overview(script, 5).task_seconds) == 1


def test_a_restarted_middleware_counts_anew(script: Script) -> None:
    script.submit(chunks=3)
    told = overview(script.restarted(2), 5)
    assert (told.received_bytes, told.hand_outs, told.spool_bytes) == (0, 0, 3000)


def test_a_value_is_in_the_first_class_that_is_large_enough() -> None:
    measured = Measured((1.0, 5.0))
    for value in (0.5, 1.0, 1.5, 5.0, 9.0):
        measured.add(value)
    assert measured.histogram() == Histogram([1.0, 5.0], [2, 2, 1], 17.0)


@pytest.mark.parametrize(
    ("bounds", "counts", "told"), [([1.0], [1], "counts: 2 of them"), ([2.0, 2.0], [0, 0, 0], "each larger")]
)
def test_a_histogram_that_does_not_fit_together_is_refused(bounds: list[float], counts: list[int], told: str) -> None:
    with pytest.raises(Malformed, match=told):
        Histogram.from_wire(Histogram(bounds, counts).to_wire())
