"""Users: what one may hold, that it keeps no other out, and that it touches no other's jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.events import Close, ForgetJob, SaveJob
from middleware.model.rules import Rules
from middleware.model.users import HISTORY, QUOTAS, SUBMIT_BURST, SUBMITS_PER_S, Quota, Resource, Users
from moviola.wire.limits import MIB
from moviola.wire.messages import Chunk, Control, Error, Event, Hello, Job, Own, Task, Watch
from tests.middleware.script import Script

ANN, BOB, ROOT, AGGREGATOR = 1, 2, 3, 9
KEYS = [f"key {number}" for number in range(20)]


def script_with(rules: Rules | None = None, **quotas: Quota) -> Script:
    """Ann, Bob and an admin, with these quotas, and an aggregator."""
    changed = {**QUOTAS, **{Resource[name]: quota for name, quota in quotas.items()}}
    made = Script(rules=replace(rules or Rules(), quotas=changed, admins=("root",)))
    made.aggregator(AGGREGATOR)
    made.tick()
    for peer, user in ((ANN, "ann"), (BOB, "bob"), (ROOT, "root")):
        made.client(peer, user=user)
    return made


def refusal(script: Script, peer: int) -> Error:
    return script.said(peer, Error)[-1]


# ── what one may hold ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_user_at_its_limit_of_jobs_keeps_no_other_out() -> None:
    script = script_with(OPEN_JOBS=Quota(in_all=6, of_user=4, reserved=1))
    for key in KEYS:
        script.tell(ANN, script.submission(key=key))
    assert len(script.dispatcher.cluster.open) == 4
    answer = refusal(script, ANN)
    assert (answer.code, answer.fatal) == ("busy", False)
    assert "'ann' has 4 unfinished jobs, and may have 4; wait until a job has ended, or cancel one" in answer.text
    for key in KEYS:
        script.tell(BOB, script.submission(key=key))
    assert len(script.dispatcher.cluster.users.named("bob").open) == 1, "the last place is for those who have none"
    assert "1 are kept for users who have none" in refusal(script, BOB).text
    script.tell(ROOT, script.submission())
    assert script.job(ROOT).user == "root"


def test_a_place_comes_back_with_the_end_of_a_job_and_counts_again_when_it_is_retried() -> None:
    script = script_with(OPEN_JOBS=Quota(in_all=9, of_user=1, reserved=1))
    script.tell(ANN, script.submission(key="a"))
    first = script.job(ANN).job
    script.tell(ANN, Control(first, "cancel"))
    script.tell(ANN, script.submission(key="b"))
    assert script.job(ANN).job != first
    script.tell(ANN, Control(first, "retry"))
    assert refusal(script, ANN).code == "busy"


def test_large_submissions_are_bounded_by_their_bytes() -> None:
    script = script_with(LEDGER_BYTES=Quota(in_all=20 * MIB, of_user=7 * MIB, reserved=4 * MIB))
    for key in KEYS:
        large = script.submission(key=key)
        large.source["header"] = bytes(2 * MIB)
        script.tell(ANN, large)
    assert len(script.dispatcher.cluster.open) == 3
    assert "bytes of submissions" in refusal(script, ANN).text
    for job in list(script.dispatcher.cluster.open):
        script.tell(ANN, Control(job, "cancel"))
    whole = [one for one in script.commands if isinstance(one, SaveJob) and one.request is not None]
    assert all("header" not in one.request.source for one in whole[-3:] if one.request), "the history needs no header"
    script.tell(ANN, large)
    assert len(script.dispatcher.cluster.open) == 1


def test_submissions_come_at_a_bounded_rate() -> None:
    script = script_with(OPEN_JOBS=Quota(1000, 1000, 0))
    for number in range(int(SUBMIT_BURST) + 5):
        script.tell(ANN, script.submission(key=str(number)))
    assert len(script.dispatcher.cluster.open) == SUBMIT_BURST
    assert "more than 20 jobs a second" in refusal(script, ANN).text
    script.tell(BOB, script.submission())
    assert script.job(BOB).user == "bob"
    script.jump(1.5 / SUBMITS_PER_S)
    script.tell(ANN, script.submission(key="another"))
    assert len(script.dispatcher.cluster.open) == SUBMIT_BURST + 2


def test_connections_are_bounded_and_come_back() -> None:
    script = script_with(CONNECTIONS=Quota(in_all=10, of_user=3, reserved=2))
    script.tell(ANN, script.submission())
    for peer in (11, 12):
        script.client(peer, user="ann")
        script.tell(peer, script.submission(key=f"key {peer}"))
    script.client(13, user="ann")
    assert script.closed(13) == ["busy"], "all have jobs"
    assert not script.closed(12)
    script.leave(11)
    script.client(15, user="ann")
    assert not script.closed(15)
    script.client(16, user="bob")
    script.client(14, user="ann")
    assert not script.closed(14)
    assert script.closed(15) == ["idle"], "of her own, not bob's, who was silent for longer"
    assert not script.closed(16)
    assert not script.closed(BOB)


def test_empty_chunks_are_counted_and_close_who_sends_too_many() -> None:
    script = script_with(CHUNKS=Quota(in_all=100, of_user=10, reserved=5))
    script.tell(ANN, script.submission())
    job = script.job(ANN).job
    for index in range(11):
        script.tell(ANN, Chunk(job, 0, index, 1), size=0)
    assert script.closed(ANN) == ["full"]
    [close] = [one for one in script.commands if isinstance(one, Close) and one.peer == ANN]
    assert "'ann' has 10 chunks, and may have 10" in close.text
    script.client(4, user="ann")
    script.tell(4, script.submission())
    assert script.job(4).send_window_bytes == 0, "who keeps to what is told need not be closed"
    script.tell(BOB, script.submission())
    assert script.job(BOB).send_window_bytes > 0


def test_the_last_windows_of_the_spool_are_for_those_who_hold_less_than_one() -> None:
    rules = Rules(client_window_bytes=1000, reserved_windows=2)
    script = script_with(rules)
    script.tick(room=20_000)
    script.tell(ANN, script.submission(key="a"))
    job, index = script.job(ANN).job, 0
    while not script.closed(ANN) and index < 30:
        script.tell(ANN, Chunk(job, 0, index, 1), size=1000)  # whatever room it is told
        index += 1
    assert index == 19, "18 were taken"
    script.tell(BOB, script.submission(key="b"))
    assert script.job(BOB).send_window_bytes == 1000


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 5)), max_size=60))
def test_property_a_user_with_nothing_gets_something_while_users_are_few(asked: list[tuple[str, int]]) -> None:
    """However the others ask: each of four users who has nothing can have one."""
    quota = Quota(in_all=30, of_user=10, reserved=6)
    users = Users({Resource.CHUNKS: quota}, HISTORY, ())
    for name, wanted in asked:
        user = users.named(name)
        if not users.refusal(user, Resource.CHUNKS, wanted):
            user.charge(Resource.CHUNKS, wanted)
        assert user.held[Resource.CHUNKS] <= quota.of_user
        assert users.total[Resource.CHUNKS] <= quota.in_all
        if sum(bool(one.held[Resource.CHUNKS]) for one in users.by_name.values()) < 2:
            assert not users.refusal(users.named("newcomer"), Resource.CHUNKS)


def test_ones_ended_jobs_push_out_nobody_elses() -> None:
    rules = Rules(history=Quota(in_all=4, of_user=3, reserved=0))
    script = script_with(rules)

    def ended(peer: int, key: str) -> str:
        script.tell(peer, script.submission(key=key))
        job = script.job(peer).job
        script.tell(peer, Control(job, "cancel"))
        return job

    kept = [ended(BOB, "b1"), ended(BOB, "b2")]
    greedy = [ended(ANN, key) for key in KEYS[:5]]
    assert list(script.dispatcher.cluster.jobs) == [*kept, *greedy[-2:]]
    assert [one.job for one in script.commands if isinstance(one, ForgetJob)] == greedy[:3]


def test_users_of_whom_nothing_is_left_are_forgotten() -> None:
    script = script_with()
    script.leave(BOB)
    assert set(script.dispatcher.cluster.users.by_name) == {"ann", "root"}


def test_what_users_hold_is_known_after_a_restart() -> None:
    script = script_with()
    job = script.submit(ANN, chunks=2)
    held = script.dispatcher.cluster.users.named("ann").held
    new = script.restarted(epoch=2)
    restored = new.dispatcher.cluster.users.named("ann").held
    assert restored == Counter({**held, Resource.CONNECTIONS: 0})
    assert new.dispatcher.cluster.jobs[job].user.name == "ann"


# ── whose turn it is ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_users_take_turns_however_many_jobs_one_has_and_of_whatever_priority() -> None:
    script = script_with()
    greedy = {script.submit(ANN, key=key, priority=100, chunks=3) for key in KEYS[:5]}
    script.submit(BOB, chunks=3)
    script.worker(11)
    script.tick()
    for _ in range(5):
        script.deliver(11)
    got = [task.job in greedy for task in script.said(11, Task)]
    assert got[:6] == [True, False] * 3


# ── empty jobs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_that_never_got_a_chunk_gives_its_place_back() -> None:
    script = script_with(Rules(upload_timeout_s=10.0))
    empty, sent = script.submit(ANN, key="a", chunks=0, end=False), script.submit(ANN, key="b", chunks=1, end=False)
    script.tick(30)
    assert set(script.dispatcher.cluster.open) == {empty, sent}, "its client is here"
    script.leave(ANN)
    script.tick(9)
    assert empty in script.dispatcher.cluster.open
    script.tick(25)
    state, code, reason = script.ended(empty)
    assert (state, code) == ("cancelled", "expired")
    assert "nothing of its source came in 10 s" in reason
    assert set(script.dispatcher.cluster.open) == {sent}, "its chunks were given up, and it waits for them"
    script.client(4, session="c1", user="ann")  # the same program: it was only away
    script.tell(4, script.submission(key="a"))
    assert script.job(4).job not in (empty, sent)


def test_an_upload_that_nobody_goes_on_with_gives_its_place_back_in_the_end() -> None:
    script = script_with(Rules(upload_timeout_s=2.0, abandoned_timeout_s=20.0))
    job = script.submit(ANN, chunks=1, end=False)
    script.leave(ANN)
    script.tick(10)
    new = script.restarted(epoch=2)
    new.tick(15)
    assert job in new.dispatcher.cluster.open, "the restart gave it the whole time again"
    new.tick(10)
    assert new.dispatcher.cluster.jobs[job].code == "expired"


# ── whose job it is ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "priority", "retry", "forget", "detach"])
def test_nobody_controls_anothers_job(verb: str) -> None:
    script = script_with()
    job = script.submit(ANN)
    state = script.dispatcher.cluster.jobs[job].state
    script.tell(BOB, Control(job, verb))
    answer = refusal(script, BOB)
    assert (answer.code, answer.fatal, answer.job) == ("not-yours", False, job)
    assert f"job {job} is of user 'ann'" in answer.text
    assert script.dispatcher.cluster.jobs[job].state is state


def test_an_admin_controls_everybodys() -> None:
    script = script_with()
    job = script.submit(ANN)
    script.tell(ROOT, Control(job, "cancel"))
    assert [one.kind for one in script.said(ROOT, Event)] == ["wish-granted"]


def test_watchers_hear_of_their_own_jobs_and_admins_of_all() -> None:
    script = script_with()
    before = script.submit(ANN, key="a")
    for peer, user in ((4, "ann"), (5, "bob"), (6, "root")):
        script.client(peer, user=user)
        script.tell(peer, Watch(topics=["jobs"]))
    after = script.submit(ANN, key="b")
    script.tick(2)
    told = {peer: {one.job for one in script.said(peer, Job)} for peer in (4, 5, 6)}
    assert told == {4: {before, after}, 5: set(), 6: {before, after}}
    script.tell(5, Watch(before))
    assert refusal(script, 5).code == "not-yours"


def test_a_key_continues_only_the_users_own_job() -> None:
    script = script_with()
    job = script.submit(ANN, chunks=1, end=False)
    script.leave(ANN)
    script.tell(BOB, script.submission())
    assert script.job(BOB).job != job
    script.client(4, user="ann")
    script.tell(4, script.submission())
    assert script.job(4).job == job


def test_a_job_begins_again_with_the_source_of_its_next_submission() -> None:
    script = script_with()
    job = script.submit(ANN, chunks=1, end=False)
    script.tell(ANN, Control(job, "cancel"))
    owns = len(script.said(AGGREGATOR, Own))
    script.tell(ANN, Control(job, "retry"))
    assert len(script.said(AGGREGATOR, Own)) == owns, "its source was not kept"
    script.client(4, user="ann")
    other = script.submission(streams=2)
    script.tell(4, other)
    assert refusal(script, 4).code == "bad-job"
    script.tell(4, script.submission())
    assert script.said(AGGREGATOR, Own)[-1].source == script.submission().source


def test_a_name_that_cannot_be_printed_is_none() -> None:
    script = script_with()
    script.tell(7, Hello("client", "c", "s", [3], user="a\nb"))
    assert script.closed(7) == ["bad-message"]


def test_who_holds_much_is_closed_where_the_count_of_the_room_is_below_nothing() -> None:
    """The spool's room is asked for a few times a second; what comes between is subtracted, what goes is not added."""
    script = script_with()
    window = script.dispatcher.cluster.rules.client_window_bytes
    script.tell(ANN, script.submission())
    job = script.job(ANN).job
    script.tick(room=window + 1)
    script.tell(ANN, Chunk(job, 0, 0, 1), size=window)
    script.tell(ANN, Chunk(job, 0, 1, 1), size=2)
    assert script.closed(ANN) == ["full"]
    assert script.dispatcher.cluster.room.free_bytes == 1


def test_who_holds_little_may_take_the_count_of_the_room_below_nothing() -> None:
    script = script_with()
    window = script.dispatcher.cluster.rules.client_window_bytes
    script.tell(ANN, script.submission())
    job = script.job(ANN).job
    script.tick(room=1)
    script.tell(ANN, Chunk(job, 0, 0, 1), size=window)
    assert not script.closed(ANN), "one chunk may always come; the spool says whether it fits"
    script.tell(ANN, Chunk(job, 0, 1, 1), size=2)
    assert script.closed(ANN) == ["full"]
