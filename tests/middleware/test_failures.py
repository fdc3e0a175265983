"""Tasks that fail, as scripts: attempts, bypasses, and who is charged."""

from __future__ import annotations

import pytest

from middleware.model.rules import Rules
from moviola.wire.messages import Death, Finish, Holdings, Released, Stored, Subscribe, Task
from tests.middleware.script import Script, counted, fail


def test_three_failures_on_two_workers_lead_to_a_bypass(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=1)
    fail(script, 11)
    assert script.tasks(12) == [0]
    fail(script, 12)
    peer = 11 if len(script.tasks(11)) == 2 else 12
    fail(script, peer)
    modes = [task.mode for task in (*script.said(11, Task), *script.said(12, Task))]
    assert sorted(modes) == ["bypass", "filter", "filter", "filter"]


def test_on_error_drop_leaves_the_chunk_out_at_last(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1, on_error="drop")
    for _ in range(3):
        fail(script, 11)
    assert [task.mode for task in script.said(11, Task)] == ["filter", "filter", "filter", "drop"]


def test_on_error_fail_ends_the_job_with_the_cause(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1, on_error="fail")
    for _ in range(3):
        fail(script, 11)
    assert script.job(1).state == "failed"
    assert "boom" in script.job(1).reason


def test_a_crash_told_by_the_parent_counts_against_the_task_and_a_kill_does_not(script: Script) -> None:
    script.worker(11, "w")
    script.submit(chunks=1)
    lease = script.said(11, Task)[0].lease
    script.leave(11)
    script.worker(12, "w", death=Death(lease, kind="killed", text="SIGKILL"))
    script.tick()
    assert script.dispatcher.cluster.fleet.by_name["w"].failures == 0
    lease = script.said(12, Task)[0].lease
    script.leave(12)
    script.worker(13, "w", death=Death(lease, kind="crash", text="SIGSEGV"))
    script.tick()
    assert script.dispatcher.cluster.fleet.by_name["w"].failures == 1
    assert script.tasks(13) == [0]


def test_a_worker_that_fails_what_others_do_gets_no_more_of_the_job(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.submit(chunks=20)
    for _ in range(3):
        fail(script, 11)
    before = len(script.tasks(11))
    for _ in range(6):
        script.deliver(12)
    assert len(script.tasks(11)) == before


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
    script.tell(2, Subscribe())
    script.submit(chunks=1)
    script.deliver(11)
    assert len(script.said(9, Finish)) == 1
    script.worker(12)
    _unreadable(script, 0)
    assert script.tasks(12) == [0], "others try it first"
    (failed,) = [one for one in script.events(2) if one.kind == "task-failed"]
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
    assert script.dispatcher.cluster.excluded(script.dispatcher.cluster.open[job]) == {"w11"}


def test_what_nobody_can_make_a_file_of_ends_the_job(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    for _ in range(4):  # three times with its filters, and once without
        script.deliver(11)
        _unreadable(script, 0)
    assert [task.mode for task in script.said(11, Task)] == ["filter"] * 3 + ["bypass"]
    assert (script.job(1).state, script.job(1).code) == ("failed", "task-failed")
    assert "it is no bundle" in script.job(1).reason
