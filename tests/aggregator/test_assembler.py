"""The assembler by scripts: an event, and what must follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.assembler import ORPHAN_EXPIRY_S, Assembler
from aggregator.events import (
    MIDDLEWARE,
    CancelSplice,
    ChunksDamaged,
    Close,
    Command,
    Damaged,
    Dial,
    ForgetJob,
    FreeChunk,
    FreeChunks,
    Keep,
    Left,
    RemoveFiles,
    ResultsLost,
    Send,
    SendFilePart,
    Splice,
    SpliceCrashed,
    Spliced,
    SpliceFailed,
    Tick,
    Unsent,
)
from aggregator.jobs import CollectedJob, FixedPart, TrackRecord
from aggregator.peers import MAX_CONNECTIONS_OF_USER
from aggregator.results import NO_ROOM_DELAY_S
from aggregator.splices import MAX_CRASHES, MAX_DAMAGES
from aggregator.uplink import MAX_RETRY_S, RETRY_FIRST_S, RETRY_REFUSED_S
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.vocabulary import JobState
from moviola.wire.lease_tags import tag_of
from moviola.wire.limits import MAX_CHUNKS, MAX_PART
from moviola.wire.messages import (
    Beat,
    Drop,
    Error,
    FailedChunk,
    Fetch,
    Finished,
    Hello,
    Holdings,
    Limits,
    Message,
    Own,
    Pass,
    Result,
    Revoke,
    Stored,
    Task,
    Welcome,
)
from moviola.wire.schema import Lease
from tests.aggregator.script import CLEAN, CLIENT, FILES, KEY, MACHINE, OTHER, OUTPUTS, SOURCE, WORKER, Script


def holdings(owner_epoch: int, tracks: list[bytes]) -> Holdings:
    """The first track is that of the output."""
    return Holdings("j", owner_epoch, tracks, [MACHINE if tracks[0] else "", *("" for _ in tracks[1:])])


def said(commands: list[Command], peer: int) -> list[Message]:
    return [one.message for one in commands if isinstance(one, Send) and one.peer == peer]


def verdicts(commands: list[Command], peer: int) -> list[str]:
    return [one.verdict for one in said(commands, peer) if isinstance(one, Stored)]


def kinds(commands: list[Command]) -> list[type[Command]]:
    return [type(one) for one in commands]


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_result_is_kept_then_told_to_worker_and_middleware() -> None:
    script = Script()
    script.own()
    commands = script.result(0)
    assert kinds(commands) == [Keep, Send, Send]
    assert verdicts(commands, WORKER) == verdicts(commands, MIDDLEWARE) == ["kept"]
    [told] = said(commands, MIDDLEWARE)
    assert told == Stored("j", 0, 0, "kept", Lease(1, 0), f"worker {WORKER}", frames_out=64)


def test_later_results_are_compared_counted_and_dropped() -> None:
    script = Script()
    script.own()
    script.result(0)
    for worker, content in ((WORKER, 11), (OTHER, 11), (OTHER, 12)):
        commands = script.result(0, worker=worker, content=content)
        assert Keep not in kinds(commands)
        assert verdicts(commands, worker) == ["duplicate"]
        assert verdicts(commands, MIDDLEWARE) == []
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 3, 1)
    assert "differs" in script.logged[-1]


def test_a_duplicate_of_another_machine_may_differ() -> None:
    script = Script()
    script.own()
    script.result(0)
    assert verdicts(script.result(0, worker=OTHER, content=12, machine="arm"), OTHER) == ["duplicate"]
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 1, 0)


FORGED: dict[str, dict[str, Any]] = {
    "no tag": {"tag": b""},
    "a tag made up": {"tag": b"x" * 32},
    "a lease never lent": {"lease": Lease(7, 7)},
    "another chunk": {"index": 1},
    "another output": {"track": 1},
    "another mode": {"mode": "bypass"},
    "another stage": {"stage": [0, 1]},
    "an invented fingerprint": {"build": "invented"},
    "a chunk that cannot be": {"index": MAX_CHUNKS},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_result_whose_tag_proves_nothing_is_refused_and_changes_nothing(forged: dict[str, Any]) -> None:
    script = Script()
    script.own(outputs=[{"name": "blur"}, {"name": "edges"}])
    before = script.records["j"]
    commands = script.result(0, forged=forged)
    assert kinds(commands) == [Send]
    assert verdicts(commands, WORKER) == ["refused"]
    assert script.records["j"] == before
    assert "lent" in script.logged[-1]
    assert verdicts(script.result(0), WORKER) == ["kept"], "the first valid one wins"
    assert verdicts(script.result(0, forged=forged), WORKER) == ["refused"], "and none is counted as its copy"
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 0, 0)


def test_a_lease_is_of_no_use_to_another_worker() -> None:
    script = Script()
    script.own()
    mine = Result(Lease(1, 0), "j", 0, 0, 1, MACHINE, 64, 64)
    mine = replace(mine, tag=tag_of(mine, KEY, f"token {WORKER}"))
    assert verdicts(script.hear(OTHER, mine, 100, 7), OTHER) == ["refused"]
    assert verdicts(script.hear(WORKER, mine, 100, 7), WORKER) == ["kept"]


def test_a_result_of_another_fingerprint_is_not_taken_in_that_track_only() -> None:
    script = Script()
    script.own(outputs=[{"name": "blur"}, {"name": "edges"}])
    script.result(0)
    assert verdicts(script.result(1, worker=OTHER, machine="arm"), OTHER) == ["unwanted"]
    assert verdicts(script.result(1, worker=OTHER, machine="arm", track=1), OTHER) == ["kept"]
    assert verdicts(script.result(1), WORKER) == ["kept"]


@pytest.mark.parametrize(("epoch", "job"), [(0, "j"), (2, "j"), (1, "unknown")])
def test_what_no_one_asked_for_is_unwanted(epoch: int, job: str) -> None:
    script = Script()
    script.own()
    assert verdicts(script.result(0, epoch=epoch, job=job), WORKER) == ["unwanted"]
    assert verdicts(script.passed(0, epoch=epoch, job=job), MIDDLEWARE) == ["unwanted"]


@pytest.mark.parametrize(("track", "index"), [(1, 0), (2, 0), (0, MAX_CHUNKS)])
def test_a_result_that_cannot_be_ends_its_connection(track: int, index: int) -> None:
    script = Script()
    script.own()
    commands = script.result(index, track=track)
    assert kinds(commands) == [Close]
    assert verdicts(script.result(0, worker=OTHER), OTHER) == ["kept"]
    assert script.result(0) == [], "what the closed connection had said before is not heard"


def test_without_room_the_middleware_is_told_at_once_and_the_sender_later() -> None:
    script = Script()
    script.own()
    script.room = False
    commands = script.result(0)
    assert verdicts(commands, MIDDLEWARE) == ["no-room"]
    assert verdicts(commands, WORKER) == []
    assert verdicts(script.passed(0), MIDDLEWARE) == []
    commands = script.tick(NO_ROOM_DELAY_S)
    assert verdicts(commands, WORKER) == ["unwanted"]
    assert verdicts(commands, MIDDLEWARE) == ["no-room"]
    script.room = True
    assert verdicts(script.result(0, machine="arm"), WORKER) == ["kept"], "nothing of the first one was kept"


def test_holdings_tell_what_is_stored() -> None:
    script = Script()
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"", b""])]
    script.result(0)
    script.result(9)
    script.passed(1)
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"\x01\x02", b"\x02"])]


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


# ── splicing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_finish_splices_once_and_may_be_repeated() -> None:
    script = Script()
    script.collected()
    assert script.finish(2, 1) == [Splice("j", [2, 1], [0, 0], JobStatistics(retries=[0, 0]))]
    assert script.finish(2, 1) == []
    commands = script.feed(Spliced("j", [CLEAN], FILES))
    finished = Finished("j", 1, "done", "", [CLEAN], FILES)
    assert commands == [Send(MIDDLEWARE, finished), FreeChunks("j")]
    assert script.finish(2, 1) == [Send(MIDDLEWARE, finished)]
    assert script.drop() == [], "its results are gone already, its files stay"
    assert script.finish(2, 1) == [Send(MIDDLEWARE, finished)]
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"\x03", b"\x01"])]
    assert verdicts(script.result(1), WORKER) == ["duplicate"]


def test_one_partial_output_makes_the_job_partial() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    [finished, _] = script.feed(Spliced("j", [CLEAN, replace(CLEAN, state=JobState.PARTIAL)], FILES))
    assert isinstance(finished, Send)
    assert isinstance(finished.message, Finished)
    assert finished.message.state == "partial"


def test_finish_before_all_is_stored_is_answered_with_what_is() -> None:
    script = Script()
    script.collected()
    assert said(script.finish(3, 1), MIDDLEWARE) == [holdings(1, [b"\x03", b"\x01"])]
    script.result(2)
    assert Splice in kinds(script.finish(3, 1))


def test_what_comes_during_the_splice_changes_nothing() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    assert verdicts(script.result(0), WORKER) == ["duplicate"]
    assert verdicts(script.result(2), WORKER) == ["unwanted"]
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"\x03", b"\x01"])]
    assert Send in kinds(script.feed(Spliced("j", [CLEAN], FILES)))


@pytest.mark.parametrize("counts", [(2,), (2, 1, 1), (2, MAX_CHUNKS + 1)])
def test_a_finish_that_cannot_be_ends_the_connection(counts: tuple[int, ...]) -> None:
    script = Script()
    script.collected()
    assert kinds(script.finish(*counts)) == [Close]


def test_finish_of_a_job_that_was_never_owned_ends_the_connection() -> None:
    """The reconnection makes the middleware own its jobs anew, which repairs whatever led here."""
    assert kinds(Script().finish(1, 0)) == [Close]


def test_splices_wait_for_their_turn() -> None:
    script = Script(splicers=2)
    for job in ("a", "b", "c"):
        script.collected(job)
    assert [script.finish(2, 1, job=job) != [] for job in ("a", "b", "c")] == [True, True, False]
    assert Splice("c", [2, 1], [0, 0], JobStatistics(retries=[0, 0])) in script.feed(Spliced("a", [CLEAN], FILES))


def test_dropping_stops_a_splice_and_lets_the_next_begin() -> None:
    script = Script()
    for job in ("a", "b", "c"):
        script.collected(job)
        script.finish(2, 1, job=job)
    assert script.drop("b") == [ForgetJob("b")], "it only waited"
    assert kinds(script.drop("a")) == [CancelSplice, ForgetJob, Splice]


def test_a_crash_is_tried_again_a_few_times_and_then_told() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    for _ in range(MAX_CRASHES - 1):
        assert kinds(script.feed(SpliceCrashed("j", "ended by SIGSEGV"))) == [Splice]
    [told] = said(script.feed(SpliceCrashed("j", "ended by SIGSEGV")), MIDDLEWARE)
    assert told == Finished("j", 1, "failed", "ended by SIGSEGV (tried 3 times)")


def test_a_failed_job_that_is_owned_again_keeps_its_results() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    failed = Send(MIDDLEWARE, Finished("j", 1, "failed", "No space left on device"))
    assert script.feed(SpliceFailed("j", "No space left on device")) == [failed]
    assert script.finish(2, 1) == [failed]
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"\x03", b"\x01"])]
    assert kinds(script.finish(2, 1)) == [Splice]
    script.feed(SpliceFailed("j", "No space left on device"))
    assert script.drop() == [ForgetJob("j")]


def test_a_damaged_result_is_asked_for_again() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    commands = script.feed(ChunksDamaged("j", ((0, 1),), "chunk 1 is damaged"))
    assert commands == [FreeChunk("j", 0, 1), Send(MIDDLEWARE, holdings(1, [b"\x01", b"\x01"]))]
    assert verdicts(script.result(1, content=99), WORKER) == ["kept"]
    assert kinds(script.finish(2, 1)) == [Splice]


def test_all_damaged_results_are_asked_for_at_once_and_a_disk_that_loses_all_is_said() -> None:
    script = Script()
    script.collected()
    for done in range(MAX_DAMAGES):
        assert kinds(script.finish(2, 1))[-1] is Splice
        commands = script.feed(ChunksDamaged("j", ((0, 0), (0, 1), (1, 0)), "chunk 0 is damaged in FILE"))
        if done < MAX_DAMAGES - 1:
            assert kinds(commands) == [FreeChunk, FreeChunk, FreeChunk, Send]
            assert said(commands, MIDDLEWARE) == [holdings(1, [b"", b""])]
            script.result(0)
            script.result(1)
            script.passed(0)
    [told] = said(commands, MIDDLEWARE)
    assert isinstance(told, Finished)
    assert told.state == "failed"
    assert "FILE" in told.text


def test_results_whose_file_is_gone_are_asked_for_again_while_others_come() -> None:
    script = Script()
    script.collected()
    lost = ResultsLost("j", ((0, 1), (0, 1), (0, 7), (1, 0)))
    commands = script.feed(lost)
    assert commands == [FreeChunk("j", 0, 1), FreeChunk("j", 1, 0), Send(MIDDLEWARE, holdings(1, [b"\x01", b""]))]
    script.result(1)
    script.passed(0)
    script.finish(2, 1)
    assert script.feed(lost) == [], "the splice will meet them"


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        (WORKER, Result(Lease(1, 1), "j", 0, 1, 1, MACHINE, 64, 64)),
        (MIDDLEWARE, Pass("j", 1, 1, 1)),
        (MIDDLEWARE, FailedChunk("j", 0, 1, 1)),
    ],
)
def test_a_message_that_arrives_damaged_is_named_to_whom_it_came_from(
    peer: int, message: Result | Pass | FailedChunk
) -> None:
    script = Script()
    script.own()
    commands = script.feed(Damaged(peer, message))
    lease = message.lease if isinstance(message, Result) else None
    assert commands == [Send(peer, Stored("j", message.track, 1, "damaged", lease))]
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"", b""])]


def test_the_history_is_bounded_and_unfinished_jobs_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.history.MAX_HISTORY", 2)
    script = Script()
    script.own("unfinished")
    for job in ("a", "b", "c"):
        script.collected(job)
        script.finish(2, 1, job=job)
        commands = script.feed(Spliced(job, [CLEAN], FILES))
    assert commands[-1] == ForgetJob("a")
    assert verdicts(script.result(0, job="unfinished"), WORKER) == ["kept"]


def test_too_many_jobs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.assembler.MAX_JOBS", 1)
    script = Script()
    script.own("a")
    [answer] = said(script.own("b"), MIDDLEWARE)
    assert isinstance(answer, Finished)
    assert answer.state == "failed"


# ── whose files they are ─────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_for_the_jobs_user_and_for_admins() -> None:
    script = Script()
    script.hear(MIDDLEWARE, Own("j", "clip.mp4", 1, SOURCE, OUTPUTS, KEY, "ann"))
    for user, code in (("bob", "not-yours"), ("", "not-yours"), ("ann", "not-found")):
        script.hear(30, Hello("client", "c", "s", [3], user=user))
        [answer] = said(script.hear(30, Fetch("j", "a.mp4", 0, 1)), 30)
        assert isinstance(answer, Error)
        assert (answer.code, answer.fatal) == (code, False)
        script.feed(Left(30, "gone"))
    script.feed(Left(MIDDLEWARE, "gone"))
    script.tick(1)
    script.hear(MIDDLEWARE, Welcome(1, 2, Limits(admins=["root"])))
    script.hear(30, Hello("client", "c", "s", [3], user="root"))
    [answer] = said(script.hear(30, Fetch("j", "a.mp4", 0, 1)), 30)
    assert isinstance(answer, Error)
    assert answer.code == "not-found"


def test_a_user_has_so_many_connections_and_the_one_that_asked_for_nothing_for_longest_goes() -> None:
    script = Script()
    for peer in range(100, 100 + MAX_CONNECTIONS_OF_USER):
        assert not [one for one in script.hear(peer, Hello("client", "c", "s", [3], user="ann")) if type(one) is Close]
    script.hear(100, Fetch("j", "a.mp4", 0, 1))
    close, *_ = script.hear(99, Hello("client", "c", "s", [3], user="ann"))
    assert isinstance(close, Close)
    assert (close.peer, close.code) == (101, "idle")
    assert said(script.hear(98, Hello("client", "c", "s", [3], user="bob")), 98)
    script.feed(Left(100, "gone"))
    assert said(script.hear(97, Hello("client", "c", "s", [3], user="ann")), 97)


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


# ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def finished() -> Script:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(Spliced("j", [CLEAN], FILES))
    return script


@pytest.mark.parametrize(
    ("offset", "length", "served"),
    [
        (0, 100, 100),
        (0, 2**40, MAX_PART),
        (19_999_990, MAX_PART, MAX_PART),
    ],
)
def test_parts_of_finished_files_are_served(offset: int, length: int, served: int) -> None:
    commands = finished().hear(CLIENT, Fetch("j", "blur.mp4", offset, length))
    assert commands == [SendFilePart(CLIENT, "j", "blur.mp4", offset, served, 20_000_000)]


@pytest.mark.parametrize(
    ("job", "file", "offset"),
    [("j", "blur/a.jpg", 0), ("j", "../ledger.sqlite", 0), ("j", ".blur.mp4.part", 0), ("k", "blur.mp4", 0)],
)
def test_nothing_else_is_served(job: str, file: str, offset: int) -> None:
    [answer] = said(finished().hear(CLIENT, Fetch(job, file, offset, 10)), CLIENT)
    assert isinstance(answer, Error)
    assert (answer.code, answer.fatal, answer.job) == ("not-found", False, job)


def test_files_of_a_folder_are_served_when_the_folder_was_told() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(Spliced("j", [CLEAN], [FinishedFile("blur.files.jsonl", 10, "0" * 32, "blur")]))
    commands = script.hear(CLIENT, Fetch("j", "blur/deep/a.jpg", 0, 10))
    assert commands == [SendFilePart(CLIENT, "j", "blur/deep/a.jpg", 0, 10)]
    [answer] = said(script.hear(CLIENT, Fetch("j", "edges/a.jpg", 0, 10)), CLIENT)
    assert isinstance(answer, Error)


def test_an_unfinished_job_has_no_files() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    [answer] = said(script.hear(CLIENT, Fetch("j", "blur.mp4", 0, 10)), CLIENT)
    assert isinstance(answer, Error)


def test_what_cannot_be_told_of_a_job_ends_that_job_and_no_connection() -> None:
    script = Script()
    [answer] = said(script.own(), MIDDLEWARE)
    [told] = said(script.feed(Unsent(MIDDLEWARE, answer, "Holdings would have 5000000 bytes")), MIDDLEWARE)
    assert isinstance(told, Finished)
    assert (told.job, told.state, "5000000" in told.text) == ("j", "failed", True)
    assert script.brain.is_joined
