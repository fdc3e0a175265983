"""The session, by script: an event, the commands expected."""

from __future__ import annotations

import random

import pytest

from moviola.base.processes import DRAIN_LIMIT_S
from moviola.wire.messages import (
    Beat,
    Cause,
    Death,
    Drain,
    Error,
    LeaseBeat,
    Released,
    Revoke,
    Stored,
    WorkerDetails,
)
from moviola.wire.schema import Lease
from tests.worker.cluster import task
from tests.worker.script import HERE, RESULT, WELCOME, A, B, C, Script, dial_store, released
from worker.computation import STUCK_GRACE_S, STUCK_LIMIT_S
from worker.events import (
    EXIT_DRAINED,
    EXIT_STUCK,
    MIDDLEWARE,
    Abandon,
    Command,
    Compute,
    Computed,
    Damaged,
    Dial,
    DrainRequested,
    Event,
    Exit,
    Failed,
    Lost,
    Opened,
    Progressed,
    Send,
    ServerMessage,
    Stopped,
    Tick,
    Unsent,
)
from worker.link import MAX_RECONNECT_S

# ── the ordinary life ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_thing_is_to_dial_with_all_that_the_middleware_must_know() -> None:
    death = Death(Lease(1, 9), "SIGSEGV", kind="crash", text="…")
    (dial,) = Script(death=death).after(Tick())
    assert isinstance(dial, Dial)
    assert (dial.peer, dial.addresses) == (MIDDLEWARE, (HERE,))
    assert WorkerDetails.from_wire(dial.hello.details) == WorkerDetails(
        [{"name": "blur"}], ["video"], 1, "av18", [], death, 7, "host"
    )


def test_a_task_is_computed_delivered_and_released_after_the_verdict() -> None:
    script = Script().connect()
    assert script.told(task(A), b"chunk") == [Compute(task(A), b"chunk"), dial_store(9000)]
    script.connect_store()
    (send,) = script.after(Computed(A, RESULT))
    assert isinstance(send, Send)
    assert (send.peer, send.payload) == ("store", b"result")
    assert send.message.to_wire() == {
        **{"lease": A, "job": "job", "track": 0, "index": 1, "owner_epoch": 1, "build": "av18"},
        **{
            "frames_in": 30,
            "frames_out": 30,
            "fallback_frames": 1,
            "lost_frames": 0,
            "damaged_frames": 2,
            "content": 7,
        },
        **{"mode": "filter", "stage": [], "tag": b"tag"},
    }
    assert script.stored(A) == [released(A, "stored")]
    assert not script.session.held_tasks


def test_the_next_task_starts_before_the_result_of_the_last_one_leaves() -> None:
    script = Script().connect()
    script.told(task(A), b"a")
    script.connect_store()
    assert script.told(task(B), b"b") == []
    start, send = script.after(Computed(A, RESULT))
    assert start == Compute(task(B), b"b")
    assert isinstance(send, Send)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("kept", "stored"),
        ("duplicate", "duplicate"),
        ("unwanted", "unwanted"),
        ("refused", "refused"),
        ("?", "unwanted"),
    ],
)
def test_each_verdict_has_its_outcome(verdict: str, outcome: str) -> None:
    script = Script().connect()
    script.told(task(A))
    script.connect_store()
    script.after(Computed(A, RESULT))
    assert script.stored(A, verdict) == [released(A, outcome)]


def test_a_failure_is_told_with_its_cause_and_the_next_task_begins() -> None:
    script = Script().connect()
    script.told(task(A), b"a")
    script.told(task(B), b"b")
    cause = Cause("exception", "no", "edges", 37)
    assert script.after(Failed(A, cause)) == [Compute(task(B), b"b"), released(A, "failed", cause)]


def test_words_that_are_repeated_or_late_change_nothing() -> None:
    script = Script().connect()
    script.told(task(A), b"a")
    assert script.told(task(A), b"a") == []
    script.connect_store()
    assert script.stored(A) == []  # before it was sent
    script.after(Computed(A, RESULT))
    assert script.stored(A, store="store") == [released(A, "stored")]
    assert script.stored(A) == []
    assert script.told(Revoke(A)) == [released(A, "revoked")]  # our first word may have been lost
    assert script.after(ServerMessage("store", Error("odd", "…", fatal=False))) == []


def test_beats_tell_phase_frames_and_steps_of_each_lease_at_the_interval() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(task(B))
    script.after(Progressed(A, 12, 20))
    assert script.beats == []
    assert script.session.next_deadline() == 1.0
    script.wait(1.0)
    assert script.beats == [Beat([LeaseBeat(A, "computing", 12, 20), LeaseBeat(B, "waiting", 0, 0)])]
    assert script.session.next_deadline() == 2.0
    script.after(Computed(A, RESULT))
    script.wait(1.0)
    assert script.beats == [Beat([LeaseBeat(A, "delivering", 12, 20), LeaseBeat(B, "computing", 0, 0)])]


# ── revoked ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_revoked_task_is_dropped_whatever_its_phase() -> None:
    script = Script().connect()
    script.told(task(A), b"a")
    script.told(task(B), b"b")
    assert script.told(Revoke(B)) == [released(B, "revoked")]
    assert script.told(Revoke(A)) == [Abandon(A), released(A, "revoked")]
    assert script.told(task(C), b"c") == []  # the compute thread is at A until it says so
    assert script.after(Stopped(A)) == [Compute(task(C), b"c")]
    script.connect_store()
    script.after(Computed(C, RESULT))
    assert script.told(Revoke(C)) == [released(C, "revoked")]
    assert not script.session.held_tasks


@pytest.mark.parametrize("answer", [Computed(A, RESULT), Failed(A, Cause(text="…")), Stopped(A)])
def test_what_becomes_of_an_abandoned_computation_interests_nobody(answer: Event) -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(Revoke(A))
    assert script.after(answer) == []


def test_a_computation_that_does_not_stop_costs_the_process_and_no_other_task() -> None:
    script = Script().connect()
    script.told(task(A), b"a")
    script.told(Revoke(A))
    script.told(task(B), b"b")
    script.wait(STUCK_LIMIT_S - 1.1)
    assert script.wait(1.0) == []
    assert script.session.next_deadline() == pytest.approx(script.now + 0.1)
    assert script.wait(0.1) == [released(B, "drained"), Exit(EXIT_STUCK)]
    assert script.session.next_deadline() is None


def test_a_computation_that_had_hung_already_is_not_waited_for_as_long() -> None:
    script = Script().connect()
    script.told(task(A), b"a")
    script.wait(5.0)
    script.after(Progressed(A, 1, 1))
    script.wait(STUCK_LIMIT_S + 5.0)
    script.told(Revoke(A))
    assert script.wait(STUCK_GRACE_S - 0.1) == []
    assert script.wait(0.1) == [Exit(EXIT_STUCK)]


# ── drain ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_drain_finishes_what_runs_and_hands_back_what_waits() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(task(B))
    script.connect_store()
    assert script.after(DrainRequested()) == [released(B, "drained")]
    assert script.told(task(C)) == [released(C, "drained")]
    assert len(script.after(Computed(A, RESULT))) == 1
    assert script.after(DrainRequested()) == []
    assert script.stored(A) == [released(A, "stored"), Exit(EXIT_DRAINED)]
    assert script.after(Tick()) == []


def test_a_drain_without_work_ends_at_once() -> None:
    assert Script().connect().after(DrainRequested()) == [Exit(EXIT_DRAINED)]
    assert Script().after(DrainRequested()) == [Exit(EXIT_DRAINED)]  # nobody was ever reached


def test_at_its_limit_a_drain_hands_back_what_runs_and_what_finds_no_store() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(task(B))
    script.after(Computed(A, RESULT))
    script.after(DrainRequested())
    script.wait(DRAIN_LIMIT_S - 0.1)
    assert script.session.next_deadline() == pytest.approx(DRAIN_LIMIT_S)
    assert script.wait(0.1) == [released(A, "drained"), Abandon(B), released(B, "drained"), Exit(EXIT_DRAINED)]


def test_a_drain_waits_for_no_middleware() -> None:
    script = Script().connect()
    script.told(task(A))
    script.connect_store()
    script.after(Lost(MIDDLEWARE, "gone"))
    script.after(DrainRequested())
    script.after(Computed(A, RESULT))
    assert script.stored(A)[-1] == Exit(EXIT_DRAINED)


# ── drained by the cluster ───────────────────────────────────────────────────────────────────────────────────────────


def said(script: Script) -> list[bool]:
    """Whether it drains, as each Beat of the last step told it."""
    return [beat.draining for beat in script.beats]


def test_a_wish_of_the_cluster_drains_it_and_tells_its_parent() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(task(B))
    assert script.told(Drain()) == [released(B, "drained")]
    assert (said(script), script.session.is_dismissed) == ([True, True], True)
    assert script.told(task(C)) == [released(C, "drained")]
    script.connect_store()
    script.after(Computed(A, RESULT))
    assert script.stored(A) == [released(A, "stored"), Exit(EXIT_DRAINED)]
    assert script.session.is_dismissed


def test_one_that_holds_nothing_says_that_it_drains_before_it_ends() -> None:
    script = Script().connect()
    assert script.told(Drain()) == [Exit(EXIT_DRAINED)]
    assert said(script)[0]


def test_a_wish_that_is_taken_back_has_it_go_on() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(Drain())
    assert script.told(Drain(wanted=False)) == []
    assert (said(script), script.session.is_dismissed) == ([False], False)
    assert script.told(task(B)) == []
    assert script.wait(DRAIN_LIMIT_S + 1) == []


def test_each_beat_says_how_many_wishes_it_has_heard_over_this_connection() -> None:
    script = Script().connect()
    script.told(task(A))
    script.wait(WELCOME.limits.beat_interval_s or 1.0)
    heard = [beat.drains for beat in script.beats]
    for wanted in (True, False, False):
        script.told(Drain(wanted))
        heard.append(script.beats[-1].drains)
    script.after(Lost(MIDDLEWARE, "gone"))
    script.wait(5.0)
    script.after(Opened(MIDDLEWARE, WELCOME))
    assert (heard, [beat.drains for beat in script.beats]) == ([0, 1, 2, 3], [0])


def test_a_wish_that_is_taken_back_does_not_undo_a_signal() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(Drain())
    script.after(DrainRequested())
    script.told(Drain(wanted=False))
    assert (said(script), script.session.is_dismissed) == ([True], False)
    assert script.wait(DRAIN_LIMIT_S)[-1] == Exit(EXIT_DRAINED)


def test_a_new_connection_is_told_that_it_drains() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(Drain())
    script.after(Lost(MIDDLEWARE, "gone"))
    (dial,) = script.wait(5.0)
    assert isinstance(dial, Dial)
    assert WorkerDetails.from_wire(dial.hello.details).draining
    script.after(Opened(MIDDLEWARE, WELCOME))
    assert said(script) == [True]


# ── anything, in any order ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_all_parts_agree_and_each_lease_ends_once_told(seed: int) -> None:
    chance = random.Random(seed)
    script = Script().connect()
    session = script.session
    given: set[Lease] = set()
    ended: set[Lease] = set()
    links = {MIDDLEWARE: "open", "store": "resting"}

    def note(commands: list[Command]) -> None:
        for one in commands:
            match one:
                case Send(peer, message):
                    assert links[peer] == "open", one
                    if isinstance(message, Released):
                        ended.add(message.lease)
                case Dial(peer):
                    assert links[peer] == "resting", one
                    links[peer] = "dialling"

    def step() -> None:
        choices: list[Event] = [Tick()]
        for peer, state in links.items():
            if state != "resting":
                choices.append(Lost(peer, "chance"))
            if state == "dialling":
                choices += [Opened(peer, WELCOME)] * 3
        if session.computation.lease is not None:
            choices += [Computed(session.computation.lease, RESULT)] * 2
            choices.append(Failed(session.computation.lease, Cause(text="chance")))
        if links[MIDDLEWARE] == "open":
            if len(session.held_tasks) < 2:
                choices += [ServerMessage(MIDDLEWARE, task(Lease(1, 100 + len(given))), b"chunk")] * 2
            choices += [ServerMessage(MIDDLEWARE, Revoke(lease)) for lease in session.held_tasks]
        if links["store"] == "open":
            choices += [
                ServerMessage("store", Stored("job", 0, lease.sequence, "kept", lease))
                for lease, held_task in session.held_tasks.items()
                if held_task.is_sent
            ]
        event = chance.choice(choices)
        if isinstance(event, Lost):
            links[event.peer] = "resting"
        elif isinstance(event, Opened):
            links[event.peer] = "open"
        elif isinstance(event, ServerMessage) and event.peer == MIDDLEWARE and not isinstance(event.message, Revoke):
            given.add(event.message.to_wire()["lease"])
        script.now += chance.random()
        note(script.after(event))

    for _ in range(300):
        step()
    for _ in range(20):  # all is well again: what is held comes to its end
        for peer, state in list(links.items()):
            if state == "dialling":
                links[peer] = "open"
                note(script.after(Opened(peer, WELCOME)))
        if session.computation.lease is not None:
            note(script.after(Computed(session.computation.lease, RESULT)))
        for lease, held_task in list(session.held_tasks.items()):
            if held_task.is_sent:
                note(script.stored(lease))
        note(script.wait(MAX_RECONNECT_S))
    assert not session.held_tasks
    assert given == ended


# ── payloads that arrive damaged ─────────────────────────────────────────────────────────────────────────────────────


def test_a_task_that_arrives_damaged_goes_back_and_the_connection_stays() -> None:
    script = Script().connect()
    assert script.after(Damaged(MIDDLEWARE, task(A))) == [released(A, "damaged")]
    assert [type(one) for one in script.told(task(A), b"chunk")] == [Compute, Dial]


def test_a_result_that_arrives_damaged_is_released_as_such() -> None:
    script = Script().connect()
    script.told(task(A), b"chunk")
    script.connect_store()
    script.after(Computed(A, RESULT))
    assert script.stored(A, "damaged") == [released(A, "damaged")]


def told_of_end(commands: list[Command]) -> Released:
    [told] = [one.message for one in commands if isinstance(one, Send) and isinstance(one.message, Released)]
    return told


def test_a_result_that_cannot_be_sent_is_a_failure_of_its_task() -> None:
    script = Script().connect()
    script.told(task(A), b"chunk")
    script.connect_store()
    script.after(Computed(A, RESULT))
    told = told_of_end(script.after(Unsent(A, "Result would have 5000000 bytes")))
    assert told.cause is not None
    assert (told.outcome, told.cause.kind, "5000000" in told.cause.text) == ("failed", "exception", True)
    assert script.after(Unsent(A, "said twice")) == []
