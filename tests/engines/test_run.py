"""What follows from what an engine says of tasks, whatever the engine is."""

from __future__ import annotations

import pytest

from moviola.base.failures import Failure
from moviola.base.vocabulary import CauseKind, Mode
from moviola.engines.engine import Ended, Lost, Made, Ticket
from moviola.engines.errors import EngineFailed
from moviola.engines.run import MAX_FAILURES, MAX_LOSSES, MAX_REFUSED, SILENCE_S, Counts, Run
from moviola.media.computing import AHEAD, Task
from moviola.media.failing import TaskFailure
from tests.engines.fake_engine import FakeEngine, Outcome, Script, by_place, doubled, made, output, tasks

PAYLOADS = [b"a", b"bb", b"ccc", b"dddd", b"eeeee"]
EXPECTED = {(0, index): payload * 2 for index, payload in enumerate(PAYLOADS)}

RAISED = TaskFailure(CauseKind.EXCEPTION, "blur failed", "blur", 12, "Traceback …")


def first_tries(number: int, outcome: Outcome) -> Script:
    """Say this of the first tries of chunk 1, and then, as of all others, what was made of it."""

    def script(ticket: Ticket, task: Task, chunk: bytes) -> Outcome:
        return outcome if ticket.index == 1 and ticket.attempt <= number else doubled(ticket, task, chunk)

    return script


@pytest.mark.parametrize("backwards", [False, True])
def test_each_chunk_has_its_result_in_whatever_order_they_come(backwards: bool) -> None:
    engine = FakeEngine(backwards=backwards)
    results = list(Run(engine, [Counts()]).results(tasks(PAYLOADS)))
    assert by_place(results) == EXPECTED
    assert ([one.index for one in results] == [0, 1, 2, 3, 4]) is not backwards
    assert {one.maker for one in results} == {("node", 1)}
    assert {one.frame_count for one in results} == {10}


def test_outputs_share_a_chunk() -> None:
    engine = FakeEngine()
    results = Run(engine, [Counts(), Counts()]).results(tasks(PAYLOADS, [output("a"), output("b")]))
    assert by_place(results) == {(number, index): PAYLOADS[index] * 2 for number in (0, 1) for index in range(5)}
    assert engine.held == PAYLOADS


def test_few_tasks_are_on_their_way_and_few_bytes() -> None:
    wide = FakeEngine(slots=3, backwards=True)
    list(Run(wide, [Counts()]).results(tasks([b"x"] * 50)))
    assert wide.most[0] == 3 * AHEAD
    narrow = FakeEngine(slots=100, store_size=4 * 1000)
    list(Run(narrow, [Counts()]).results(tasks([b"x" * 400] * 20)))
    assert narrow.most == (2, 800)
    tight = FakeEngine(slots=100, store_size=4 * 1000)
    assert len(list(Run(tight, [Counts()]).results(tasks([b"x" * 5000] * 3)))) == 3  # larger than all room
    assert tight.most == (1, 5000)


def test_room_comes_back_with_the_results() -> None:
    """Also where a chunk was tried more than once."""
    engine = FakeEngine(first_tries(2, Lost("its node died")), slots=100, store_size=4 * 1000)
    assert len(list(Run(engine, [Counts()]).results(tasks([b"x" * 900] * 9)))) == 9
    assert engine.most == (1, 900)


def test_a_result_that_comes_twice_counts_once() -> None:
    counts = Counts()
    engine = FakeEngine()
    run = Run(engine, [counts])
    results = run.results(tasks(PAYLOADS))
    first = next(results)
    ticket = engine.started[0][0]
    engine.extra.append(Ended(ticket, "node", made(PAYLOADS[0] * 2)))
    assert by_place([first, *results]) == EXPECTED
    assert counts.duplicates == 1


def test_what_comes_of_another_job_is_nothing_to_this_one() -> None:
    counts = Counts()
    engine = FakeEngine()
    engine.extra.append(Ended(Ticket(-1, 7, 0, 1), "node", made(b"of another job")))
    assert by_place(Run(engine, [counts]).results(tasks(PAYLOADS))) == EXPECTED
    assert counts.duplicates == 0


@pytest.mark.parametrize(
    "bad",
    [
        Made(b"damaged", made(b"whole").xxh3, "build-1"),
        made(b"of others", "build-2"),
    ],
)
def test_what_is_damaged_or_of_another_build_is_made_again(bad: Made) -> None:
    counts = Counts()
    assert by_place(Run(FakeEngine(first_tries(1, bad)), [counts]).results(tasks(PAYLOADS))) == EXPECTED
    assert counts.retries == 1
    with pytest.raises(EngineFailed, match=r"chunk 1 .* made by node, (arrived damaged|is of the build)"):
        list(Run(FakeEngine(first_tries(MAX_REFUSED, bad)), [Counts()]).results(tasks(PAYLOADS)))


def test_what_is_lost_with_its_node_is_done_again_and_is_no_failure() -> None:
    counts, failures = Counts(), list[Failure]()
    engine = FakeEngine(first_tries(MAX_LOSSES - 1, Lost("its node died")))
    results = list(Run(engine, [counts], note=failures.append).results(tasks(PAYLOADS)))
    assert by_place(results) == EXPECTED
    assert (counts.losses, counts.retries, failures) == (MAX_LOSSES - 1, MAX_LOSSES - 1, [])
    assert {one.index: one.maker.attempt for one in results}[1] == MAX_LOSSES
    assert all(task.mode == Mode.FILTER for _, task in engine.started)
    with pytest.raises(EngineFailed, match=f"lost {MAX_LOSSES} times, the last time because its node died"):
        list(Run(FakeEngine(first_tries(MAX_LOSSES, Lost("its node died"))), [Counts()]).results(tasks(PAYLOADS)))


@pytest.mark.parametrize(("on_error", "mode"), [("original", "bypass"), ("black", "bypass"), ("drop", "drop")])
def test_a_chunk_that_keeps_failing_is_done_without_its_filters(on_error: str, mode: str) -> None:
    failures: list[Failure] = []
    engine = FakeEngine(first_tries(MAX_FAILURES, RAISED))
    run = Run(engine, [Counts()], note=failures.append)
    assert by_place(run.results(tasks(PAYLOADS, [output(on_error=on_error)]))) == EXPECTED
    tried = [str(task.mode) for ticket, task in engine.started if ticket.index == 1]
    assert tried == ["filter"] * MAX_FAILURES + [mode]
    assert len(failures) == MAX_FAILURES
    told = failures[0]
    assert (told.output, told.chunk, told.frames, told.frame, told.filter) == ("out", 1, [10, 19], 12, "blur")
    assert (told.failure_type, told.worker, told.explanation) == ("job_failure", "node", "blur failed")


def test_with_the_policy_to_fail_the_job_ends_there() -> None:
    engine = FakeEngine(first_tries(MAX_FAILURES, RAISED))
    with pytest.raises(EngineFailed, match=r"chunk 1 \(10-19\) of out failed on node: blur failed \(3 tries\)"):
        list(Run(engine, [Counts()]).results(tasks(PAYLOADS, [output(on_error="fail")])))


def test_what_fails_without_filters_too_ends_the_job() -> None:
    with pytest.raises(EngineFailed, match="even without its filters"):
        list(Run(FakeEngine(first_tries(99, RAISED)), [Counts()]).results(tasks(PAYLOADS)))


def test_a_task_that_ends_its_process_is_a_failure_at_once_for_the_engine_has_tried_it() -> None:
    failures: list[Failure] = []
    engine = FakeEngine(first_tries(1, Lost("the process ended", is_deadly=True)))
    assert by_place(Run(engine, [Counts()], note=failures.append).results(tasks(PAYLOADS))) == EXPECTED
    assert [str(task.mode) for ticket, task in engine.started if ticket.index == 1] == ["filter", "bypass"]
    assert [(one.failure_type, one.failure_reason) for one in failures] == [("worker_failure", "crash")]


def test_files_that_filters_name_are_there_once_for_all_tasks() -> None:
    engine = FakeEngine()
    list(Run(engine, [Counts()], assets={"sha256:1": b"logo"}).results(tasks(PAYLOADS)))
    assert engine.held == [b"logo", *PAYLOADS]
    assert engine.assets == {"sha256:1": b"logo"}


def test_silence_is_said_once() -> None:
    now = 0.0
    quiet = 5

    def script(ticket: Ticket, task: Task, chunk: bytes) -> Outcome | None:
        nonlocal now, quiet
        now += SILENCE_S
        quiet -= 1
        return None if quiet > 0 else doubled(ticket, task, chunk)

    said: list[str] = []
    engine = FakeEngine(script, slots=0)
    assert by_place(Run(engine, [Counts()], say=said.append, clock=lambda: now).results(tasks(PAYLOADS))) == EXPECTED
    assert said == ["nothing has come back from a fake for 60 s; it has no processor for tasks: add nodes, or end this "
                    "with Ctrl-C"]  # fmt: skip


def test_who_waits_may_end_it_while_nothing_comes() -> None:
    waits = 0

    def waiting() -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            raise KeyboardInterrupt

    run = Run(FakeEngine(lambda *_: None), [Counts()])
    run.waiting = waiting
    with pytest.raises(KeyboardInterrupt):
        list(run.results(tasks(PAYLOADS)))
    assert waits == 3


def test_what_is_on_its_way_can_be_given_up() -> None:
    engine = FakeEngine()
    run = Run(engine, [Counts()])
    next(run.results(tasks(PAYLOADS)))
    assert run.in_work
    run.cancel()
    assert engine.is_cancelled
    assert not run.in_work
