"""Which worker gets which task, as scripts: the hand-out, a job's last tasks, copies of slow ones."""

from __future__ import annotations

import pytest

from middleware.events import ForgetJob, FreeJob
from middleware.model.lanes import MAX_LEFT
from moviola.wire.messages import Beat, Chunk, Control, End, Finish, LeaseBeat, Released, Revoke, Stored, Task
from tests.middleware.script import Script, bits, fail


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


def test_of_many_filters_that_are_offered_the_number_is_told_and_what_to_do(script: Script) -> None:
    script.worker(11, filters=tuple(f"filter{number}" for number in range(20)))
    script.submit(filters=("sharpen",))
    told = "no worker offers 'sharpen'; 1 worker offers 20 other filters; start a worker that offers what is missing"
    assert script.job(1).reason == told


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
    tasks = sorted((task for peer in (11, 12) for task in script.said(peer, Task)), key=lambda task: task.lease)
    assert [task.job for task in tasks] == ["clip-3", "clip-1", "clip-2", "clip-1"]


def test_a_later_job_that_is_given_a_higher_priority_gets_the_next_task(script: Script) -> None:
    script.client(2)
    older, later = script.submit(1, chunks=8, key="a"), script.submit(2, chunks=8, key="b")
    script.worker(11)
    script.tick()
    assert [task.job for task in script.said(11, Task)] == [older, later], "they take turns"

    def next_job() -> str:
        task = script.said(11, Task)[-2]  # of two that it holds the older one
        script.tell(9, Stored(task.job, task.track, task.index, "kept", task.lease))
        script.tell(11, Released(task.lease, "stored"))
        script.tick()
        return script.said(11, Task)[-1].job

    script.tell(2, Control(later, "priority", 5))
    assert [next_job() for _ in range(3)] == [later] * 3
    script.tell(1, Control(older, "priority", 6))
    assert [next_job() for _ in range(2)] == [older] * 2
    script.tell(1, Control(older, "priority", 0))
    assert next_job() == later


@pytest.mark.parametrize("verbs", [("priority", "priority"), ("pause", "resume")])
def test_a_job_that_is_changed_again_and_again_leaves_nothing_behind(script: Script, verbs: tuple[str, str]) -> None:
    """Each change left an entry in the heap of the tracks that wait."""
    script.client(2)
    script.worker(11)
    first, job = script.submit(1, chunks=8, key="a", priority=9), script.submit(2, chunks=8, key="b")
    lanes = script.dispatcher._parts.scheduler._lanes
    for number in range(500):
        for verb, priority in zip(verbs, (number % 7, 8), strict=True):
            script.tell(2, Control(job, verb, priority if verb == "priority" else None))
            script.tick()
    assert {task.job for task in script.said(11, Task)} == {first}
    lanes.validate(())
    [lane] = lanes
    assert sum(map(len, lane._waiting.values())) <= 2 + MAX_LEFT + 1


def test_a_task_carries_what_the_worker_needs_and_no_more(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    task = script.said(11, Task)[0]
    assert task.source == {"kind": "video", "codec": "h264"}
    assert task.output["name"] == "out"
    assert (task.owner, task.owner_epoch, task.mode) == ("store", 1, "filter")
    assert task.lease.epoch == 1


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
    fail(script, 11)
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
