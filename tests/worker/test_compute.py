"""The compute thread, driven from the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from moviola.filters.runner import FilterError
from moviola.filters.schema import ParameterError
from moviola.media.errors import BadHeader, BundleError, MediaError, ProcessingFailed, ResultTooLarge, ResultTooLong
from moviola.media.failing import MAX_CAUSE_TEXT, MAX_CAUSE_TRACEBACK
from moviola.wire.messages import Cause, Released, check_sendable
from moviola.wire.schema import Lease
from tests.waiting import PATIENCE_S
from tests.worker.cluster import task
from worker.compute import Computer, cause_of, load
from worker.events import Computed, Event, Failed, Stopped
from worker.shared_status import Note

A = Lease(1, 1)


class Bench:
    def __init__(self, processes: dict[str, Any] | None = None) -> None:
        self.note = Note.create()
        self.reported: SimpleQueue[Event] = SimpleQueue()
        self.computer = Computer(
            processes or load({"fake": "tests.worker.fake_kind.process"}), self.reported.put, self.note
        )
        threading.Thread(target=self.computer.run, daemon=True).start()

    def event(self) -> Event:
        return self.reported.get(timeout=PATIENCE_S)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.note.close()


def test_a_result_comes_back_and_the_note_is_wiped(bench: Bench) -> None:
    bench.computer.start(task(A), b"echo")
    done = bench.event()
    assert isinstance(done, Computed)
    assert (done.lease, done.result.payload) == (A, b"echo")
    assert bench.note.lease is None


def test_progress_and_the_lease_in_work_are_seen_from_outside_and_it_stops_when_abandoned(
    bench: Bench, tmp_path: Path
) -> None:
    bench.computer.start(task(A), b"wait " + bytes(tmp_path / "never"))
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    while (progress := bench.computer.progress) is None or progress.frames < 3:
        assert time.monotonic() < deadline
        pause.wait(0.001)
    assert progress.steps == progress.frames + 1
    assert bench.note.lease == A
    bench.computer.abandon(Lease(1, 2))  # not this one
    assert bench.reported.empty()
    bench.computer.abandon(A)
    assert bench.event() == Stopped(A)


def test_a_failure_carries_filter_frame_and_traceback_and_the_next_task_runs(bench: Bench) -> None:
    bench.computer.start(task(A), b"raise")
    failed = bench.event()
    assert isinstance(failed, Failed)
    text = "filter 'edges' failed on frame 37: ZeroDivisionError: division by zero"
    trace = "Traceback\nZeroDivisionError: division by zero"
    assert failed.cause == Cause("exception", text, "edges", 37, trace)
    bench.computer.start(task(Lease(1, 2)), b"echo")
    assert isinstance(bench.event(), Computed)


def test_a_filter_that_calls_exit_ends_its_task_only() -> None:
    def leave(*_: object, **__: object) -> None:
        raise SystemExit(3)

    bench = Bench({"fake": leave})
    bench.computer.start(task(A), b"")
    failed = bench.event()
    assert isinstance(failed, Failed)
    assert failed.cause.text == "SystemExit: 3"
    bench.note.close()


def test_a_kind_that_is_not_here_is_said(bench: Bench) -> None:
    other = Bench({"table": None})
    other.computer.start(task(A), b"")
    failed = other.event()
    assert isinstance(failed, Failed)
    assert failed.cause.text == "ValueError: this worker takes no 'fake', only table"
    other.note.close()


def test_causes_are_bounded_and_want_of_memory_is_told_as_such() -> None:
    cause = cause_of(MemoryError())
    assert (cause.kind, cause.text) == ("memory", "MemoryError")
    long = cause_of(ProcessingFailed([1, 2], "blur", "x" * 100_000))
    assert (len(long.text), len(long.traceback or "")) == (MAX_CAUSE_TEXT, MAX_CAUSE_TRACEBACK)
    assert long.frame == 1
    check_sendable(Released(A, "failed", long))
    told = cause_of(FilterError("blur", 5, ValueError("no")))
    assert (told.filter, told.frame) == ("blur", 5)


def test_a_wrong_parameter_is_told_in_its_own_sentence() -> None:
    sentence = "faces: model=/a.onnx is not there"
    assert cause_of(ParameterError(sentence)).text == sentence
    assert cause_of(ValueError("no")).text == "ValueError: no"


@pytest.mark.parametrize(
    "error", [BadHeader("codec must be a text"), ResultTooLarge(64 << 20), ResultTooLong(9, 8), BundleError("cut")]
)
def test_errors_of_media_are_told_in_their_own_sentences(error: MediaError) -> None:
    assert cause_of(error).text == str(error)
