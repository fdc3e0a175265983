"""Previews: they are told to nobody but their own client, take no other job's place, and go when it has gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from middleware.events import ForgetJob
from middleware.model.rules import Rules
from middleware.model.users import Quota
from middleware.previews import FILES_WAIT_S
from moviola.base.details import Policy
from moviola.wire.messages import Control, Drop, End, Job, Overview, Released, Snapshot, Stored, Subscribe, Task, Watch
from tests.middleware.script import Script


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator(9)
    made.worker(11)
    made.client(1)
    return made


def submit(script: Script, peer: int = 1, key: str = "p", priority: int = 0) -> str:
    """A client submits a preview of one chunk, and sends all of it. Returns its id."""
    asked = script.submission(key=key, priority=priority, new=True)
    script.tell(peer, replace(asked, policy=Policy(is_preview=True)))
    job = script.job(peer).job
    script.hold(job)
    script.chunk(peer, job, 0)
    script.tell(peer, End(job, [1]))
    script.tick()
    return job


def test_its_own_client_follows_it_to_its_end_and_gets_its_files(script: Script) -> None:
    job = submit(script)
    script.deliver(11)
    script.finish()
    script.tick(1.0)
    assert (script.job(1).job, script.job(1).state) == (job, "done")
    assert [file.file for file in script.job(1).files] == ["out.mp4"]


def test_no_list_and_no_event_tells_of_it(script: Script) -> None:
    script.client(5)
    script.tell(5, Watch(topics=["jobs"]))
    script.tell(5, Subscribe(snapshot=True))
    preview, seen = submit(script), script.submit(key="other", chunks=1)
    script.deliver(11)
    script.client(6)
    script.tell(6, Subscribe(snapshot=True))
    script.tell(6, Watch(topics=["jobs", "overview"], limit=10))
    script.tick(2.0)
    script.leave(1)
    script.tick(2.0)
    assert {job.job for peer in (5, 6) for job in script.said(peer, Job)} == {seen}
    assert {event.job for event in script.events(5)} - {""} == {seen}
    assert {glance.job for told in script.said(6, Snapshot) for glance in told.jobs} == {seen}
    assert sum(script.said(6, Overview)[-1].jobs.values()) == 1
    assert preview not in script.dispatcher.cluster.jobs


def test_whoever_knows_its_id_is_told_of_it(script: Script) -> None:
    job = submit(script)
    script.client(5)
    script.tell(5, Watch(job))
    script.tick(1.0)
    assert script.job(5).job == job


def test_it_is_cancelled_when_its_client_leaves(script: Script) -> None:
    job = submit(script)
    assert script.said(11, Task)[-1].job == job
    script.leave(1)
    script.tick(1.0)
    assert job not in script.dispatcher.cluster.jobs
    assert ForgetJob(job) in script.commands


def test_nothing_of_it_is_handed_out_in_the_turn_in_which_it_is_cancelled(script: Script) -> None:
    script.client(2)
    full = script.submit(2, key="other", chunks=2)  # the worker has no credit left
    preview = submit(script)
    task = script.said(11, Task)[0]
    script.leave(1)
    script.tell(9, Stored(full, 0, task.index, "kept", task.lease, "w11", 10))
    script.tell(11, Released(task.lease, "stored"))
    script.now += 1.0
    script.tick()
    assert preview not in script.dispatcher.cluster.open
    assert {each.job for each in script.said(11, Task)} == {full}


def test_what_it_came_to_is_forgotten_with_its_files_when_its_client_leaves(script: Script) -> None:
    job = submit(script)
    script.deliver(11)
    script.finish()
    script.tick(5.0)
    assert job in script.dispatcher.cluster.jobs
    script.leave(1)
    script.tick(1.0)
    assert job not in script.dispatcher.cluster.jobs
    assert script.said(9, Drop)[-1] == Drop(job, 1, files=True)


def test_files_of_an_aggregator_that_is_away_are_removed_when_it_is_back(script: Script) -> None:
    job = submit(script)
    script.deliver(11)
    script.finish()
    script.leave(9)
    script.leave(1)
    script.tick(5.0)
    assert job in script.dispatcher.cluster.jobs
    script.aggregator(9)
    script.tick(1.0)
    assert job not in script.dispatcher.cluster.jobs
    assert script.said(9, Drop)[-1] == Drop(job, 1, files=True)


def test_files_of_an_aggregator_that_stays_away_are_not_waited_for(script: Script) -> None:
    job = submit(script)
    script.deliver(11)
    script.finish()
    script.leave(9)
    script.leave(1)
    script.wait(FILES_WAIT_S - 1)
    assert job in script.dispatcher.cluster.jobs
    script.wait(2.0)
    assert job not in script.dispatcher.cluster.jobs


def test_one_whose_client_detaches_goes_as_well(script: Script) -> None:
    job = submit(script)
    script.tell(1, Control(job, "detach"))
    script.tick(1.0)
    assert job not in script.dispatcher.cluster.jobs


@pytest.mark.parametrize("is_over", [False, True])
def test_a_restart_leaves_none_behind(script: Script, is_over: bool) -> None:
    job = submit(script)
    if is_over:
        script.deliver(11)
        script.finish()
    after = script.restarted(2)
    after.aggregator(9)
    after.tick(1.0)
    assert job not in after.dispatcher.cluster.jobs
    assert ForgetJob(job) in after.commands


def test_it_takes_no_place_in_the_history() -> None:
    script = Script(rules=Rules(history=Quota(1, 1, 0)))
    script.aggregator(9)
    script.worker(11)
    script.client(1)
    kept = script.submit(chunks=1)
    script.deliver(11)
    script.finish()
    preview = submit(script)
    script.deliver(11)
    script.finish()
    assert {kept, preview} <= script.dispatcher.cluster.jobs.keys()
    second = script.submit(key="second", chunks=1)
    script.deliver(11)
    script.finish()
    assert script.dispatcher.cluster.jobs.keys() == {preview, second}


def test_its_priority_is_above_jobs_of_the_same_user_alone(script: Script) -> None:
    script.client(2, user="other")
    script.submit(peer=1, key="own", chunks=6)  # the worker's two places are taken
    others = script.submit(peer=2, key="others", chunks=2)
    preview = submit(script, priority=100)
    script.deliver(11)
    script.deliver(11)
    order = [task.job for task in script.said(11, Task)]
    assert order[2:4] == [others, preview], order
