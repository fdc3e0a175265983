"""What clients and watchers are told, and that telling it stays cheap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from middleware import publisher
from middleware.events import Tick
from middleware.model.stream import ChunkFacts
from middleware.model.track import Attempt, TaskFailures
from moviola.base.failures import MAX_FAILURES_OF_JOB
from moviola.wire.messages import (
    Beat,
    Cause,
    Control,
    Event,
    Hello,
    Job,
    LeaseBeat,
    Released,
    Stored,
    Task,
    Watch,
    Worker,
    WorkerDetails,
)
from tests.middleware.script import ROOM, Script


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """The arguments of each call of a function of publisher.py from now on."""
    calls: list[Any] = []
    real: Callable[..., Any] = getattr(publisher, name)

    def noting(*arguments: Any) -> Any:
        calls.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(publisher, name, noting)
    return calls


def turn(script: Script, *behind: int) -> None:
    """A turn a second later, in which those clients have not read what was sent to them."""
    script.now += 1
    script._take(script.dispatcher.handle(Tick(ROOM, behind=frozenset(behind)), script.now))


def test_of_many_failures_only_those_that_are_told_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.aggregator(9)
    script.client(1)
    script.tell(1, script.submission())
    job = script.dispatcher.cluster.open[script.job(1).job]
    for index in range(3000):
        job.add_chunk(0, index, ChunkFacts(10, index + 1, 1000))
        job.tracks[0].task_failures[index] = TaskFailures([Attempt("w", Cause("crash", "x"))] * 3)
        job.tracks[0].queue.put_first(index)
    calls = counted(monkeypatch, "_frames_of")
    script.client(5)
    script.tell(5, Watch(job.id))
    told = script.said(5, Job)[-1].details.failures
    assert [one.frames for one in told[::3]] == [[10 * index, 10 * index + 9] for index in range(7)]
    assert len(told) == len(calls) == MAX_FAILURES_OF_JOB


def test_each_of_those_who_send_is_told_of_new_room(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.aggregator(9)
    for peer in range(100, 130):
        script.client(peer)
        script.tell(peer, script.submission(key=f"key {peer}"))
    window = script.dispatcher.cluster.rules.client_window_bytes
    script.dispatcher.handle(Tick(window), script.now + 1)  # little
    commands = script.dispatcher.handle(Tick(30 * window), script.now + 2)  # enough again: each is told
    calls = counted(monkeypatch, "room_for")
    for _ in range(10):
        script.dispatcher.handle(Tick(30 * window), script.now + 2)
    assert not calls, "nothing has changed"
    assert len({command.peer for command in commands if hasattr(command, "peer")}) == 30


def test_who_is_behind_with_reading_hears_the_newest_later(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.aggregator(9)
    script.client(1)
    script.client(5)
    script.client(6)
    for peer in (5, 6):
        script.tell(peer, Watch(topics=["jobs"]))
    job = script.submit(chunks=4)
    turn(script)
    heard = {peer: [*script.said(peer, Job), *script.said(peer, Event)] for peer in (1, 5)}
    told = len(script.said(6, Job))
    for verb in ("pause", "resume", "pause", "cancel"):
        script.tell(6, Control(job, verb))
        turn(script, 1, 5)
    turn(script, 1, 5)
    assert heard == {peer: [*script.said(peer, Job), *script.said(peer, Event)] for peer in (1, 5)}
    assert len(script.said(6, Job)) >= told + 4
    turn(script)
    turn(script)
    assert [script.job(peer).state for peer in (1, 5)] == ["cancelled"] * 2
    assert script.said(1, Job)[-1].details  # as at its end


def test_who_asks_is_answered_though_news_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.aggregator(9)
    script.client(1)
    jobs = [script.submit(chunks=1) for _ in range(6)]
    script.client(5)
    script.tell(5, Watch(topics=["jobs"]))
    turn(script)
    monkeypatch.setattr(publisher, "RECORDS_PER_TURN", 1)
    heard = len(script.said(5, Job))
    for number in range(40):  # more changes in each turn than are told
        for job in jobs[:3]:
            script.tell(1, Control(job, ("pause", "resume")[number % 2]))
        if number == 3:
            script.tell(5, Watch(topics=["jobs"]))
        turn(script)
    assert {one.job for one in script.said(5, Job)[heard:]} == set(jobs)
    assert [one.kind for one in script.said(5, Event)] == ["current"] * 2


def test_what_was_accepted_and_what_is_missed_is_told_to_who_was_behind() -> None:
    script = Script()
    script.aggregator(9)
    script.client(1)
    script.tell(1, script.submission())
    job = script.job(1).job
    script.chunk(1, job, 0)
    script.dispatcher.cluster.open[job].ask_anew(script.now)
    turn(script, 1)
    assert script.job(1).accepted == 0
    turn(script)
    assert script.job(1).accepted == 1
    assert script.job(1).have == [b"\x01"]


def test_schemas_come_with_the_first_record_of_a_worker_and_a_loss_is_told_to_who_was_behind() -> None:
    script = Script()
    script.client(5)
    script.worker(11)
    script.tell(5, Watch(topics=["workers"]))
    details = WorkerDetails([{"name": "blur"}], ["video"], 1, "build").to_wire()
    script.tell(12, Hello("worker", "late", "s1", [3], details=details))
    turn(script)
    turn(script)
    with_schemas = [(one.name, bool(one.facts.schemas)) for one in script.said(5, Worker)]
    assert with_schemas == [("w11", True), ("w11", False), ("late", True), ("w11", False), ("late", False)]
    script.leave(12)
    turn(script, 5)
    assert len(script.said(5, Worker)) == 5
    turn(script)
    assert [(one.name, one.state) for one in script.said(5, Worker)[5:]] == [("w11", "ready"), ("late", "lost")]
    script.tell(13, Hello("worker", "late", "s2", [3], details=details))
    turn(script)
    assert script.said(5, Worker)[-1].facts.schemas
    script.tell(5, Watch(topics=["workers"]))
    assert all(bool(one.facts.schemas) for one in script.said(5, Worker)[-2:])


def test_a_task_that_is_delivered_and_not_yet_known_to_be_stored_counts_as_done() -> None:
    script = Script()
    script.aggregator(9)
    script.worker(11)
    script.client(1)
    script.tell(1, script.submission())
    job = script.job(1).job
    script.hold(job)
    script.chunk(1, job, 0)
    script.tick()
    (task,) = script.said(11, Task)
    queue = script.dispatcher.cluster.open[job].tracks[0].queue

    def done() -> int:
        return queue.stored_frames + queue.live_frames()

    script.tell(11, Beat([LeaseBeat(task.lease, "delivering", 10, 10)]))
    assert done() == 10
    script.tell(11, Released(task.lease, "stored"))  # the worker's word is here before the aggregator's
    assert done() == 10
    script.tell(9, Stored(job, task.track, task.index, "kept", task.lease, "w11", 10))
    assert done() == 10
