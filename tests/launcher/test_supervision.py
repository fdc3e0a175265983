"""What a person is told while the workers of a cluster are stopped."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import BadStatusLine
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ProtocolError

import pytest
from supervisor.xmlrpc import Faults

from moviola.base.processes import DRAIN_LIMIT_S
from moviola.launcher import stop, supervision
from moviola.launcher.cluster import Cluster
from moviola.launcher.problem import Problem
from tests.closed import close

WAITS = "import sys; sys.stdin.read()"


class FakeSupervisord:
    """One worker process in a state; it is asked to end."""

    def __init__(self, pid: int, state: str) -> None:
        self.pid, self.state, self.stopped = pid, state, list[tuple[str, bool]]()

    def getProcessInfo(self, name: str) -> dict[str, Any]:  # noqa: N802 - supervisord's name
        assert name == "worker"
        return {"pid": self.pid, "statename": self.state}

    def stopProcess(self, name: str, wait: bool) -> None:  # noqa: N802 - supervisord's name
        self.stopped.append((name, wait))


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_what_is_waited_for_is_said_while_workers_finish(
    worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "TELL_AFTER_S", 0.01)
    said = []

    def say(sentence: str) -> None:
        said.append(sentence)
        assert worker.stdin is not None
        worker.stdin.close()  # its task is finished
        worker.wait()

    rpc = FakeSupervisord(worker.pid, "RUNNING")
    supervision._drain_workers(rpc, say, lambda: None)
    assert rpc.stopped == [("worker", False)]
    assert said == ["Waiting for the workers to finish the tasks they have, for 15 s at the longest …"]


def test_how_many_tasks_are_waited_for_is_said_as_they_finish(
    worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "TELL_AFTER_S", 0.01)
    said = []

    def say(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("1 task "):
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait()

    counts = iter((4, 4, None, 3, 1))
    supervision._drain_workers(FakeSupervisord(worker.pid, "RUNNING"), say, lambda: next(counts, None))
    assert said == ["Waiting for 4 tasks to be finished, for 15 s at the longest …", "3 tasks left …", "1 task left …"]


def test_tasks_of_a_cluster_that_is_not_there_are_not_counted(tmp_path: Path) -> None:
    assert supervision.tasks_held(tmp_path, {1}) is None


def test_workers_without_tasks_end_without_a_word(worker: subprocess.Popen[bytes]) -> None:
    worker.communicate()
    said: list[str] = []
    supervision._drain_workers(FakeSupervisord(worker.pid, "RUNNING"), said.append, lambda: None)
    assert said == []


def test_what_is_handed_back_is_said(worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    worker.communicate()
    clock = iter((0.0, DRAIN_LIMIT_S))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, DRAIN_LIMIT_S))
    said: list[str] = []
    supervision._drain_workers(FakeSupervisord(worker.pid, "RUNNING"), said.append, lambda: None)
    assert len(said) == 1
    assert said[0].startswith("What was not finished is handed back: it goes on after the next '")


@pytest.mark.parametrize("state", ["STOPPED", "FATAL", "EXITED", "BACKOFF"])
def test_workers_that_do_not_run_are_not_asked(state: str) -> None:
    rpc = FakeSupervisord(0, state)
    supervision._drain_workers(rpc, pytest.fail, lambda: None)
    assert rpc.stopped == []


def test_ctrl_c_says_how_to_end_what_is_half_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(supervision, "stop", interrupted)
    assert stop.main(["--state", str(tmp_path)]) == 5
    said = f"Interrupted: the cluster of {tmp_path} may be half stopped; the same command again stops the rest.\n"
    assert capsys.readouterr() == ("", said)


def test_a_state_that_may_not_be_entered_is_no_sign_that_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    close(tmp_path, monkeypatch)
    assert stop.main(["--state", str(tmp_path / "state")]) == 1
    assert f"Cannot stop the cluster of {tmp_path / 'state'}: " in capsys.readouterr().err


class FailingSupervisord:
    """Answers all that it is asked with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Callable[..., None]:
        def fail(*_: object) -> None:
            raise self.error

        return fail


STOPPING = Fault(Faults.SHUTDOWN_STATE, "SHUTDOWN_STATE")
BROKEN = ProtocolError("localhost/RPC2", 500, "Internal Server Error", {})


@pytest.mark.parametrize(
    ("error", "runs"),
    [(STOPPING, True), (BROKEN, True), (ConnectionRefusedError(), False), (BadStatusLine(""), False)],
)
def test_a_cluster_that_is_being_stopped_runs_still(
    error: Exception, runs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_rpc", lambda state: FailingSupervisord(error))
    assert supervision.is_running(tmp_path) is runs


@pytest.mark.parametrize("error", [STOPPING, BROKEN, ConnectionRefusedError("nobody"), Fault(92, "CANT_REREAD: no")])
def test_a_cluster_that_takes_no_orders_is_one_sentence(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_rpc", lambda state: FailingSupervisord(error))
    said = re.escape(
        f"The cluster of {tmp_path} takes no orders, as one that is being stopped ({error}): try again in "
    )
    with pytest.raises(Problem, match=said):
        supervision.revive(tmp_path)
    up = Cluster(tmp_path, tmp_path / "results", port=6000, aggregator_port=6001, workers=1, secret_file=None)
    with pytest.raises(Problem, match=said):
        supervision.change(up)
    with pytest.raises(Problem, match="The cluster was stopped while it was starting"):
        supervision.failing(tmp_path)
    assert supervision.stop(tmp_path) is False, "and it is stopped all the same"


def test_a_state_that_leads_nowhere_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert stop.main(["--state", "~nobody-of-this-name/state"]) == 1
    assert capsys.readouterr().err.startswith("--state cannot be '~nobody-of-this-name/state': ")


@pytest.mark.parametrize("error", [UnicodeEncodeError("ascii", "…", 0, 1, "not in it"), OSError("full")])
def test_a_sentence_that_cannot_be_said_stops_no_stopping(
    error: Exception, worker: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Supervisord(FakeSupervisord):
        def shutdown(self) -> None:
            asked.append("to end")

    def say(sentence: str) -> None:
        asked.append(sentence)
        worker.kill()
        worker.wait()
        raise error

    monkeypatch.setattr(supervision, "TELL_AFTER_S", 0.01)
    monkeypatch.setattr(supervision, "_rpc", lambda state: Supervisord(worker.pid, "RUNNING"))
    supervision.stop(tmp_path, say)
    assert asked == ["Waiting for the workers to finish the tasks they have, for 15 s at the longest …", "to end"]
