"""What is told of the cluster as a whole: counts, rates, what went wrong, and of jobs and workers the first so many."""

from __future__ import annotations

import pytest

from middleware.model.rules import Rules
from middleware.model.totals import Totals
from middleware.model.troubles import MAX_USERS, Troubles
from moviola.base.trouble import MAX_TROUBLES, Trouble
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Cause,
    Death,
    Event,
    Job,
    LeaseBeat,
    Message,
    Overview,
    Released,
    Stored,
    Task,
    Watch,
    Worker,
)
from tests.middleware.script import Script, held_lease

LOOKER = 50


def cluster(workers: int = 2, *, user: str = "", admins: tuple[str, ...] = ("root",)) -> Script:
    """One with somebody who looks on."""
    script = Script(rules=Rules(admins=admins))
    script.aggregator()
    for number in range(workers):
        script.worker(10 + number)
    script.client(LOOKER, user=user)
    return script


def told(script: Script, limit: int | None = None) -> list[Message]:
    """What is told to whoever asks for an overview, but for what was told before."""
    before = len(script.said(LOOKER, Message))
    script.tick(1.0)
    script.tell(LOOKER, Watch(topics=["overview"], limit=limit))
    return script.said(LOOKER, Message)[before:]


def overview(script: Script) -> Overview:
    return next(one for one in told(script) if isinstance(one, Overview))


def computing(script: Script, peer: int, frames: int) -> None:
    """A worker says how far it is with its oldest task."""
    lease = script.said(peer, Task)[0].lease
    script.tell(peer, Beat([LeaseBeat(lease, "computing", frames, 1)], 90.0, 1_000_000))


def test_an_empty_cluster() -> None:
    nothing = Totals()
    assert overview(cluster(0)) == Overview(
        1,
        101.0,
        aggregators=1,
        spool_limit_bytes=1 << 30,
        task_seconds=nothing.task_seconds.histogram(),
        job_seconds=nothing.job_seconds.histogram(),
    )


def test_jobs_workers_and_tasks_are_counted() -> None:
    script = cluster(2)
    script.worker(30, filters=("edges",))
    script.leave(30)
    script.client(1)
    script.submit(1, chunks=7)
    script.submit(1, chunks=2, filters=("nobody",), key="waits")
    one = overview(script)
    assert one.jobs == {"running": 1, "pending": 1}
    assert one.workers == {"full": 2, "lost": 1}
    assert (one.tasks_queued, one.tasks_in_flight) == (3 + 2, 4)
    assert one.spool_bytes == 9000


def test_frames_are_counted_as_they_are_done_and_never_taken_back() -> None:
    script = cluster(1)
    script.client(1)
    script.submit(1, chunks=1)
    counts = []
    for frames in (0, 4, 8):
        computing(script, 10, frames)
        counts.append(overview(script).frames_done)
    assert counts == [0, 4, 8]
    assert script.said(LOOKER, Worker)[-1].facts.frames == 8
    assert overview(script).frames_per_s == pytest.approx(script.job(LOOKER).frames_per_s)
    assert 2 < script.job(LOOKER).frames_per_s <= 4
    script.deliver(10)
    script.pass_all()
    script.finish()
    last = overview(script)
    assert (last.jobs, last.frames_done, last.frames_per_s) == ({"done": 1}, 10, 0.0)
    assert script.said(LOOKER, Worker)[-1].facts.frames == 10


def test_what_was_done_before_a_restart_is_not_done_now() -> None:
    """The first word of a worker that is back tells of all that it has done of its task, which may have taken long."""
    before = cluster(1)
    before.client(1)
    before.submit(1, chunks=2)
    task = before.said(10, Task)[0]
    script = before.restarted(epoch=2)
    script.client(LOOKER)
    script.aggregator()
    script.hold(task.job)
    script.worker(10, session="s10", held=(held_lease(task),))
    counts = []
    for frames in (7, 9):
        script.tell(10, Beat([LeaseBeat(task.lease, "computing", frames, 1)]))
        script.tick(1.0)
        counts.append(overview(script).frames_done)
    assert counts == [0, 2]
    assert overview(script).epoch == 2


def test_jobs_in_work_come_first_and_of_those_that_are_over_the_newest() -> None:
    script = cluster(1)
    script.client(1)
    ids = {}
    for name in ("first", "second"):
        ids[name] = script.submit(1, chunks=1, key=name)
        script.deliver(10)
        script.pass_all()
        script.finish()
    ids["waits"] = script.submit(1, chunks=1, filters=("nobody",), key="waits")
    ids["works"] = script.submit(1, chunks=1, key="works")
    ids["waits too"] = script.submit(1, chunks=1, filters=("nobody",), key="waits too")
    order = ["works", "waits", "waits too", "second", "first"]
    for limit in (1, 3, 4, 5, None):
        jobs = [one.job for one in told(script, limit) if isinstance(one, Job)]
        assert jobs == [ids[name] for name in order[:limit]]


def test_connected_workers_come_before_those_that_left() -> None:
    script = cluster(3)
    script.leave(10)
    script.leave(11)
    for limit, names in ((1, ["w12"]), (2, ["w12", "w11"]), (None, ["w12", "w11", "w10"])):
        assert [one.name for one in told(script, limit) if isinstance(one, Worker)] == names


def test_it_ends_with_a_word_and_nothing_follows_until_it_is_asked_for_again() -> None:
    script = cluster(2)
    answer = told(script)
    assert isinstance(answer[0], Overview)
    assert [type(one) for one in answer[1:]] == [Aggregator, Worker, Worker, Event]
    assert not any(one.facts.schemas for one in answer if isinstance(one, Worker))
    before = len(script.said(LOOKER, Message))
    script.client(1)
    script.submit(1)
    script.tick(3.0)
    assert len(script.said(LOOKER, Message)) == before


def test_a_failure_is_told_with_whose_fault_it_was() -> None:
    script = cluster(2)
    script.client(1)
    job = script.submit(1, chunks=8)
    for cause in (Cause("exception", "ValueError: too dark", filter="blur"), Cause("crash", "it ended by SIGSEGV")):
        lease = script.said(10, Task)[-1].lease
        script.now += 1
        script.tell(10, Released(lease, "failed", cause))
        script.tick()
    one = overview(script)
    crash, raised = one.troubles
    assert (raised.fault, raised.kind, raised.filter, raised.text) == (
        "filter", "exception", "blur", "ValueError: too dark",
    )  # fmt: skip
    assert (crash.fault, crash.kind, crash.worker) == ("machine", "crash", "w10")
    assert (crash.job, crash.output, crash.count) == (job, "out", 1)
    assert (one.failures, one.losses) == (2, 0)


def test_a_worker_that_is_lost_with_tasks_is_the_machines_fault() -> None:
    script = cluster(1)
    script.client(1)
    script.submit(1, chunks=2)
    script.leave(10)
    one = overview(script)
    assert [(each.fault, each.kind, each.count, each.text) for each in one.troubles] == [
        ("machine", "lost", 2, "worker w10: gone")
    ]
    assert (one.failures, one.losses) == (0, 2)


def test_frames_that_pass_unfiltered_are_the_filters_fault_and_counted() -> None:
    script = cluster(1)
    script.client(1)
    script.submit(1, chunks=2)
    for task in script.said(10, Task)[:2]:
        stored = Stored(task.job, task.track, task.index, "kept", task.lease, "w10", 10, fallback_frames=3)
        script.tell(9, stored)
    one = overview(script)
    assert [(each.fault, each.kind, each.count, each.worker) for each in one.troubles] == [
        ("filter", "fallback", 6, "w10")
    ]
    assert one.failures == 0


@pytest.mark.parametrize(("user", "sees"), [("ann", True), ("bob", False), ("root", True)])
def test_what_goes_wrong_with_a_job_is_its_users_affair(user: str, sees: bool) -> None:
    script = cluster(1, user=user)
    script.client(1, user="ann")
    script.submit(1, chunks=1)
    script.tell(10, Released(script.said(10, Task)[-1].lease, "failed", Cause("exception", "boom")))
    assert bool(overview(script).troubles) is sees
    assert any(isinstance(one, Job) for one in told(script)) is sees


def test_troubles_are_bounded_for_each_user() -> None:
    troubles = Troubles()
    for number in range(3 * MAX_TROUBLES):
        troubles.add("ann", Trouble(float(number), "filter", "exception", f"text {number}", job="a"))
    troubles.add("bob", Trouble(0.0, "machine", "crash", "his", job="b"))
    assert [one.text for one in troubles.newest("ann")] == [
        f"text {number}" for number in reversed(range(2 * MAX_TROUBLES, 3 * MAX_TROUBLES))
    ]
    assert [one.text for one in troubles.newest("bob")] == ["his"]
    for number in range(MAX_USERS):
        troubles.add(f"user {number}", Trouble(1.0, "machine", "crash", "x", job="c"))
    assert troubles.newest("bob") == []
    assert len(troubles.newest(None)) == MAX_TROUBLES


def test_what_is_alike_is_one_trouble_of_its_newest_time() -> None:
    troubles = Troubles()
    for number, worker in enumerate(("w1", "w2", "w1")):
        troubles.add("", Trouble(float(number), "filter", "exception", "boom", job="j", worker=worker, chunk=number))
        end = f"it ended at lease 1.{number}"
        troubles.add("", Trouble(float(number), "machine", "crash", end, job="j", worker=worker))
    crash_2, *others = sorted(troubles.newest(""), key=lambda one: one.count)
    assert (crash_2.worker, crash_2.count) == ("w2", 1)
    assert {(one.fault, one.count, one.unix_s, one.worker) for one in others} == {
        ("filter", 3, 2.0, "w1"), ("machine", 2, 2.0, "w1"),
    }  # fmt: skip


def test_a_crash_is_told_once_by_whoever_it_is_charged_to() -> None:
    """Of a task, where one was computed, else of the worker."""
    script = cluster(1)
    script.client(1)
    job = script.submit(1, chunks=1)
    lease = script.said(10, Task)[0].lease
    script.leave(10)
    script.worker(10, session="again", death=Death(lease, kind="crash", text="it ended by SIGSEGV"))
    script.tick(1.0)
    script.leave(10)
    script.tick(1.0)
    script.worker(10, session="and again", death=Death(kind="killed", text="it was killed"))
    killed, *others = overview(script).troubles
    assert (killed.kind, killed.job, killed.worker) == ("killed", "", "w10")
    assert {(one.kind, one.job, one.count) for one in others} == {("lost", job, 2), ("crash", job, 1)}
