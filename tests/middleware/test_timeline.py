"""The timeline of a job: who did which task when, what became of it, and what is left out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from middleware.model.task_queue import LeaseRecord
from middleware.model.timeline import MAX_TIMELINE_WORKERS, Timeline
from moviola.base.timeline import MAX_SPANS, OUTCOMES, JobTimeline
from moviola.base.vocabulary import SpanOutcome, Verb
from moviola.wire.messages import Beat, Cause, Control, Job, LeaseBeat, Released, Task, Watch
from tests.middleware.script import Script, held_lease


def timeline(script: Script, job: str, peer: int = 1) -> JobTimeline:
    script.tell(peer, Watch(job, timeline=True))
    script.tick(1)
    return [one.details.timeline for one in script.said(peer, Job) if one.details.timeline is not None][-1]


def rows(told: JobTimeline) -> list[tuple[str, int, str]]:
    """Each row's worker, chunk and outcome."""
    return [(told.workers[row.worker], row.chunk, OUTCOMES[row.outcome].value) for row in told.unpacked()]


def test_losses_failures_and_results_are_all_there_with_their_times(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    begun = script.now
    script.tick(2)
    script.leave(11)
    script.worker(12)
    script.tick()
    lease = next(one.lease for one in script.said(12, Task) if one.index == 1)
    script.tell(12, Released(lease, "failed", Cause(text="no such thing")))
    script.worker(13)
    script.tick()
    script.tick(3)
    script.deliver(13, 1)
    told = timeline(script, job)
    assert rows(told) == [
        ("w11", 0, "lost"),
        ("w11", 1, "lost"),
        ("w12", 1, "failed"),
        ("w13", 1, "stored"),
        ("w12", 0, "waiting"),
    ]
    first, _, _, stored, _ = told.unpacked()
    assert first.handed_out_at == pytest.approx(begun)
    assert first.ended_at == pytest.approx(begun + 2)
    assert stored.ended_at - stored.handed_out_at == pytest.approx(3)
    assert told.zero_s == pytest.approx(begun)
    assert (told.left_out, told.is_whole) == (0, True)


def test_what_a_worker_computes_is_told_apart_from_what_waits_there(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    lease = script.said(11, Task)[0].lease
    script.tell(11, Beat([LeaseBeat(lease, "computing", 1, 1)]))
    assert rows(timeline(script, job)) == [("w11", 0, "running"), ("w11", 1, "waiting")]


def test_an_ended_job_has_it_also_after_a_restart(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.deliver(11, 0)
    script.deliver(11, 1)
    script.finish()
    expected = [("w11", 0, "stored"), ("w11", 1, "stored")]
    assert rows(timeline(script, job)) == expected
    again = script.restarted(epoch=2)
    again.client(1)
    told = timeline(again, job)
    assert rows(told) == expected
    assert told.is_whole


def test_what_is_taken_back_is_nobodys_fault(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.tell(1, Control(job, Verb.CANCEL))
    script.tick(1)
    assert rows(timeline(script, job)) == [("w11", 0, "withdrawn")]


def test_a_timeline_says_that_a_restart_of_the_middleware_cost_it_its_beginning(script: Script) -> None:
    script.worker(11, "w")
    job = script.submit(chunks=2)
    script.deliver(11, 0)
    task = script.said(11, Task)[1]
    again = script.restarted(epoch=2)
    again.aggregator(9)
    again.client(1)
    again.hold(job, b"\x01")
    again.worker(12, "w", held=(held_lease(task),))
    again.tick()
    told = timeline(again, job)
    assert not told.is_whole
    assert rows(told) == [("w", 1, "running")]


def test_a_stage_of_a_shared_chain_is_handed_on(script: Script) -> None:
    script.worker(11, filters=("resize",))
    script.worker(12, filters=("blur",))
    job = script.submit(chunks=1, filters=("resize", "blur"), stages=True)
    script.hand_on(11)
    script.deliver(12)
    assert rows(timeline(script, job)) == [("w11", 0, "handed-on"), ("w12", 0, "stored")]


def test_nobody_is_told_a_timeline_who_did_not_ask(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    script.tell(1, Watch("clip-1"))
    script.tick(1)
    assert all(one.details.timeline is None for one in script.said(1, Job))


def noted(timeline: Timeline, count: int, outcome: SpanOutcome, worker: str = "w") -> None:
    for index in range(count):
        timeline.note(_lease(index, worker), index + 1.0, outcome)


def _lease(index: int, worker: str) -> LeaseRecord:
    return LeaseRecord(None, worker, "job", 0, index, None, b"", float(index), float(index))  # type: ignore[arg-type]


def test_all_of_ten_thousand_chunks_are_there() -> None:
    made = Timeline()
    noted(made, 10_000, SpanOutcome.STORED)
    told = made.told(0.0, [], 10_000.0)
    assert [row.chunk for row in told.unpacked()] == list(range(10_000))
    assert (told.left_out, told.is_whole) == (0, True)
    assert len(told.rows) < 200_000


def test_beyond_its_limit_what_went_well_is_thinned_out_evenly_and_trouble_stays() -> None:
    made = Timeline()
    noted(made, 100, SpanOutcome.LOST)
    noted(made, 5 * MAX_SPANS, SpanOutcome.STORED)
    rows = list(made.told(0.0, [], 0.0).unpacked())
    lost = [row for row in rows if OUTCOMES[row.outcome] is SpanOutcome.LOST]
    stored = [row.chunk for row in rows if OUTCOMES[row.outcome] is SpanOutcome.STORED]
    assert len(lost) == 100
    assert MAX_SPANS // 4 < len(rows) <= MAX_SPANS
    assert made.left_out == 5 * MAX_SPANS + 100 - len(rows)
    gaps = [after - before for before, after in pairwise(stored)]
    assert max(gaps) <= 2 * min(gaps)
    assert stored[-1] > 4.9 * MAX_SPANS


def test_nothing_but_trouble_stays_within_the_limit_too() -> None:
    made = Timeline()
    noted(made, 3 * MAX_SPANS, SpanOutcome.FAILED)
    assert len(list(made.told(0.0, [], 0.0).unpacked())) <= MAX_SPANS


def test_workers_whose_names_are_too_many_are_left_out() -> None:
    made = Timeline()
    for number in range(MAX_TIMELINE_WORKERS + 5):
        noted(made, 1, SpanOutcome.STORED, f"w{number}")
    noted(made, 1, SpanOutcome.STORED, "w0")
    told = made.told(0.0, [_lease(0, "another")], 0.0)
    assert len(told.workers) == MAX_TIMELINE_WORKERS
    assert (told.left_out, len(list(told.unpacked()))) == (5, MAX_TIMELINE_WORKERS + 1)


@pytest.mark.parametrize("rows", [b"no zlib", b"x\x9cK\x04\x00\x00b\x00b"])
def test_rows_that_are_none_are_refused(rows: bytes) -> None:
    with pytest.raises(ValueError, match="a timeline "):
        list(JobTimeline(rows=rows).unpacked())
