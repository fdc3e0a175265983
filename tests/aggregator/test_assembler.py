"""The assembler by scripts: who owns a job, restarts and peers."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.assembler import ORPHAN_EXPIRY_S, Assembler
from aggregator.events import (
    MIDDLEWARE,
    Close,
    Dial,
    ForgetJob,
    FreeChunks,
    Left,
    RemoveFiles,
    Send,
    Splice,
    Spliced,
    Tick,
)
from aggregator.jobs import CollectedJob, FixedPart, Submitted
from aggregator.uplink import MAX_RETRY_S, RETRY_FIRST_S, RETRY_REFUSED_S
from moviola.wire.messages import (
    Beat,
    Drop,
    Finished,
    Hello,
    Message,
    Own,
    Revoke,
    Stored,
    Task,
    Welcome,
)
from moviola.wire.schema import Lease
from tests.aggregator.script import (
    CLEAN,
    CLIENT,
    FILES,
    KEY,
    OUTPUTS,
    SOURCE,
    WORKER,
    Script,
    holdings,
    kinds,
    said,
    verdicts,
)

# ── owning ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_higher_owner_epoch_begins_anew_and_a_lower_one_is_not_answered() -> None:
    script = Script()
    script.own(epoch=2)
    script.result(0, epoch=2)
    assert script.own(epoch=1) == []
    assert script.drop(epoch=1) == []
    assert script.finish(1, 0, epoch=1) == []
    commands = script.own(epoch=3)
    assert kinds(commands) == [ForgetJob, Send]
    assert said(commands, MIDDLEWARE) == [holdings(3, [b"", b""])]
    assert verdicts(script.result(0, epoch=2), WORKER) == ["unwanted"]


@pytest.mark.parametrize(
    "changes",
    [
        {"job": "../../etc"},
        {"job": "latest"},
        {"job": ".."},
        {"outputs": []},
        {"outputs": [{"name": "a/b"}]},
        {"outputs": [{"name": "..\\b"}]},
        {"outputs": [{"name": "a\0"}]},
        {"outputs": [{}]},
        {"outputs": [{"name": "x" * 181}]},
        {"outputs": [{"name": "blur"}, {"name": "BLUR"}]},
        {"outputs": [{"name": "Failed"}]},
        {"source": {"stream_count": 0}},
        {"source": {"stream_count": "2"}},
        {"source": {"stream_count": 1000}},
    ],
)
def test_a_job_that_cannot_be_fails_with_the_reason(changes: dict[str, Any]) -> None:
    script = Script()
    [answer] = said(script.own(**changes), MIDDLEWARE)
    assert isinstance(answer, Finished)
    assert (answer.state, answer.owner_epoch) == ("failed", 1)
    assert answer.text.startswith("not accepted: ")
    assert script.records == {}


def test_a_source_that_is_described_anew_is_kept_and_what_is_stored_stays() -> None:
    script = Script()
    script.own(source={**SOURCE, "fingerprint": ""})
    script.result(0)
    whole = {**SOURCE, "fingerprint": "of all of it", "splice": {"frame_count": 9}}
    assert said(script.own(source=whole), MIDDLEWARE) == [holdings(1, [b"\x01", b""])]
    kept = script.fixed["j"]
    assert isinstance(kept, Submitted)
    assert kept.source == whole
    script.fixed["j"] = FixedPart("clip.mp4", "", 1, KEY)
    script.own(source=whole)
    assert not isinstance(script.fixed["j"], Submitted), "it is not written again with each reconnection"


def test_after_a_restart_the_newest_description_of_a_source_counts() -> None:
    script = Script()
    script.own(source={**SOURCE, "fingerprint": ""})
    again = restarted(script, {})
    whole = {**SOURCE, "fingerprint": "of all of it"}
    again.own(source=whole)
    kept = again.fixed["j"]
    assert isinstance(kept, Submitted)
    assert kept.source == whole


def test_drop_forgets_results_and_may_be_repeated() -> None:
    script = Script()
    script.collected()
    assert script.drop() == [ForgetJob("j")]
    assert script.drop() == []
    assert verdicts(script.result(0), WORKER) == ["unwanted"]


def test_a_drop_of_files_removes_those_of_a_finished_job_and_of_one_that_is_not_known() -> None:
    script = Script()
    script.ended()
    assert script.hear(MIDDLEWARE, Drop("j", 0, files=True)) == [], "of an owner before"
    assert script.hear(MIDDLEWARE, Drop("j", 1, files=True)) == [RemoveFiles("j"), ForgetJob("j")]
    assert "j" not in script.brain.open_jobs
    assert verdicts(script.result(0), WORKER) == ["unwanted"]
    assert script.hear(MIDDLEWARE, Drop("old", 1, files=True)) == [RemoveFiles("old")]


def test_jobs_that_a_new_middleware_does_not_ask_for_expire() -> None:
    script = Script()
    for job in ("mine", "orphan"):
        script.own(job)
    script.feed(Left(MIDDLEWARE, "gone"))
    script.tick(3 * ORPHAN_EXPIRY_S)
    assert script.records.keys() == {"mine", "orphan"}, "while nobody is there nobody can ask"
    script.hear(MIDDLEWARE, Welcome(version=3, epoch=2))
    script.own("mine")
    assert ForgetJob("orphan") not in script.tick(ORPHAN_EXPIRY_S - 1)
    commands = script.tick(1)
    assert ForgetJob("orphan") in commands
    assert ForgetJob("mine") not in commands


# ── restart ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def restarted(script: Script, held: dict[tuple[int, int], int]) -> Script:
    """Another assembler that begins with what the ledger was told."""
    again = Script(joined=False)
    for job, record in script.records.items():
        fixed = FixedPart("clip.mp4", "", 1, KEY)
        again.fixed[job], again.records[job] = fixed, record
        again.brain.restore(CollectedJob.restored(job, fixed, record), held)
    again.hear(MIDDLEWARE, Welcome(version=3, epoch=2))
    return again


def test_after_a_restart_holdings_and_fingerprints_are_known() -> None:
    script = Script()
    script.collected()
    again = restarted(script, {(0, 0): 0, (0, 1): 0, (1, 0): 0})
    assert said(again.own(), MIDDLEWARE) == [holdings(1, [b"\x03", b"\x01"])]
    assert verdicts(again.result(2, machine="arm"), WORKER) == ["unwanted"]
    assert verdicts(again.result(1), WORKER) == ["duplicate"]


def test_after_a_restart_without_its_results_any_worker_may_begin_a_track() -> None:
    script = Script()
    script.collected()
    again = restarted(script, {(1, 0): 0})
    (told,) = said(again.own(), MIDDLEWARE)
    assert told == holdings(1, [b"", b"\x01"])
    assert verdicts(again.result(2, machine="arm"), WORKER) == ["kept"]


def test_a_splice_that_a_restart_interrupted_is_redone_when_finish_is_repeated() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    again = restarted(script, {(0, 0): 0, (0, 1): 0, (1, 0): 0})
    again.own()
    assert kinds(again.finish(2, 1)) == [Splice]


def test_a_finished_job_is_finished_after_a_restart() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(Spliced("j", [CLEAN], FILES))
    again = restarted(script, {})
    assert said(again.own(), MIDDLEWARE) == [holdings(1, [b"\x03", b"\x01"])]
    assert said(again.finish(2, 1), MIDDLEWARE) == [Finished("j", 1, "done", "", [CLEAN], FILES)]


# ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_peers_are_welcomed_and_a_newer_connection_of_a_worker_supersedes() -> None:
    script = Script()
    commands = script.hear(20, Hello("worker", f"worker {WORKER}", "another", [3], token=f"token {WORKER}"))
    assert kinds(commands) == [Close, Send]
    assert isinstance(commands[0], Close)
    assert (commands[0].peer, commands[0].code) == (WORKER, "superseded")
    assert said(commands, 20) == [Welcome(version=3, epoch=3)]
    commands = script.hear(21, Hello("client", f"client {CLIENT}", "another", [3]))
    assert kinds(commands) == [Send], "clients of one name are many"


@pytest.mark.parametrize("token", ["", "another token"])
def test_another_worker_of_a_connected_name_is_let_in_beside_it(token: str) -> None:
    script = Script()
    script.own()
    assert kinds(script.hear(20, Hello("worker", f"worker {WORKER}", "another", [3], token=token))) == [Send]
    [verdict] = said(script.result(0), WORKER)
    assert isinstance(verdict, Stored)
    assert verdict.verdict == "kept"


def test_an_aggregator_has_no_aggregators() -> None:
    assert kinds(Script().hear(20, Hello("aggregator", "another", "session", [3]))) == [Close]


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        (WORKER, Own("j", "clip", 1, SOURCE, OUTPUTS, KEY)),
        (CLIENT, Revoke(Lease(1, 1))),
        (WORKER, Task(Lease(1, 1), "j", 0, 0, {}, {}, "store", 1)),
    ],
)
def test_what_only_others_may_say_ends_the_connection(peer: int, message: Message) -> None:
    assert kinds(Script().hear(peer, message)) == [Close]


def test_the_middleware_is_dialled_again_and_again_ever_more_slowly() -> None:
    brain = Assembler(epoch=1)
    now, delays = 0.0, []
    for _ in range(8):
        due = brain.next_deadline()
        assert due is not None
        delays.append(round(due - now, 3))
        now = due
        assert brain.handle(Tick(), now) == [Dial()]
        assert brain.next_deadline() is None, "until the loop says what came of it"
        brain.handle(Left(MIDDLEWARE, "connection refused"), now)
    assert delays[1] == RETRY_FIRST_S
    assert delays == sorted(delays)
    assert delays[-1] == MAX_RETRY_S


def test_after_a_refusal_it_is_dialled_rarely() -> None:
    script = Script(joined=False)
    script.feed(Left(MIDDLEWARE, "we do not know you", "forbidden"))
    assert "we do not know you" in script.logged[-1]
    assert script.brain.next_deadline() == script.now + RETRY_REFUSED_S


def test_who_was_not_heard_comes_back_at_once() -> None:
    script = Script(joined=False)
    script.feed(Left(MIDDLEWARE, "nothing was heard of it for 11 s", "silent"))
    assert script.brain.next_deadline() == script.now + RETRY_FIRST_S


def test_beats_are_sent_as_often_as_the_welcome_says() -> None:
    script = Script()
    assert script.tick(0.4) == []
    assert script.tick(0.1) == [Send(MIDDLEWARE, Beat())]
    assert script.tick(0.1) == []
    assert script.brain.next_deadline() == pytest.approx(script.now + 0.4)


def test_while_the_middleware_is_away_results_are_kept_and_told_by_holdings() -> None:
    script = Script()
    script.own()
    script.feed(Left(MIDDLEWARE, "connection reset"))
    commands = script.result(0)
    assert verdicts(commands, WORKER) == ["kept"]
    assert said(commands, MIDDLEWARE) == []
    assert Dial() in script.tick(RETRY_FIRST_S)
    script.hear(MIDDLEWARE, Welcome(version=3, epoch=2))
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"\x01", b""])]


def test_a_splice_that_ends_while_the_middleware_is_away_is_told_when_it_asks() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(Left(MIDDLEWARE, "connection reset"))
    assert script.feed(Spliced("j", [CLEAN], FILES)) == [FreeChunks("j")]
    script.tick(RETRY_FIRST_S)
    script.hear(MIDDLEWARE, Welcome(version=3, epoch=2))
    script.own()
    assert said(script.finish(2, 1), MIDDLEWARE) == [Finished("j", 1, "done", "", [CLEAN], FILES)]
