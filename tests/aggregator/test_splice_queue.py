"""The assembler by scripts: jobs are spliced, and what is damaged is done again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aggregator.events import (
    MIDDLEWARE,
    CancelSplice,
    ChunksDamaged,
    Close,
    Damaged,
    ForgetJob,
    FreeChunk,
    FreeChunks,
    ResultsLost,
    Send,
    Splice,
    SpliceCrashed,
    Spliced,
    SpliceFailed,
)
from aggregator.splice_queue import MAX_DAMAGES, MAX_SPLICE_CRASHES
from moviola.base.job_statistics import JobStatistics
from moviola.base.vocabulary import JobState
from moviola.wire.limits import MAX_CHUNKS
from moviola.wire.messages import (
    FailedChunk,
    Finished,
    Pass,
    Result,
    Stored,
)
from moviola.wire.schema import Lease
from tests.aggregator.script import (
    CLEAN,
    FILES,
    MACHINE,
    WORKER,
    Script,
    holdings,
    kinds,
    said,
    verdicts,
)


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
    script = Script(max_splices=2)
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
    for _ in range(MAX_SPLICE_CRASHES - 1):
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
