"""Outputs are of one build, as scripts: which one is chosen, kept, and awaited."""

from __future__ import annotations

from moviola.wire.messages import Finish, Holdings, Own, Task
from tests.middleware.script import Script, bits, fail


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


def test_a_worker_that_is_of_another_build_is_not_awaited_to_try_what_failed_elsewhere(script: Script) -> None:
    script.worker(11)
    script.worker(12, fingerprint="other")
    script.submit(chunks=2)
    for _ in range(3):
        fail(script, 11)
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
