"""Real processes: a parent, its children, and what becomes of them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from moviola.wire.messages import Beat, Death, Drain, Hello, Released
from tests.processes import is_alive
from tests.waiting import PATIENCE_S, until
from tests.worker.workers import Workers
from worker.parent import CALL_BACK, HUNG_CHECKS, Slot, check_life
from worker.shared_status import Note

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start() -> Iterator[Callable[..., Workers]]:
    started: list[Workers] = []

    def begin(*names: str) -> Workers:
        started.append(Workers(*names))
        return started[-1]

    yield begin
    for one in started:
        one.close()


def test_a_killed_child_is_replaced_and_its_death_told_with_the_lease(
    start: Callable[..., Workers], tmp_path: Path
) -> None:
    workers = start("w-1", "w-2")
    cluster = workers.cluster
    first = workers.details("w-1")[0]
    assert first.death is None
    assert {schema["name"] for schema in first.filters} == {"blur", "edges"}
    assert first.kinds == ["fake"]
    lease = cluster.task("w-1", f"wait {tmp_path / 'never'}".encode())
    cluster.until(lambda: cluster.middleware.heard_beats(lease))
    os.kill(first.process_id, signal.SIGKILL)
    workers.joined("w-1", 2)
    second = workers.details("w-1")[1]
    assert second.process_id != first.process_id
    assert second.death is not None
    assert second.death.lease == lease
    assert (second.death.signal, second.death.kind) == ("SIGKILL", "killed")
    assert len(workers.details("w-2")) == 1


@pytest.mark.parametrize(
    ("chunk", "told"), [(b"abort", ("SIGABRT", None)), (b"exit 3", ("", 3))], ids=["abort", "exit"]
)
def test_a_task_that_crashes_its_process_is_named(
    start: Callable[..., Workers], chunk: bytes, told: tuple[str, int | None]
) -> None:
    workers = start("w-1")
    for attempt in (1, 2):
        lease = workers.cluster.task("w-1", chunk)
        workers.joined("w-1", 1 + attempt)
        death = workers.details("w-1")[-1].death
        assert death is not None
        assert death == Death(lease, *told, "crash", death.text)


def test_a_drain_lets_the_running_task_be_delivered(start: Callable[..., Workers], tmp_path: Path) -> None:
    workers = start("w-1")
    cluster = workers.cluster
    running = cluster.task("w-1", f"wait {tmp_path / 'go'}".encode())
    waiting = cluster.task("w-1", b"echo")
    cluster.until(lambda: cluster.middleware.heard_beats(running))
    workers.parent.send_signal(signal.SIGTERM)
    cluster.until(lambda: cluster.middleware.all(Released))
    (tmp_path / "go").touch()
    cluster.until(cluster.results)
    cluster.verdict(running)
    assert workers.ended() == 0
    cluster.until(lambda: cluster.middleware.lost == ["w-1"])
    assert {one.lease: one.outcome for one in cluster.middleware.all(Released)} == {
        waiting: "drained",
        running: "stored",
    }


def test_a_child_that_the_cluster_drains_stays_away_until_it_is_called_back(
    start: Callable[..., Workers], tmp_path: Path
) -> None:
    """One ends in good order, the other one dies of its task."""
    workers = start("w-1", "w-2")
    cluster, heard = workers.cluster, workers.cluster.middleware
    running, deadly = (cluster.task(name, f"wait {tmp_path / name}".encode()) for name in ("w-1", "w-2"))
    waiting = cluster.task("w-1", b"echo")
    cluster.until(lambda: heard.heard_beats(running) and heard.heard_beats(deadly))
    for name in ("w-1", "w-2"):
        cluster.tell(name, Drain())
    cluster.until(lambda: sum(beat.draining for beat in heard.all(Beat)) >= 2 and heard.all(Released))
    os.kill(workers.details("w-2")[0].process_id, signal.SIGKILL)
    workers.logged("w-2 was drained by the cluster, and stays away")
    (tmp_path / "w-1").touch()
    cluster.until(cluster.results)
    cluster.verdict(running)
    workers.logged("w-1 was drained by the cluster, and stays away")
    outcomes = {one.lease: one.outcome for one in heard.all(Released)}
    assert outcomes == {waiting: "drained", running: "stored"}
    workers.parent.send_signal(CALL_BACK)
    workers.joined("w-1", 2)
    workers.joined("w-2", 2)
    death = workers.details("w-2")[1].death
    assert death is not None
    assert (death.lease, workers.details("w-1")[1].death) == (deadly, None)


def test_a_child_that_is_called_back_while_it_is_drained_is_replaced_once_it_has_ended(
    start: Callable[..., Workers], tmp_path: Path
) -> None:
    workers = start("w-1")
    cluster = workers.cluster
    running = cluster.task("w-1", f"wait {tmp_path / 'go'}".encode())
    cluster.until(lambda: cluster.middleware.heard_beats(running))
    cluster.tell("w-1", Drain())
    cluster.until(lambda: cluster.middleware.all(Beat)[-1].draining)
    workers.parent.send_signal(CALL_BACK)
    workers.logged("w-1 is called back once it has ended")
    (tmp_path / "go").touch()
    cluster.until(cluster.results)
    cluster.verdict(running)
    workers.joined("w-1", 2)


def test_a_second_signal_ends_at_once_and_leaves_no_process(start: Callable[..., Workers], tmp_path: Path) -> None:
    workers = start("w-1", "w-2")
    cluster = workers.cluster
    lease = cluster.task("w-1", f"hang {tmp_path / 'never'}".encode())
    cluster.until(lambda: cluster.middleware.heard_beats(lease))
    children = [psutil.Process(pid) for pid in workers.pids()]
    workers.parent.send_signal(signal.SIGINT)
    cluster.until(lambda: "w-2" in cluster.middleware.lost)
    assert workers.parent.poll() is None
    workers.parent.send_signal(signal.SIGINT)
    assert workers.ended() == 128 + signal.SIGINT
    assert not any(map(is_alive, children))


def test_children_end_when_their_parent_was_killed(start: Callable[..., Workers]) -> None:
    workers = start("w-1", "w-2")
    processes = [psutil.Process(pid) for pid in workers.pids()]
    assert len(processes) == 2
    workers.parent.kill()
    workers.parent.wait(PATIENCE_S)
    workers.cluster.until(lambda: not any(is_alive(one) for one in processes))


def test_a_child_asked_to_end_is_replaced_and_no_death_is_told(start: Callable[..., Workers]) -> None:
    workers = start("w-1")
    os.kill(workers.details("w-1")[0].process_id, signal.SIGTERM)
    workers.joined("w-1", 2)
    assert workers.details("w-1")[1].death is None


@pytest.mark.parametrize("code", ["superseded", "name-taken"])
def test_no_refusal_ends_a_child(start: Callable[..., Workers], code: str) -> None:
    workers = start("w-1")
    middleware = workers.cluster.middleware
    middleware.loop.close(middleware.connections["w-1"], code, "another worker has this name")
    workers.joined("w-1", 2)
    first, second = workers.details("w-1")
    assert first.process_id == second.process_id
    workers.parent.terminate()
    assert workers.ended() == 0
    assert "another worker has this name" in workers.log()


def test_all_children_of_a_parent_show_its_token_and_another_parent_has_another(start: Callable[..., Workers]) -> None:
    here, there = start("w-1", "w-2"), start("w-3")
    ours = {one.token for one in here.cluster.middleware.all(Hello)}
    theirs = {one.token for one in there.cluster.middleware.all(Hello)}
    assert len(ours) == len(theirs) == 1
    assert ours != theirs


def test_a_child_that_dies_at_its_start_again_and_again_is_tried_ever_more_slowly() -> None:
    command = [sys.executable, "-c", _BROKEN]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stderr is not None
        told = []
        for line in parent.stderr:
            if "starting it again" in line:
                told.append(line.rpartition("again ")[2].strip())
            if len(told) == 3:
                break
        parent.send_signal(signal.SIGTERM)
        parent.stderr.read()
        assert parent.wait(PATIENCE_S) == 0
    keeps_dying = "as it keeps dying at its start"
    assert told == ["at once", f"in 0.5 s, {keeps_dying}", f"in 1 s, {keeps_dying}"]


def test_a_child_that_cannot_be_started_is_tried_again_while_the_others_go_on() -> None:
    with subprocess.Popen([sys.executable, "-c", _REFUSED], cwd=ROOT, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stderr is not None
        begun: list[str] = []
        told: list[str] = []
        for line in parent.stderr:
            (begun if "started w-" in line else told).append(line.strip())
            if len(begun) == 2:
                break
        count = len(psutil.Process(parent.pid).children())
        parent.send_signal(signal.SIGTERM)
        parent.stderr.read()
        assert parent.wait(PATIENCE_S) == 0
    assert count == 2, "the first one is still there"
    assert [line.partition("w-2")[2] for line in told] == [
        f" cannot be started (Resource temporarily unavailable); trying again in {delay} s" for delay in ("0.5", "1")
    ]


def test_a_process_that_cannot_be_looked_at_is_not_taken_for_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = Slot("w-1", Note.create())

    def unreadable(process_id: int) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), f"/proc/{process_id}/stat")

    monkeypatch.setattr(psutil, "Process", unreadable)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        check_life(slot, process)
    assert slot.quiet_checks == 1
    slot.note.close()


def test_a_process_that_shows_no_sign_of_life_is_ended_unless_somebody_paused_it() -> None:
    slot = Slot("w-1", Note.create())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        for _ in range(HUNG_CHECKS - 1):
            check_life(slot, process)
        slot.note.turned()  # at the last moment
        for _ in range(HUNG_CHECKS):
            check_life(slot, process)
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, "the process is stopped")
        for _ in range(HUNG_CHECKS):
            check_life(slot, process)
        assert not slot.was_hung
        process.send_signal(signal.SIGCONT)
        until(lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED, "the process is on its way again")
        for _ in range(HUNG_CHECKS):
            check_life(slot, process)
        assert slot.was_hung
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    slot.note.close()


_BROKEN = """
import sys
from moviola.wire.addresses import Address
from moviola.wire.options import set_up_log
from worker.shared_status import Note
from worker.parent import Parent
from worker.child_settings import ParentSettings
set_up_log("info")
kinds = {"fake": "worker.no_such_module.process"}
settings = ParentSettings(Address("127.0.0.1", 1), ("w-1",), ("blur",), kinds=kinds)
sys.exit(Parent(settings).run())
"""

_REFUSED = """
import errno, os, sys
from moviola.base import processes
from moviola.wire.addresses import Address
from moviola.wire.options import set_up_log
from worker.parent import Parent
from worker.child_settings import ParentSettings

def start(*arguments, **options):
    if next(refused):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return begin(*arguments, **options)

refused = iter([False, True, True, False])
begin, processes.start = processes.start, start
processes.program = lambda module: (sys.executable, "-c", "import sys; sys.stdin.read()")
set_up_log("debug")
settings = ParentSettings(Address("127.0.0.1", 1), ("w-1", "w-2"), ("blur",))
sys.exit(Parent(settings).run())
"""
