"""Who follows events is told each of them once, in order, or what of them it has missed; nobody waits for it."""

from __future__ import annotations

import pytest

from middleware import subscriptions
from middleware.events import Tick
from middleware.model import journal
from middleware.model.rules import Rules
from middleware.model.users import QUOTAS, Quota, Resource
from moviola.wire.messages import (
    Beat,
    Cause,
    Control,
    Error,
    EventRecord,
    Events,
    LeaseBeat,
    Missed,
    Released,
    Snapshot,
    Stored,
    Subscribe,
    Subscribed,
    Task,
)
from tests.middleware.script import ROOM, Script

A, B = 5, 6
"""Clients that listen."""


@pytest.fixture
def listened() -> Script:
    """A cluster of which client A is told all."""
    script = Script(rules=Rules(admins=("root",)))
    script.aggregator(9)
    script.worker(11)
    script.client(1)
    script.client(A, user="root")
    script.tell(A, Subscribe())
    return script


def turn(script: Script, *behind: int) -> None:
    """A turn, after the time in which all is told, in which some clients are behind with reading."""
    script.now += 0.2
    script._take(script.dispatcher.handle(Tick(ROOM, behind=frozenset(behind)), script.now))


def kinds(events: list[EventRecord]) -> list[str]:
    return [event.kind for event in events]


def happen(script: Script, count: int) -> None:
    """So many things happen that everybody is told of."""
    for number in range(count):
        script.dispatcher.cluster.note("worker-joined", f"worker {number} joined", worker=f"w{number}")  # type: ignore[arg-type]


def test_the_life_of_a_job_is_told_in_order_each_thing_once(listened: Script) -> None:
    job = listened.submit(1, chunks=2)
    listened.deliver(11, 0)
    listened.deliver(11, 1)
    listened.finish()
    told = listened.events(A)
    assert kinds(told) == ["job-submitted", "job-started", "job-done"]
    assert [one.number for one in told] == [3, 4, 5], "1 and 2 were before: the aggregator and the worker joined"
    assert {(one.job, one.name) for one in told} == {(job, "clip")}
    assert [one.state for one in told] == ["pending", "running", "done"]


def test_a_pause_and_what_comes_after_are_told(listened: Script) -> None:
    job = listened.submit(1, chunks=2)
    for verb in ("pause", "resume", "cancel", "retry", "cancel", "forget"):
        listened.tell(A, Control(job, verb))
        listened.tick()
        if verb == "pause":
            listened.tell(A, Control(job, "priority", 5))
            listened.tell(A, Control(job, "priority", 5))
    assert kinds(listened.events(A)) == [
        "job-submitted", "job-started", "job-paused", "job-reprioritized", "job-resumed", "job-cancelled",
        "job-retried", "job-waiting", "job-cancelled", "job-forgotten",
    ]  # fmt: skip


def test_a_job_that_waits_is_told_with_the_reason_and_short_waits_are_not(listened: Script) -> None:
    listened.leave(11)
    listened.submit(1, chunks=1)
    listened.worker(12)
    listened.tick(1)
    told = listened.events(A)
    assert kinds(told) == ["worker-left", "job-submitted", "job-waiting", "worker-joined", "job-started"]
    assert told[2].code == "no-worker"
    assert "no worker is connected" in told[2].text


def test_failures_retries_exclusion_and_fallbacks_are_told_with_their_task(listened: Script) -> None:
    job = listened.submit(1, chunks=1)
    for _ in range(3):
        task = listened.said(11, Task)[-1]
        listened.tell(11, Released(task.lease, "failed", Cause("exception", "it raised")))
        listened.tick()
    task = listened.said(11, Task)[-1]
    listened.tell(9, Stored(job, 0, 0, "kept", task.lease, fallback_frames=10))
    told = listened.events(A)[2:]
    assert kinds(told) == [
        "task-failed", "task-retried", "task-failed", "task-retried", "task-failed", "worker-excluded",
        "task-retried", "frames-fell-back",
    ]  # fmt: skip
    assert {(one.output, one.chunk) for one in told if one.kind != "worker-excluded"} == {("out", 0)}
    assert {one.worker for one in told if one.kind != "frames-fell-back"} == {"w11"}
    assert told[-1].frames == 10


def test_progress_is_told_once_a_second_of_what_moved_and_has_no_number(listened: Script) -> None:
    listened.submit(1, chunks=2)
    lease = listened.said(11, Task)[0].lease
    for frames in range(1, 10):
        listened.tell(11, Beat([LeaseBeat(lease, "computing", frames, frames)]))
        listened.tick(0.2)
    listened.tick(3)
    told = [one for one in listened.events(A) if one.kind == "progress"]
    assert 2 <= len(told) <= 4
    assert {one.number for one in told} == {0}
    assert (told[-1].frames, told[-1].frames_wanted) == (9, 20)
    assert len({one.frames for one in told}) == len(told), "nothing is told again that has not moved"


def test_who_is_behind_is_told_later_and_nobody_waits_for_it(listened: Script) -> None:
    listened.client(B, user="root")
    listened.tell(B, Subscribe())
    happen(listened, 3)
    turn(listened, B)
    assert len(listened.said(A, Events)) == 1
    assert not listened.said(B, Events)
    happen(listened, 2)
    turn(listened, B)
    turn(listened)
    assert [one.number for message in listened.said(B, Events) for one in message.events] == [3, 4, 5, 6, 7]
    assert listened.events(A) == listened.events(B)


def test_who_reads_too_slowly_is_told_what_it_missed_and_what_the_state_is(
    listened: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_EVENTS", 10)
    listened.client(B, user="root")
    listened.tell(B, Subscribe(snapshot=True))
    turn(listened)
    assert [one.number for one in listened.said(B, Snapshot)] == [2]
    job = listened.submit(1, chunks=1)
    for count in (6, 10, 10):
        happen(listened, count)
        turn(listened, B)
    assert not listened.said(B, Events)
    turn(listened)
    assert listened.said(B, Missed) == [Missed(3, 20)]
    told = [one.number for message in listened.said(B, Events) for one in message.events]
    assert told == list(range(21, 31))
    _, now = listened.said(B, Snapshot)
    assert now.number == 30
    assert [(one.job, one.state) for one in now.jobs] == [(job, "running")]
    assert now.workers == ["w11"]
    assert not listened.said(A, Missed)


def test_who_comes_back_goes_on_behind_what_it_has(listened: Script) -> None:
    listened.submit(1, chunks=1)
    last = listened.events(A)[-1].number
    listened.leave(A)
    happen(listened, 3)
    listened.tick()
    listened.client(B, user="root")
    listened.tell(B, Subscribe("1", last))
    assert listened.said(B, Subscribed)[0].number == last
    assert [one.number for one in listened.events(B)] == [last + 1, last + 2, last + 3]
    assert not listened.said(B, Missed)


def test_a_middleware_that_began_anew_tells_all_since_then_and_the_state(listened: Script) -> None:
    job = listened.submit(1, chunks=1)
    last = listened.events(A)[-1].number
    listened.deliver(11, 0)
    listened.finish()  # nobody was told of this before the crash
    again = listened.restarted(2)
    again.worker(12)
    again.tick()
    again.client(A, user="root")
    again.tell(A, Subscribe("1", last, snapshot=True))
    again.tick(0.2)
    assert again.said(A, Subscribed)[0].journal == "2"
    assert kinds(again.events(A)) == ["worker-joined"]
    (now,) = again.said(A, Snapshot)
    assert [(one.job, one.state) for one in now.jobs] == [(job, "done")]
    assert now.workers == ["w12"]


def test_events_since_a_time_come_first(listened: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_EVENTS", 10)
    listened.now = 200.0
    happen(listened, 3)
    listened.tick()
    listened.client(B, user="root")
    listened.tell(B, Subscribe(since_unix_s=150.0))
    assert [one.number for one in listened.events(B)] == [3, 4, 5]
    listened.now = 300.0
    happen(listened, 20)
    listened.tick()
    listened.client(7, user="root")
    listened.tell(7, Subscribe(since_unix_s=150.0))
    assert [one.number for one in listened.events(7)] == list(range(16, 26))
    assert listened.said(7, Missed) == [Missed(1, 15)]


def test_a_user_is_told_of_its_own_jobs_and_of_workers_only(listened: Script) -> None:
    listened.client(B, user="other")
    listened.tell(B, Subscribe(snapshot=True))
    mine = listened.submit(1, chunks=1)
    listened.worker(12)
    listened.client(2, user="other")
    theirs = listened.submit(2, chunks=1)
    assert kinds(listened.events(B)) == ["worker-joined", "job-submitted", "job-started"]
    assert {one.job for one in listened.events(B)} == {"", theirs}
    assert {one.job for one in listened.events(A)} == {"", mine, theirs}
    listened.tell(B, Subscribe(snapshot=True))
    turn(listened)
    assert [one.job for one in listened.said(B, Snapshot)[-1].jobs] == [theirs]
    listened.tell(B, Subscribe(job=mine))
    assert listened.said(B, Error)[-1].code == "not-yours"
    listened.tell(B, Subscribe(job="nobodys"))
    assert listened.said(B, Error)[-1].code == "unknown-job"
    assert not listened.closed(B)


def test_one_job_or_some_kinds_may_be_asked_for(listened: Script) -> None:
    job = listened.submit(1, chunks=1, key="one")
    listened.client(B, user="root")
    listened.tell(B, Subscribe(job=job, snapshot=True))
    listened.client(7, user="root")
    listened.tell(7, Subscribe(kinds=["job-submitted", "worker-joined"]))
    listened.submit(1, chunks=1, key="other")
    listened.tell(1, Control(job, "cancel"))
    listened.worker(13)
    assert kinds(listened.events(B)) == ["job-cancelled"]
    assert kinds(listened.events(7)) == ["job-submitted", "worker-joined"]
    (now,) = listened.said(B, Snapshot)
    assert [one.job for one in now.jobs] == [job]
    assert not now.workers
    listened.client(8, user="root")
    listened.tell(8, Subscribe(kinds=["job-burned"]))
    assert listened.closed(8) == ["bad-message"]


def test_an_event_that_has_not_been_cannot_be_gone_on_from(listened: Script) -> None:
    listened.client(B, user="root")
    listened.tell(B, Subscribe("1", 77))
    assert listened.said(B, Error)[0].text == "there has been no event 77 yet; the newest is 2"
    assert B not in listened.dispatcher.cluster.subscriptions


def test_there_is_a_bound_for_a_user_and_for_all_and_who_leaves_makes_room() -> None:
    quotas = {**QUOTAS, Resource.SUBSCRIPTIONS: Quota(in_all=4, of_user=2, reserved=1)}
    script = Script(rules=Rules(quotas=quotas))
    for peer in (21, 22, 23):
        script.client(peer, user="many")
        script.tell(peer, Subscribe())
    (refused,) = script.said(23, Error)
    assert refused.code == "busy"
    assert refused.text.startswith("user 'many' has 2 subscriptions to events, and may have 2; end one of them")
    assert not script.closed(23)
    script.tell(21, Subscribe())  # in the place of its own
    for peer, user in ((31, "a"), (32, "b"), (33, "c")):
        script.client(peer, user=user)
        script.tell(peer, Subscribe())
    assert "all users together have 4" in script.said(33, Error)[0].text
    script.leave(22)
    script.tell(33, Subscribe())
    assert script.said(33, Subscribed)


def test_all_share_what_is_told_in_a_turn_and_those_alike_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "WORK_PER_TURN", 60)
    script = Script(rules=Rules(admins=("root",)))
    for peer in range(100, 140):
        script.client(peer, user="root")
        script.tell(peer, Subscribe())
    happen(script, 20)
    turn(script)
    assert all(len(script.said(peer, Events)) == 1 for peer in range(100, 140)), "20 + 40 messages"
    messages = {id(script.said(peer, Events)[0]) for peer in range(100, 140)}
    assert len(messages) == 1, "it is made once"
    for peer in range(200, 240):
        script.client(peer, user=f"user {peer}")
        script.tell(peer, Subscribe())
    happen(script, 20)
    told = []
    for _ in range(20):
        before = sum(len(script.said(peer, Events)) for peer in range(200, 240))
        turn(script)
        told.append(sum(len(script.said(peer, Events)) for peer in range(200, 240)) - before)
    assert max(told) <= 4
    assert sum(told) == 40


def test_a_quiet_cluster_wakes_nobody(listened: Script) -> None:
    listened.events(A)
    turn(listened)
    turn(listened)
    assert listened.dispatcher._parts.subscriptions.next_deadline() is None
    happen(listened, 1)
    listened.tick()
    due = listened.dispatcher._parts.subscriptions.next_deadline()
    assert due is not None
    assert due <= listened.now + subscriptions.SERVE_INTERVAL_S
    turn(listened, A)
    turn(listened, A)
    assert listened.dispatcher._parts.subscriptions.next_deadline() is None, "who does not read is not waited for"
    turn(listened)
    assert kinds(listened.events(A)) == ["worker-joined"]


def test_who_asked_for_little_knows_all_the_same_how_far_it_is(
    listened: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "POSITION_INTERVAL", 10)
    listened.client(B, user="root")
    listened.tell(B, Subscribe(kinds=["job-done"]))
    happen(listened, 12)
    turn(listened)
    assert listened.said(B, Events) == [Events(14, [])]
