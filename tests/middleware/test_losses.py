"""Workers and aggregators that fall silent, stall or are replaced, as scripts: what becomes of their tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from middleware.model.rules import Rules
from moviola.base.job_statistics import Retried
from moviola.wire.messages import Beat, Control, Death, Finish, LeaseBeat, Released, Revoke, Task
from moviola.wire.schema import Lease
from tests.middleware.script import Script, bits, counted, held_lease


def stand_still(script: Script, phase: str, frames: int) -> Lease:
    """Worker 11 beats for 70 s and gets no further with its task, whose lease is returned; worker 12 just beats."""
    lease = script.said(11, Task)[0].lease
    for _ in range(70):
        script.tell(11, Beat([LeaseBeat(lease, phase, frames, frames)]))
        script.tell(12, Beat())
        script.tick(1)
    return lease


def test_a_lost_workers_tasks_go_to_the_front_and_cost_no_attempt(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=5)
    script.leave(11)
    script.worker(12)
    script.tick(1)
    assert script.tasks(12) == [0, 1]
    assert script.job(1).progress.retries == 2
    assert all(task.mode == "filter" for task in script.said(12, Task))


def test_a_silent_worker_is_closed_and_its_tasks_are_handed_out_again(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    script.tick(script.dispatcher.cluster.rules.worker_timeout_s + 1)
    assert script.closed(11) == ["silent"]
    script.worker(12)
    script.tick()
    assert script.tasks(12) == [0, 1]


def test_a_silent_aggregator_is_closed_and_its_jobs_wait_for_it(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.aggregators_are_silent = True
    for _ in range(200):  # far longer than a delivery may take
        script.tell(11, Beat([LeaseBeat(task.lease, "delivering", 10, 10) for task in script.said(11, Task)]))
        script.tick(1)
    assert script.closed(9) == ["silent"]
    assert script.closed(11) == []
    script.aggregators_are_silent = False
    script.aggregator(9)
    script.hold(job, bits(0))
    script.deliver(11, 1)
    assert script.tasks(11) == [0, 1, 2]
    assert script.job(1).progress.retries == 0


def test_an_aggregator_alone_is_watched_as_well() -> None:
    script = Script()
    script.aggregator(9)
    script.tick(30)
    assert script.closed(9) == []
    assert script.dispatcher.next_deadline() is not None


def test_time_in_which_the_middleware_was_stopped_counts_for_nobody(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    script.jump(30)
    script.tick()
    for peer in (9, 11):
        script.tell(peer, Beat())
    script.tick(1)
    assert script.closed(9) == script.closed(11) == []


def test_a_computing_task_without_progress_is_taken_away_and_counted_as_a_failure(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=1)
    lease = stand_still(script, "computing", frames=3)
    assert script.said(11, Revoke) == [Revoke(lease)]
    assert script.tasks(12) == [0]


def test_progress_keeps_a_slow_task_alive(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    lease = script.said(11, Task)[0].lease
    for step in range(200):
        script.tell(11, Beat([LeaseBeat(lease, "computing", 0, step)]))
        script.tick(1)
    assert script.said(11, Revoke) == []


def test_a_result_that_does_not_reach_the_aggregator_is_done_elsewhere_at_no_attempt(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=1)
    lease = stand_still(script, "delivering", frames=10)
    assert script.said(11, Revoke) == [Revoke(lease)]
    assert script.dispatcher.cluster.fleet.by_name["w11"].failures == 0
    assert script.tasks(12) == [0]


def test_a_delivery_waits_as_long_as_the_aggregator_is_away(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    lease = script.said(11, Task)[0].lease
    script.leave(9)
    for _ in range(200):
        script.tell(11, Beat([LeaseBeat(lease, "delivering", 10, 10)]))
        script.tick(1)
    assert script.said(11, Revoke) == []


def test_a_newer_session_supersedes_the_older(script: Script) -> None:
    script.worker(11, "w")
    script.submit(chunks=2)
    script.worker(12, "w")
    script.tick()
    assert script.closed(11) == ["superseded"]
    assert script.tasks(12) == [0, 1]
    script.leave(11)  # its Left, if one comes at all, changes nothing
    script.tick()
    assert script.tasks(12) == [0, 1]


def test_a_task_lost_too_often_pauses_its_job_with_the_reason() -> None:
    script = Script(rules=Rules(max_losses=3))
    script.aggregator(9)
    script.client(1)
    job = script.submit(chunks=1)
    for peer in range(20, 23):
        script.worker(peer, "w")
        script.tick()
        script.leave(peer)
    script.tick()
    assert (script.job(1).state, script.job(1).code) == ("paused", "lost-too-often")
    script.tell(1, Control(job, "resume"))
    script.worker(30)
    script.tick()
    assert script.tasks(30) == [0]


def test_latency_is_counted_from_the_first_hand_out(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    script.tick(8)
    script.leave(11)
    script.tick(1)
    script.worker(12)
    script.tick(1)
    script.deliver(12)
    assert counted(script) == (1, 1, [10])


def test_latency_of_a_shared_chain_is_that_of_all_its_stages(script: Script) -> None:
    script.worker(11, filters=("a",))
    script.worker(12, filters=("b",))
    script.submit(chunks=1, filters=("a", "b"), stages=True)
    script.tick(8)
    script.hand_on(11)
    script.tick(1)
    script.deliver(12)
    assert counted(script) == (0, 0, [9])


def test_a_lease_that_goes_on_was_not_lost_and_a_drained_one_is_no_retry(script: Script) -> None:
    script.worker(11, "w")
    script.submit(chunks=1)
    task = script.said(11, Task)[0]
    for peer in range(12, 12 + Rules().max_losses):
        script.leave(peer - 1)
        script.worker(peer, "w", held=(held_lease(task),))
        script.tick()
    script.tell(peer, Released(task.lease, "drained"))
    script.worker(50)
    script.tick()
    script.deliver(50)
    assert counted(script)[:2] == (0, 0)


def test_losses_are_counted_on_after_they_paused_the_job() -> None:
    script = Script(rules=Rules(max_losses=2))
    script.aggregator(9)
    script.client(1)
    job = script.submit(chunks=1)
    for peer in (20, 21):
        script.worker(peer, "w")
        script.tick()
        script.leave(peer)
    script.tell(1, Control(job, "resume"))
    script.worker(30)
    script.tick()
    script.deliver(30)
    assert counted(script)[:2] == (2, 2)
    assert script.said(9, Finish)[-1].statistics.retried == [[Retried(0, 2)]], "a manifest tells which try it was"


@pytest.mark.parametrize("is_told_late", [False, True])
@pytest.mark.parametrize(("kind", "losses"), [("killed", 1), ("crash", 0)])
def test_what_a_worker_died_of_says_whether_its_task_was_lost_or_failed(
    script: Script, kind: str, losses: int, is_told_late: bool
) -> None:
    script.worker(11)
    script.submit(chunks=1)
    lease = script.said(11, Task)[0].lease
    script.leave(11)
    if is_told_late:
        script.worker(12)
        script.tick()
    script.worker(13, "w11", death=Death(lease, kind=kind, text="it died"), filters=("other",))
    if not is_told_late:
        script.worker(12)
        script.tick()
    script.deliver(12)
    assert counted(script)[:2] == (1, losses)


def test_two_leases_of_a_task_that_were_lost_and_then_told_as_failed_are_one_retry_and_no_loss(script: Script) -> None:
    """A task and its copy: the next hand-out follows the failure that was told first, and is counted as that."""
    script.worker(11)
    job = script.submit(chunks=1)
    (record,) = script.dispatcher.cluster.fleet.by_name["w11"].held.values()
    track = script.dispatcher.cluster.open[job].tracks[0]
    copy = replace(record, lease=Lease(1, 99))
    for lost in (record, copy):
        track.lose(0)
        lost.is_lost = True
    track.fail(record)
    track.assign(replace(record, lease=Lease(1, 100), is_lost=False), script.now)
    track.fail(copy)
    assert (track.tally.retries, track.tally.losses) == (1, 0)


def test_drained_tasks_come_back_at_no_cost_and_the_worker_gets_no_more(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=3)
    waiting = script.said(11, Task)[1]
    script.tell(11, Released(waiting.lease, "drained"))
    script.tick()
    assert script.tasks(11) == [0, 1]
    script.worker(12)
    script.tick()
    script.deliver(12)
    assert script.tasks(12) == [1, 2]
    assert script.job(1).progress.retries == 0
