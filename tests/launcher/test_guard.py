"""What keeps a process's own cluster: programs that are no more than a few lines of Python."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from moviola.base import processes
from moviola.launcher.guard import RESTART_FIRST_S, Guard, Plan
from tests.processes import is_alive
from tests.waiting import until

STAY = "import os, signal; open(f'{os.getpid()}.pid', 'w').close(); signal.pause()"
STUBBORN = f"import signal; signal.signal(2, signal.SIG_IGN); signal.signal(15, signal.SIG_IGN); {STAY}"


class Running:
    """A guard with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._known: set[int] = set()
        command = [sys.executable, "-m", "moviola.launcher.guard"]
        self.process = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def keep(self, **programs: str) -> None:
        commands = {name: [sys.executable, "-c", code] for name, code in programs.items()}
        self.tell(Plan(commands, dict(os.environ), str(self.folder), [str(self.temporary)]).to_line())

    def tell(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def begun(self, count: int) -> list[psutil.Process]:
        """Wait until so many programs have begun in all, and return those that have not been returned before."""
        until(lambda: len(list(self.folder.glob("*.pid"))) >= count, f"{count} programs have begun")
        new = {int(path.stem) for path in self.folder.glob("*.pid")} - self._known
        self._known |= new
        return [psutil.Process(process_id) for process_id in new]


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    made.leave()
    assert made.process.wait(60) is not None
    assert made.process.stdout is not None
    made.process.stdout.close()


def test_all_ends_with_the_lifeline(guard: Running) -> None:
    guard.keep(one=STAY, two=STAY)
    programs = guard.begun(2)
    guard.tell(b"up\n")
    guard.leave()
    assert guard.process.wait(60) == 0
    assert not any(map(is_alive, programs))
    assert not guard.temporary.exists()


def test_what_does_not_end_is_killed(guard: Running) -> None:
    guard.keep(one=STUBBORN)
    programs = guard.begun(1)
    guard.leave()
    assert guard.process.wait(60) == 0
    assert not any(map(is_alive, programs))


def test_a_program_that_does_not_stay_up_is_said_with_its_last_words(guard: Running) -> None:
    guard.keep(one=STAY, two="print('hello'); raise SystemExit('the port is taken')")
    assert guard.process.wait(60) == 1
    assert guard.process.stdout is not None
    assert guard.process.stdout.read().decode() == "The two does not stay up: the port is taken\n"
    assert not guard.temporary.exists()


def test_a_program_that_cannot_be_started_is_said(guard: Running) -> None:
    guard.tell(Plan({"one": [str(guard.folder / "none")]}, dict(os.environ), str(guard.folder)).to_line())
    assert guard.process.wait(60) == 1
    assert guard.process.stdout is not None
    assert guard.process.stdout.read().decode() == "The one cannot be started: No such file or directory\n"


def test_a_program_that_cannot_be_started_again_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    ours, theirs = socket.socketpair()
    with ours, theirs:
        guard = Guard(ours.fileno(), ours)
        guard._take(Plan({"one": [sys.executable]}, {}, str(tmp_path)))
        guard._is_up = True
        monkeypatch.setattr(processes, "start", refused)
        before = time.monotonic()
        assert guard._start_due() == guard._reap() == ""
        due_at = guard._kept["one"].restart.due_at
        assert due_at is not None
        assert due_at >= before + RESTART_FIRST_S


def test_what_ends_later_is_started_again(guard: Running) -> None:
    guard.keep(one=STAY)
    (first,) = guard.begun(1)
    guard.tell(b"up\n")
    until(lambda: guard.process.poll() is None, "it is there")
    first.kill()
    (second,) = guard.begun(2)
    assert is_alive(second)
    assert guard.process.poll() is None


def test_a_further_plan_replaces_a_program_and_leaves_the_others(guard: Running) -> None:
    guard.keep(one=STAY, two=STAY)
    before = guard.begun(2)
    guard.tell(b"up\n")
    guard.keep(two=STAY)
    (new,) = guard.begun(3)
    assert is_alive(new)
    assert sum(map(is_alive, before)) == 1
