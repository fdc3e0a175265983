"""What a message may cost, counted in calls rather than seconds: far indexes, and questions asked again and again."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from middleware.events import MemberMessage, SendChunk, Tick
from middleware.model.rules import Rules
from middleware.publisher import RECORDS_PER_TURN
from middleware.scheduler import Scheduler
from moviola.wire.limits import MAX_CHUNKS
from moviola.wire.messages import (
    Beat,
    Chunk,
    End,
    Event,
    Hello,
    Job,
    LeaseBeat,
    Message,
    Released,
    Stored,
    Task,
    Watch,
)
from tests.middleware.script import ROOM, Script


def steps(action: Callable[[], object]) -> int:
    """The lines of Python that an action executes."""
    count = 0

    def trace(_frame: FrameType, what: str, _argument: Any) -> Any:
        nonlocal count
        count += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("index", [0, MAX_CHUNKS - 1])
def test_a_chunk_costs_the_same_wherever_it_is(index: int) -> None:
    """One with the last index of all made the middleware deaf for 10 s."""
    script = Script()
    script.aggregator(9)
    script.worker(11)
    script.client(1)
    script.tell(1, script.submission())
    job = script.job(1).job

    def send_and_end() -> None:
        script.tell(1, Chunk(job, 0, index, 10), size=1, xxh3=1)
        script.tell(1, End(job, [MAX_CHUNKS]))
        script.tick()
        script.tick(room=0)
        script.tell(1, script.submission())

    assert steps(send_and_end) < 10_000


def watched(jobs: int) -> Script:
    """Jobs of several users, which the admin `root` may watch."""
    script = Script(rules=Rules(admins=("root",)))
    script.aggregator(9)
    for number in range(jobs):
        peer = 100 + number
        script.client(peer, user=f"user {number % 5}")
        script.tell(peer, script.submission(key=f"key {number}"))
    script.tick()
    return script


def test_a_watch_that_is_repeated_costs_nothing_and_is_answered_in_slices() -> None:
    """200 of them made the middleware deaf for 8 s, and took 300 MB."""
    script = watched(400)
    script.client(5, user="root")
    cluster = script.dispatcher.cluster
    before = len(script.commands)
    job = next(iter(cluster.jobs))
    for _ in range(200):
        commands = script.dispatcher.handle(_received(5, Watch(topics=["jobs", "workers"])), script.now)
        commands += script.dispatcher.handle(_received(5, Watch(job)), script.now)
        assert not commands
    assert len(script.commands) == before
    turns = 0
    while cluster.watchers[5].asked or cluster.watchers[5].asked_topics:
        deadline = script.dispatcher.next_deadline()
        assert deadline is not None
        assert deadline <= script.now + 0.1
        before = len(script.commands)
        script.tick(0.11)
        assert len(script.commands) - before <= RECORDS_PER_TURN + 10
        turns += 1
    assert 2 <= turns <= 4
    assert len(script.said(5, Job)) <= 400 + 1 + 10
    assert len({one.job for one in script.said(5, Job)}) == 400
    assert [one.kind for one in script.said(5, Event)].count("current") == 1


def test_questions_of_one_client_are_taken_up_twice_a_second_at_most() -> None:
    script = watched(10)
    script.client(5, user="root")
    job = next(iter(script.dispatcher.cluster.jobs))
    for _ in range(100):
        script.tell(5, Watch(topics=["jobs"]))
        script.tell(5, Watch(job))
        script.tick(0.02)
    assert 2 <= [one.kind for one in script.said(5, Event)].count("current") <= 5
    assert len(script.said(5, Job)) <= 5 * 11 + 10


def test_all_watchers_share_what_is_told_in_a_turn() -> None:
    script = watched(100)
    for peer in range(500, 600):
        script.dispatcher.handle(_received(peer, Hello("client", f"c{peer}", "s", [3], user="root")), script.now)
        script.dispatcher.handle(_received(peer, Watch(topics=["jobs"])), script.now)
    told: dict[int, int] = dict.fromkeys(range(500, 600), 0)
    for _ in range(200):
        before = len(script.commands)
        script.tick(0.11)
        new = script.commands[before:]
        assert len(new) <= RECORDS_PER_TURN + 10
        for command in new:
            if getattr(command, "peer", 0) in told:
                told[command.peer] += 1  # type: ignore[union-attr]
    assert min(told.values()) >= 101


def test_what_a_client_is_told_of_its_jobs_costs_the_same_however_many_wait() -> None:
    """All that changed were walked over ten times a second, of which sixteen were told."""

    def cost(jobs: int) -> int:
        script = Script()
        script.aggregator(9)
        script.client(1)
        for number in range(jobs):
            script.tell(1, script.submission(key=f"key {number}"))
            script.now += 0.1
        for _ in range(10):
            script.tick(1)  # until each job's room has been looked at
        for job in script.dispatcher.cluster.open.values():
            job.mark()
        script.tick(0.01)  # they are looked at in this turn
        publisher = script.dispatcher._parts.publisher
        return steps(lambda: publisher.publish(script.now + 1))

    assert cost(200) < 1.05 * cost(100)


def lines_of_a_life(jobs: int, workers: int, in_turn: int, lives: int = 64) -> float:
    """The lines of Python of a task's life in a full cluster: it is handed out, stored and given back.

    Args:
        in_turn: lives of one turn of the loop.
    """
    script = Script()
    script.aggregator(9)
    for number in range(workers):
        script.worker(1000 + number)
    for number in range(jobs):
        script.client(10 + number)
        script.submit(10 + number, chunks=2 * (lives + workers) // jobs + 4, key=f"key {number}")
    script.tick()
    lent = deque(command for command in script.commands if isinstance(command, SendChunk))

    def live() -> None:
        handle, now = script.dispatcher.handle, script.now
        for done in range(1, lives + 1):
            command = lent.popleft()
            task = command.message
            assert isinstance(task, Task)
            handle(_received(9, Stored(task.job, task.track, task.index, "kept", task.lease)), now)
            handle(_received(command.peer, Released(task.lease, "stored")), now)
            if done % in_turn == 0:
                lent.extend(one for one in handle(Tick(ROOM), now) if isinstance(one, SendChunk))

    live()
    return steps(live) / lives


def test_a_task_costs_few_steps_however_many_jobs_and_workers_there_are() -> None:
    """They were 406, and 484 where a turn ends after each, before lives were made cheaper."""
    few, many = lines_of_a_life(1, 2, 4), lines_of_a_life(20, 40, 4)
    assert few < 370
    assert many < 1.15 * few
    assert lines_of_a_life(1, 2, 1) < 445


def test_a_sign_of_life_has_nobody_look_at_the_job_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each had all rules look at the job that its task is of, though nothing but its progress changed."""
    script = Script()
    script.aggregator(9)
    script.worker(11)
    script.client(1)
    script.submit(1, chunks=2)
    script.tick()
    looked: list[object] = []
    monkeypatch.setattr(Scheduler, "look", lambda _self, job, _now: looked.append(job))
    for frames in range(1, 10):
        script.tell(11, Beat([LeaseBeat(script.said(11, Task)[0].lease, "computing", frames, frames)]))
        script.tick(0.5)
    assert not looked
    assert script.job(1).progress is not None
    assert script.job(1).progress.frames_done == 9


def test_a_search_for_slow_tasks_costs_the_same_however_many_are_in_flight() -> None:
    """Each of them was looked at four times a second, while some worker was idle."""

    def cost(workers: int) -> int:
        script = Script()
        script.aggregator(9)
        script.client(1)
        for number in range(workers):
            script.worker(100 + number)
        script.submit(1, chunks=workers)
        script.deliver(100)
        assert script.dispatcher.cluster.fleet.by_name["w100"].held == {}
        scheduler = script.dispatcher._parts.scheduler
        return steps(lambda: scheduler.speculate(script.now))

    assert cost(100) < 1.05 * cost(10)


def _received(peer: int, message: Message) -> MemberMessage:
    return MemberMessage(peer, message)
