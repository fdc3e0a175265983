"""The dispatcher's rules, as scripts: who says what, and what must follow."""

from __future__ import annotations

import sys
from array import array
from dataclasses import replace
from typing import Any

import pytest

from middleware.events import ForgetJob, FreeJob, Tick
from middleware.model.cluster import Rules
from middleware.model.states import JobState
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Chunk,
    Control,
    Drop,
    End,
    Error,
    Event,
    FailedChunk,
    Finish,
    Finished,
    Holdings,
    Job,
    LeaseBeat,
    Own,
    Pass,
    Released,
    Revoke,
    Stored,
    Submit,
    Task,
    Watch,
    Worker,
)
from moviola.wire.schema import Lease
from tests.middleware.script import ROOM, Script, bits, held_lease


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator(9)
    made.client(1)
    return made


# ── handing out ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tasks_go_round_robin_up_to_the_credit(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=6)
    assert script.tasks(11) == [0, 2]
    assert script.tasks(12) == [1, 3]
    script.deliver(12, 1)
    assert script.tasks(12) == [1, 3, 4]


def test_only_able_workers_get_a_task(script: Script) -> None:
    script.worker(11, filters=("edges",))
    script.worker(12, filters=("edges", "blur"))
    script.submit(chunks=4, filters=("blur", "edges"))
    assert script.tasks(11) == []
    assert script.tasks(12) == [0, 1]


def test_a_job_nobody_can_do_waits_and_says_why_and_starts_when_one_joins(script: Script) -> None:
    script.worker(11, filters=("blur", "edges"))
    script.submit(filters=("sharpen",))
    job = script.job(1)
    assert (job.state, job.code) == ("pending", "no-worker")
    assert job.reason == "no worker offers 'sharpen'; 1 worker offers blur, edges"
    script.worker(12, filters=("sharpen",))
    script.tick()
    assert script.tasks(12) == [0, 1]
    assert script.job(1).state == "running"


def test_nothing_is_handed_out_before_the_owners_holdings_are_known() -> None:
    script = Script()
    script.worker(11)
    script.client(1)
    job = script.submit(chunks=3)
    assert script.job(1).code == "no-aggregator"
    script.aggregator(9)
    script.tick(1)
    assert script.tasks(11) == []
    script.hold(job, bits(0))
    script.tick()
    assert script.tasks(11) == [1, 2]


def test_jobs_of_one_priority_take_turns_and_a_higher_one_goes_first(script: Script) -> None:
    script.client(2)
    script.client(3)
    script.submit(1, chunks=4, key="a")
    script.submit(2, chunks=4, key="b")
    script.submit(3, chunks=1, key="c", priority=5)
    script.worker(11)
    script.worker(12)
    script.tick()
    order = [task.job for peer in (11, 12) for task in script.said(peer, Task)]
    assert sorted(order) == ["clip-1", "clip-2", "clip-2", "clip-3"] or sorted(order) == [
        "clip-1", "clip-1", "clip-2", "clip-3"
    ]  # fmt: skip
    assert script.said(11, Task)[0].job == "clip-3"


def test_a_task_carries_what_the_worker_needs_and_no_more(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    task = script.said(11, Task)[0]
    assert task.source == {"kind": "video", "codec": "h264"}
    assert task.output["name"] == "out"
    assert (task.owner, task.owner_epoch, task.mode) == ("store", 1, "filter")
    assert task.lease.epoch == 1


# ── losing workers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_workers_tasks_go_to_the_front_and_cost_no_attempt(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=5)
    script.leave(11)
    script.worker(12)
    script.tick(1)
    assert script.tasks(12) == [0, 1]
    assert script.job(1).progress["retries"] == 2
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
    assert script.job(1).progress["retries"] == 0


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
    lease = script.said(11, Task)[0].lease
    for _ in range(70):
        script.tell(11, Beat([LeaseBeat(lease, "computing", 3, 3)]))
        script.tell(12, Beat())
        script.tick(1)
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
    lease = script.said(11, Task)[0].lease
    for _ in range(70):
        script.tell(11, Beat([LeaseBeat(lease, "delivering", 10, 10)]))
        script.tell(12, Beat())
        script.tick(1)
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


# ── what is counted ──────────────────────────────────────────────────────────────────────────────────────────────────


def counted(script: Script) -> tuple[int, int, list[int]]:
    """Retries, losses and seconds of latency, as the aggregator is told of the first track."""
    told = script.said(9, Finish)[-1].statistics
    latencies = array("f", told["latencies_ms"][0])
    if sys.byteorder == "big":
        latencies.byteswap()
    return told["retries"][0], told["losses"][0], [round(one / 1000) for one in latencies]


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
    script.worker(13, "w11", death={"lease": list(lease), "kind": kind, "text": "it died"}, filters=("other",))
    if not is_told_late:
        script.worker(12)
        script.tick()
    script.deliver(12)
    assert counted(script)[:2] == (1, losses)


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
    assert script.job(1).progress["retries"] == 0


def test_the_last_tasks_wait_for_workers_that_have_nothing_to_do(script: Script) -> None:
    """Given in advance, they might wait behind a slow worker's task while the others look on."""
    script.worker(11)
    script.worker(12)
    script.submit(chunks=6)
    assert (script.tasks(11), script.tasks(12)) == ([0, 2], [1, 3])
    script.deliver(12, 1)
    assert script.tasks(12) == [1, 3, 4]
    script.deliver(12, 3)
    assert script.tasks(12) == [1, 3, 4]
    script.deliver(12, 4)
    assert script.tasks(12) == [1, 3, 4, 5]


def test_while_more_may_come_tasks_are_given_in_advance(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=3, end=False)
    assert (script.tasks(11), script.tasks(12)) == ([0, 2], [1])


def test_a_worker_whose_result_is_on_its_way_has_nothing_to_do(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=5)
    script.deliver(12, 1)
    assert (script.tasks(11), script.tasks(12)) == ([0, 2], [1, 3])
    script.tell(12, Beat([LeaseBeat(script.said(12, Task)[1].lease, "delivering", 10, 10)]))
    script.tick()
    assert script.tasks(12) == [1, 3, 4]


# ── storing and finishing ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_job(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3, streams=2)
    assert len(script.said(9, Pass)) == 3
    script.pass_all()
    for index in range(3):
        assert not script.said(9, Finish)
        script.deliver(11, index)
    assert script.said(9, Finish)[0].chunk_counts == [3, 3]
    script.finish()
    record = script.job(1)
    assert (record.state, record.files[0]["file"], record.outputs[0]["digest"]) == ("done", "out.mp4", "d")
    assert record.addresses == [{"host": "127.0.0.1", "port": 5001}]
    assert FreeJob(job) in script.commands
    assert script.said(9, Drop) == [Drop(job, 1)]


def test_released_before_stored_and_stored_before_released_are_the_same(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    first, second = script.said(11, Task)
    script.tell(11, Released(first.lease, "stored"))
    script.tick()
    assert script.tasks(11) == [0, 1]
    for task in (first, second):
        script.tell(9, Stored(task.job, 0, task.index, "kept", task.lease, "w11", 10))
    script.tell(11, Released(second.lease, "stored"))
    script.tick()
    assert script.said(9, Finish)
    assert script.dispatcher.cluster.fleet.by_name["w11"].chunks == 2


def test_a_late_result_after_a_hand_out_elsewhere_revokes_the_copy(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    task = script.said(11, Task)[0]
    script.leave(11)
    script.worker(12)
    script.tick()
    copy = script.said(12, Task)[0]
    script.tell(9, Stored(task.job, 0, 0, "kept", task.lease, "w11", 10))
    script.tick()
    assert script.said(12, Revoke) == [Revoke(copy.lease)]
    script.tell(12, Released(copy.lease, "revoked"))
    script.tick()
    assert script.said(9, Finish)


def test_the_late_word_of_a_lease_that_ended_changes_nothing(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    script.tell(11, Released(Lease(0, 1), "stored"))
    script.tell(11, Beat([LeaseBeat(Lease(0, 1), "computing", 5)]))
    script.tick()
    assert script.said(11, Revoke) == [Revoke(Lease(0, 1))]
    assert not script.said(9, Finish)


def test_jobs_go_to_the_aggregator_that_has_the_fewest(script: Script) -> None:
    script.aggregator(8, store="second", name="b")
    for key in "abcd":
        script.submit(chunks=1, key=key)
    assert len(script.said(9, Own)) == len(script.said(8, Own)) == 2
    for own in script.said(9, Own):
        script.tell(1, Control(own.job, "cancel"))
    script.leave(8)
    script.aggregator(7, store="second", name="b")  # which has its two still
    before = len(script.said(9, Own))
    for key in "ef":
        script.submit(chunks=1, key=key)
    assert len(script.said(9, Own)) == before + 2


def test_few_chunks_of_unfiltered_streams_are_on_their_way_at_a_time(script: Script) -> None:
    """Each holds a file open in the middleware until it has left."""
    rules = Rules()
    script.client(2)
    jobs = [script.submit(peer, chunks=3, streams=21, key=key) for peer, key in ((1, "a"), (2, "b"))]
    assert [sum(one.job == job for one in script.said(9, Pass)) for job in jobs] == [rules.pass_window] * 2
    for _ in range(8):
        script.pass_all()
    assert len({(one.job, one.track, one.index) for one in script.said(9, Pass)}) == 2 * 3 * 20
    for number in range(20):
        script.submit(1, chunks=1, streams=11, key=str(number))
    jobs_open = script.dispatcher.cluster.open.values()
    assert sum(len(track.queue.in_flight) for job in jobs_open for track in job.tracks) == rules.aggregator_pass_window


def test_an_aggregator_that_returns_says_what_it_holds(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=4)
    script.tell(11, Released(script.said(11, Task)[0].lease, "stored"))  # its Stored is lost with the connection
    script.tell(11, Released(script.said(11, Task)[1].lease, "stored"))
    script.leave(9)
    script.tick(1)
    assert script.tasks(11) == [0, 1, 2, 3][:4] or script.tasks(11) == [0, 1]
    script.aggregator(8)
    script.hold(job, bits(0), peer=8)
    script.tick()
    stored = script.dispatcher.cluster.open[job].tracks[0].queue.stored
    assert list(stored) == [0]
    assert 1 in script.tasks(11)[2:]


def test_an_aggregator_with_another_store_gets_the_job_anew_and_a_stale_finish_is_refused(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.deliver(11)
    finish = script.said(9, Finish)[-1]
    script.leave(9)
    script.aggregator(8, store="other", name="agg")
    script.wait(12)
    assert script.said(8, Own)[-1].owner_epoch == 2
    for lease in [one.lease for one in script.said(11, Revoke)]:
        script.tell(11, Released(lease, "revoked"))
    script.hold(job, peer=8)
    script.tick()
    assert script.tasks(11) == [0, 0]
    script.aggregator(9, store="store", name="ghost")
    script.tell(9, Stored(job, 0, 0, "kept", None, "w11", 10))
    script.tell(9, Finished(job, finish.owner_epoch, "done"))
    assert script.said(9, Drop)[-1] == Drop(job, 1)
    script.deliver(11, aggregator=8)
    script.finish(8)
    assert script.job(1).state == "done"


def test_a_job_whose_aggregator_has_no_room_waits_and_says_so_and_tries_again(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=3)
    first, second = script.said(11, Task)
    script.tell(9, Stored("clip-1", 0, 0, "no-room", first.lease, "w11", text="the disk is full"))
    for task in (first, second):
        script.tell(11, Released(task.lease, "unwanted"))
    script.tick(1)
    assert script.tasks(11) == [0, 1]
    assert (script.job(1).state, script.job(1).code) == ("pending", "no-room")
    assert "the disk is full" in script.job(1).reason
    for _ in range(6):
        script.tell(11, Beat())
        script.tick(1)
    assert script.tasks(11) == [0, 1, 0, 1]


def test_workers_learn_where_aggregators_are(script: Script) -> None:
    script.worker(11)
    assert script.said(11, Aggregator)[-1].addresses == [{"host": "127.0.0.1", "port": 5001}]
    script.leave(9)
    script.aggregator(8, host="127.0.0.2")
    assert script.said(11, Aggregator)[-1].addresses == [{"host": "127.0.0.2", "port": 5001}]


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fail(script: Script, peer: int) -> None:
    lease = script.said(peer, Task)[-1].lease
    script.tell(peer, Released(lease, "failed", {"kind": "exception", "text": "boom"}))
    script.tick()


def test_three_failures_on_two_workers_lead_to_a_bypass(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=1)
    _fail(script, 11)
    assert script.tasks(12) == [0]
    _fail(script, 12)
    peer = 11 if len(script.tasks(11)) == 2 else 12
    _fail(script, peer)
    modes = [task.mode for task in (*script.said(11, Task), *script.said(12, Task))]
    assert sorted(modes) == ["bypass", "filter", "filter", "filter"]


def test_on_error_drop_leaves_the_chunk_out_at_last(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1, on_error="drop")
    for _ in range(3):
        _fail(script, 11)
    assert [task.mode for task in script.said(11, Task)] == ["filter", "filter", "filter", "drop"]


def test_on_error_fail_ends_the_job_with_the_cause(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1, on_error="fail")
    for _ in range(3):
        _fail(script, 11)
    assert script.job(1).state == "failed"
    assert "boom" in script.job(1).reason


def test_a_crash_told_by_the_parent_counts_against_the_task_and_a_kill_does_not(script: Script) -> None:
    script.worker(11, "w")
    script.submit(chunks=1)
    lease = script.said(11, Task)[0].lease
    script.leave(11)
    script.worker(12, "w", death={"lease": list(lease), "kind": "killed", "text": "SIGKILL"})
    script.tick()
    assert script.dispatcher.cluster.fleet.by_name["w"].failures == 0
    lease = script.said(12, Task)[0].lease
    script.leave(12)
    script.worker(13, "w", death={"lease": list(lease), "kind": "crash", "text": "SIGSEGV"})
    script.tick()
    assert script.dispatcher.cluster.fleet.by_name["w"].failures == 1
    assert script.tasks(13) == [0]


def test_a_worker_that_fails_what_others_do_gets_no_more_of_the_job(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=20)
    for _ in range(3):
        _fail(script, 11)
    before = len(script.tasks(11))
    for _ in range(6):
        script.deliver(12)
    assert len(script.tasks(11)) == before


def test_the_first_task_decides_on_the_build_of_its_output(script: Script) -> None:
    script.worker(11)
    script.worker(12, fingerprint="other")
    script.submit(chunks=6)
    assert script.tasks(12) == []
    assert {task.build for task in script.said(11, Task)} == {"f"}
    for index in range(6):
        script.deliver(11, index)
    assert script.said(9, Finish)


def test_the_build_that_most_workers_have_is_chosen(script: Script) -> None:
    script.worker(11, fingerprint="rare")
    script.worker(12)
    script.worker(13)
    script.submit(chunks=6)
    assert script.tasks(11) == []
    assert script.tasks(12)
    assert script.tasks(13)


def test_a_rare_build_is_better_than_to_wait(script: Script) -> None:
    script.worker(12)
    script.worker(13)
    script.submit(chunks=20, key="a")
    script.worker(11, fingerprint="rare")
    script.client(2)
    script.submit(2, chunks=2, key="b")
    assert {task.build for task in script.said(11, Task)} == {"rare"}


def test_a_build_that_was_chosen_is_kept_over_a_restart(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=4)
    new = script.restarted(epoch=2)
    new.aggregator(9)
    new.hold(job)
    new.worker(12, fingerprint="other")
    new.worker(11)
    new.tick()
    assert new.tasks(12) == []
    assert new.tasks(11) == [0, 1]


def test_a_build_of_which_nothing_is_stored_is_chosen_anew_when_its_workers_are_gone(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.leave(11)
    script.worker(12, fingerprint="other")
    script.tick(1)
    assert [own.owner_epoch for own in script.said(9, Own)] == [1, 2]
    script.hold(job)
    script.tick()
    assert {task.build for task in script.said(12, Task)} == {"other"}


def test_results_that_were_never_asked_for_begin_a_job_again(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.leave(9)
    script.aggregator(9)
    script.tell(9, Holdings(job, 1, [bits(0)], ["another"]))
    assert [own.owner_epoch for own in script.said(9, Own)] == [1, 1, 2]


def test_a_worker_whose_results_prove_nothing_is_charged_for_them(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=20)
    for _ in range(3):
        script.tell(12, Released(script.said(12, Task)[-1].lease, "refused"))
        script.tick()
    before = len(script.tasks(12))
    for _ in range(6):
        script.deliver(11)
    assert len(script.tasks(12)) == before


@pytest.mark.parametrize("outcome", ["unwanted", "revoked", "whatever"])
def test_a_task_that_is_given_back_again_and_again_pauses_its_job(script: Script, outcome: str) -> None:
    script.worker(11)
    script.submit(chunks=1)
    for _ in range(Rules().max_losses):
        script.tell(11, Released(script.said(11, Task)[-1].lease, outcome))
        script.tick()
    assert (script.job(1).state, script.job(1).code) == ("paused", "lost-too-often")


def _unreadable(script: Script, index: int) -> None:
    """The aggregator says that a result makes no file, and what it holds without it."""
    job = script.job(1).job
    script.tell(9, Stored(job, 0, index, "unreadable", None, "w11", text="it is no bundle"))
    script.tell(9, Holdings(job, 1, [b""], ["f"]))
    script.tick()


def test_a_result_that_makes_no_file_is_redone_and_charged_to_its_worker(script: Script) -> None:
    script.worker(11)
    script.client(2)
    script.tell(2, Watch(topics=["events"]))
    script.submit(chunks=1)
    script.deliver(11)
    assert len(script.said(9, Finish)) == 1
    script.worker(12)
    _unreadable(script, 0)
    assert script.tasks(12) == [0], "others try it first"
    (failed,) = [one for one in script.said(2, Event) if one.kind == "task-failed"]
    assert failed.worker == "w11"
    assert "it is no bundle" in failed.text
    script.deliver(12)
    assert len(script.said(9, Finish)) == 2
    script.finish()
    assert script.job(1).state == "done"
    assert counted(script)[0] == 1


def test_who_makes_what_makes_no_file_gets_no_more_of_the_job(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=20)
    job = script.job(1).job
    for index in range(3):
        script.tell(9, Stored(job, 0, index, "kept", None, "w11", 10))
        script.tell(9, Stored(job, 0, index, "unreadable", None, "w11", text="no bundle"))
    assert script.dispatcher.cluster.benched(script.dispatcher.cluster.open[job]) == {"w11"}


def test_what_nobody_can_make_a_file_of_ends_the_job(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    for _ in range(4):  # three times with its filters, and once without
        script.deliver(11)
        _unreadable(script, 0)
    assert [task.mode for task in script.said(11, Task)] == ["filter"] * 3 + ["bypass"]
    assert (script.job(1).state, script.job(1).code) == ("failed", "task-failed")
    assert "it is no bundle" in script.job(1).reason


# ── what was delivered and is not stored ─────────────────────────────────────────────────────────────────────────────


def _beats(script: Script, seconds: float, *workers: int) -> None:
    """Time passes; these workers are heard of."""
    end = script.now + seconds
    while script.now < end:
        for peer in workers:
            script.tell(peer, Beat([]))
        script.tick(min(1, end - script.now))


def test_what_a_worker_says_is_stored_and_is_not_is_done_again(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    script.tell(11, Released(script.said(11, Task)[0].lease, "stored"))
    _beats(script, 59, 11)
    assert script.tasks(11) == [0]
    _beats(script, 2, 11)
    assert script.tasks(11) == [0, 0]
    first, second = script.said(11, Task)
    script.tell(9, Stored(first.job, 0, 0, "kept", first.lease, "w11", 10))
    assert script.said(11, Revoke) == [Revoke(second.lease)], "a late word is a word"
    assert counted(script)[:2] == (1, 1)


def test_who_only_says_that_all_is_stored_pauses_the_job(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    for _ in range(Rules().max_losses):
        script.tell(11, Released(script.said(11, Task)[-1].lease, "stored"))
        _beats(script, 61, 11)
    assert (script.job(1).state, script.job(1).code) == ("paused", "lost-too-often")


def test_a_chunk_passed_on_of_which_nothing_is_heard_is_passed_again(script: Script) -> None:
    script.submit(chunks=1, streams=2)
    assert len(script.said(9, Pass)) == 1
    script.tick(61)
    assert len(script.said(9, Pass)) == 2


def test_nothing_is_expected_of_an_aggregator_that_has_no_room_or_not_been_sent_it_all(script: Script) -> None:
    job = script.submit(chunks=2, streams=2)
    script.tell(9, Stored(job, 1, 1, "no-room", text="the disk is full"))
    for _ in range(70):  # chunk 0 is on its way, and the line is slow
        script.tell(9, Beat())
        script.now += 1
        script._take(script.dispatcher.handle(Tick(ROOM, behind=frozenset({9})), script.now))
    assert [one.index for one in script.said(9, Pass)].count(0) == 1


def test_a_worker_that_is_of_another_build_is_not_awaited_to_try_what_failed_elsewhere(script: Script) -> None:
    script.worker(11)
    script.worker(12, fingerprint="other")
    script.submit(chunks=2)
    for _ in range(3):
        _fail(script, 11)
    assert script.said(11, Task)[-1].mode == "bypass"


def test_a_job_that_waits_for_workers_of_its_build_keeps_no_other_from_the_rest(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=8, key="a")
    script.deliver(11, 0)
    script.worker(12, fingerprint="other")
    script.client(2)
    script.submit(2, chunks=8, key="b")
    assert len(script.tasks(12)) == 2
    script.deliver(12)
    assert len(script.tasks(12)) == 3


def test_a_job_whose_only_workers_are_of_other_builds_says_so(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    script.deliver(11, 0)
    script.leave(11)
    script.worker(12, fingerprint="other")
    script.tick(1)
    assert script.job(1).code == "no-worker"
    assert "library versions" in script.job(1).reason


# ── the middleware's own restart ─────────────────────────────────────────────────────────────────────────────────────


def test_after_a_restart_held_leases_go_on_and_stored_tasks_are_not_redone(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=4)
    script.deliver(11, 0)
    held = [held_lease(task) for task in script.said(11, Task)[1:]]
    new = script.restarted(epoch=2)
    new.worker(21, "w11", held=tuple(held))
    new.aggregator(9)
    new.hold(job, bits(0))
    new.tick()
    assert new.tasks(21) == []  # it holds its credit
    for one in held:
        new.tell(9, Stored(job, 0, one.index, "kept", one.lease, "w11", 10))
        new.tell(21, Released(one.lease, "stored"))
    new.tick()
    assert new.tasks(21) == [3]
    assert new.said(21, Task)[0].lease.epoch == 2


def test_after_a_restart_the_client_learns_what_is_here(script: Script) -> None:
    job = script.submit(chunks=3, end=False)
    new = script.restarted(epoch=2)
    new.client(1, session="c1")
    source = {"kind": "video", "name": "clip", "stream_count": 1, "process": {}}
    new.tell(1, Submit("k", source, [{"name": "out", "chain": [{"name": "blur"}]}]))
    record = new.job(1)
    assert (record.job, record.have, record.accepted) == (job, [bits(0, 1, 2)], 0)


# ── clients ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_key_continues_a_job_only_when_no_other_client_is_attached(script: Script) -> None:
    job = script.submit(chunks=2, end=False)
    script.client(2)
    assert script.submit(2, chunks=0, end=False) != job
    script.leave(1)
    script.client(3)
    assert script.submit(3, chunks=0, end=False) == job


def test_a_repeated_chunk_is_counted_once_and_an_edited_one_is_told(script: Script) -> None:
    job = script.submit(chunks=2, end=False)
    script.tell(1, Chunk(job, 0, 1, 10), size=1000, xxh3=2)
    script.tick()
    assert script.job(1).accepted == 3
    script.tell(1, Chunk(job, 0, 1, 10), size=1000, xxh3=77)
    assert script.said(1, Error)[-1].code == "edited"
    assert script.job(1).progress["chunks_sent"] == 2


def test_of_the_next_few_chunks_the_longest_goes_first(script: Script) -> None:
    """A short one fills up the end of the job; but it is not put off for ever."""
    job = script.submit(chunks=0, end=False)
    lengths = [10, 10, 3, 9, *[10] * 12]
    for index, length in enumerate(lengths):
        script.tell(1, Chunk(job, 0, index, length), size=1000, xxh3=index + 1)
        script.tick()
    script.tell(1, End(job, [len(lengths)]))
    script.worker(11)
    script.tick()
    for _ in lengths:
        script.deliver(11, script.tasks(11)[len(script.dispatcher.cluster.open[job].tracks[0].queue.stored)])
    assert script.tasks(11) == [0, 1, 4, 5, 6, 7, 8, 9, 3, 2, 10, 11, 12, 13, 14, 15]


def test_room_is_shared_and_told_again_when_there_is_some(script: Script) -> None:
    script.tick(room=3000)
    script.submit(chunks=0, end=False)
    script.tick(room=0)
    script.tell(1, Chunk("clip-1", 0, 0, 10), size=1000, xxh3=1)
    script.tick(room=0)
    assert script.job(1).room_bytes == 0
    script.tick(room=10_000)
    assert script.job(1).room_bytes == 10_000


def test_chunks_whose_results_are_lost_are_not_given_up_as_stored(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.deliver(11, 0)
    script.leave(9)
    script.aggregator(8, store="new", name="agg")
    script.wait(12)
    script.tick(1, room=0)
    assert script.said(8, Own)
    assert script.dispatcher.cluster.open[job].streams[0].here.to_wire() == bits(0, 1)
    assert script.dispatcher.cluster.open[job].tracks[0].queue.stored_frames == 0


def test_under_pressure_stored_chunks_are_given_up_and_asked_for_again_when_the_store_is_lost(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.deliver(11, 0)
    script.tick(1, room=0)
    assert script.dispatcher.cluster.open[job].streams[0].here.to_wire() == bits(1, 2)
    assert script.dispatcher.cluster.open[job].received()[0].to_wire() == bits(0, 1, 2)
    script.leave(9)
    script.leave(1)
    script.aggregator(8, store="new", name="agg")
    script.wait(12)
    script.hold(job, peer=8)
    script.client(2)
    assert script.submit(2, chunks=0, end=False) == job
    assert script.said(2, Job)[0].have == [bits(1, 2)]


def test_chunks_given_up_are_remembered_over_a_restart(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.deliver(11, 0)
    script.tick(1, room=0)
    new = script.restarted(epoch=2)
    assert new.dispatcher.cluster.open[job].received()[0].to_wire() == bits(0, 1, 2)
    assert new.dispatcher.cluster.open[job].all_sent


def test_an_attached_client_is_told_what_it_must_send_again(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.deliver(11, 0)
    script.tick(1, room=0)
    script.leave(9)
    script.aggregator(8, store="new", name="agg")
    script.wait(12)
    script.hold(job, peer=8)
    script.tick()
    assert script.said(1, Job)[-1].have == [bits(1, 2)]


def test_cancel_frees_workers_at_once(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=4)
    script.tell(1, Control(job, "cancel"))
    script.tick()
    assert script.job(1).state == "cancelled"
    assert [one.lease for one in script.said(11, Revoke)] == [task.lease for task in script.said(11, Task)]
    assert FreeJob(job) in script.commands
    script.tell(1, Control(job, "forget"))
    assert ForgetJob(job) in script.commands


@pytest.mark.parametrize(
    ("source", "outputs", "word"),
    [
        ({}, [], "kind"),
        ({"kind": "video", "name": "x", "stream_count": 0, "process": {}}, [], "streams"),
        ({"kind": "video", "name": "x", "stream_count": 1, "process": {}}, [], "outputs"),
        ({"kind": "video", "name": "x", "stream_count": 1, "process": {}}, [{"name": "../up", "chain": []}], "file"),
        ({"kind": "video", "name": "x", "stream_count": 1, "process": {}}, [{"name": "o", "chain": []}], "filters"),
    ],
)
def test_what_cannot_be_a_job_is_refused_and_the_connection_lives(
    script: Script, source: dict[str, object], outputs: list[dict[str, object]], word: str
) -> None:
    script.tell(1, Submit("k", source, outputs))
    error = script.said(1, Error)[-1]
    assert (error.code, error.fatal) == ("bad-job", False)
    assert word in error.text
    assert not script.closed(1)


def test_a_peer_that_speaks_out_of_role_is_closed_and_nobody_else(script: Script) -> None:
    script.worker(11)
    script.tell(11, Watch())
    assert script.closed(11) == ["out-of-order"]
    assert not script.closed(1)


FRAMES = 2**62
"""Passes the schema, and a few of it do not pack any more."""


@pytest.mark.parametrize(
    ("peer", "say"),
    [
        (11, lambda job, lease: Released(lease, "failed", {"kind": ["crash"]})),
        (11, lambda job, lease: Released(lease, "failed", {"text": "x" * 100_000})),
        (11, lambda job, lease: Beat([LeaseBeat(lease, "computing", FRAMES, 1)])),
        (9, lambda job, lease: Stored(job, 0, 2**40, "kept")),
        (9, lambda job, lease: Stored(job, 0, 0, "kept", lost_frames=FRAMES)),
        (9, lambda job, lease: Finished(job, 1, "running")),
        (1, lambda job, lease: End(job, [FRAMES])),
    ],
)
def test_what_no_schema_tells_from_sense_ends_one_connection(script: Script, peer: int, say: Any) -> None:
    script.worker(11)
    job = script.submit(chunks=2, end=False)
    script.tell(peer, say(job, script.said(11, Task)[0].lease))
    assert {one: script.closed(one) for one in (1, 9, 11) if script.closed(one)} == {peer: ["bad-message"]}
    script.leave(11)
    script.worker(12)
    script.tick(1)
    assert script.tasks(12) == ([] if peer == 9 else [0, 1])


@pytest.mark.parametrize("death", [{"lease": [1, [2]]}, {"lease": [1]}, {"kind": ["crash"]}])
def test_a_death_that_cannot_be_ends_the_workers_connection(script: Script, death: dict[str, Any]) -> None:
    script.worker(11, death=death)
    assert script.closed(11) == ["bad-message"]
    assert not script.dispatcher.cluster.fleet.by_name


def test_a_cause_says_nothing_of_who_failed_and_how(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    cause = {"kind": "exception", "text": "it raised", "worker": ["another"], "mode": 3}
    script.tell(11, Released(script.said(11, Task)[0].lease, "failed", cause))
    (told,) = script.dispatcher.cluster.open[job].tracks[0].troubles[0].failures
    assert (told["worker"], told["mode"]) == ("w11", "filter")


def test_a_lease_told_twice_is_adopted_once(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    task = script.said(11, Task)[0]
    script.leave(11)
    held = tuple(held_lease(replace(task, index=index)) for index in (0, 0, 1))
    script.worker(12, "w11", held=held)
    script.leave(12)
    script.worker(13)
    script.tick()
    assert script.tasks(13) == [0, 1]


def test_a_lease_is_adopted_by_the_worker_only_that_it_was_lent_to(script: Script) -> None:
    script.worker(11)
    script.client(2)
    script.tell(2, Watch(topics=["events"]))
    script.submit(chunks=2)
    held = tuple(held_lease(task) for task in script.said(11, Task))
    for peer in (12, 13):  # two others claim it, before and after its holder has left
        script.worker(peer, held=held)
        assert script.said(peer, Revoke) == [Revoke(one.lease) for one in held]
        script.leave(11)
    assert [one.kind for one in script.said(2, Event)].count("lease-refused") == 2
    for peer in (12, 13):
        script.leave(peer)


@pytest.mark.parametrize(
    "changes",
    [{"index": 1}, {"mode": "bypass"}, {"build": "g"}, {"tag": b""}, {"lease": Lease(1, 99)}, {"stage": [0, 1]}],
)
def test_a_lease_is_adopted_for_just_what_it_was_lent_for(script: Script, changes: dict[str, Any]) -> None:
    script.worker(11)
    script.submit(chunks=2)
    held = held_lease(script.said(11, Task)[0])
    script.leave(11)
    script.worker(12, "w11", held=(replace(held, **changes),))
    assert len(script.said(12, Revoke)) == 1
    script.leave(12)
    script.worker(13, "w11", held=(held,))
    assert not script.said(13, Revoke)


def test_a_lease_is_not_adopted_twice_by_one_process_under_two_names(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    held = held_lease(script.said(11, Task)[0])
    script.leave(11)
    script.worker(12, "a", held=(held,), token="token of w11")
    script.worker(13, "b", held=(held,), token="token of w11")
    assert script.said(12, Revoke) == []
    assert script.said(13, Revoke) == [Revoke(held.lease)]
    script.tell(1, Control(job, "cancel"))
    script.leave(12)
    script.leave(13)
    script.tick()
    assert script.job(1).state == "cancelled"


def test_chunks_beyond_the_end_are_a_broken_protocol(script: Script) -> None:
    job = script.submit(chunks=2)
    script.tell(1, Chunk(job, 0, 2, 10), size=10, xxh3=5)
    assert script.closed(1) == ["bad-message"]
    script.client(2)
    script.tell(2, End(job, [2]))
    assert script.said(2, Error)[-1].code == "not-yours"


def test_watchers_get_current_records_and_changes(script: Script) -> None:
    script.client(5)
    script.tell(5, Watch(topics=["jobs", "workers", "events"]))
    script.worker(11)
    script.submit(chunks=2)
    script.tell(11, Beat([LeaseBeat(script.said(11, Task)[0].lease, "computing", 4, 4)], 55.0, 1 << 20))
    script.tick(2)
    assert script.said(5, Worker)[-1].facts["tasks"][0]["frames"] == 4
    assert script.said(5, Job)[-1].progress["frames_done"] == 4
    assert "worker-joined" in [event.kind for event in script.said(5, Event)]
    script.leave(11)
    script.tick(2)
    assert script.said(5, Worker)[-1].state == "lost"


# ── the tail ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_idle_worker_copies_the_slowest_task_and_the_first_result_wins(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=4)
    for index in (1, 3):
        script.tick(0.5)
        script.deliver(12, index)
    script.deliver(11, 2)
    for _ in range(5):
        script.tell(11, Beat())
        script.tell(12, Beat())
        script.tick(1)
    assert script.tasks(12) == [1, 3, 0]
    script.deliver(12, 0)
    assert [one.lease for one in script.said(11, Revoke)] == [script.said(11, Task)[0].lease]
    assert script.said(9, Finish)


def test_a_task_that_failed_is_not_copied(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=2)
    script.deliver(12, 1)
    _fail(script, 11)
    assert script.tasks(12) == [1, 0]
    for _ in range(5):
        script.tell(11, Beat())
        script.tell(12, Beat())
        script.tick(1)
    assert script.tasks(11) == [0]


def test_a_task_whose_result_finds_no_room_is_not_copied(script: Script) -> None:
    """Else two workers hand it to each other for ever."""
    script.worker(11)
    script.worker(12)
    script.submit(chunks=4)
    for index in (1, 3):
        script.tick(0.5)
        script.deliver(12, index)
    script.deliver(11, 2)
    script.tell(9, Stored("clip-1", 0, 0, "no-room", script.said(11, Task)[0].lease, "w11", text="the disk is full"))
    script.tell(11, Beat())
    script.tell(12, Beat())
    script.tick(4)
    assert script.tasks(12) == [1, 3]


def test_states_that_may_not_follow_each_other_are_a_bug() -> None:
    script = Script()
    script.client(1)
    job = script.dispatcher.cluster.open[script.submit(end=False)]
    job.set_state(JobState.DONE)
    with pytest.raises(AssertionError, match="done to running"):
        job.set_state(JobState.RUNNING)


def test_a_chunk_that_failed_is_given_to_the_owner_once(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    for _ in range(3):
        _fail(script, 11)
    assert script.said(9, FailedChunk) == [FailedChunk(job, 0, 0, 1)]


def test_a_chunk_with_fallback_frames_is_given_to_the_owner(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.tell(9, Stored(job, 0, 1, "kept", script.said(11, Task)[1].lease, "w11", 10, fallback_frames=1))
    assert script.said(9, FailedChunk) == [FailedChunk(job, 0, 1, 1)]
