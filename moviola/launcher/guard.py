"""`python -m moviola.launcher.guard`: keeps the programs of a cluster that belongs to one process, and ends with it.

Its standard input is the lifeline. The first line is a Plan; a line "up" says that all of its programs were seen at
work; a further Plan replaces programs. When the input ends, which it does however its owner ends, all programs are
stopped, and the temporary folders are removed. A program that ends before "up" is a failed start: the guard prints a
line about it to standard output, and ends. A program that ends after "up" is started again.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

from moviola.base import processes
from moviola.base.backoff import Backoff

STOP_S: Final = 5.0
"""How long programs may take to end before they are killed: long enough to close ledgers. Running tasks are not waited
for."""

RESTART_FIRST_S: Final = 0.5
RESTART_LONGEST_S: Final = 10.0
"""The longest delay before a program that has ended is started again. The delay begins at RESTART_FIRST_S and
doubles."""

OWNER_CHECK_S: Final = 1.0
"""How often the guard checks whether its owner is still there. The lifeline alone does not tell, if a process that the
owner forked holds it as well."""

MAX_LAST_WORDS: Final = 2000
"""Bytes at the end of a log that are looked at for what a program said last."""

PR_SET_PDEATHSIG: Final = 1
"""Of Linux's prctl(2)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to keep at work.

    Attributes:
        programs: command lines by name, in the order in which they are started.
        environment: of the programs.
        folder: where they run, and where their logs go.
        temporary: folders that are removed at the end.
    """

    programs: Mapping[str, Sequence[str]]
    environment: Mapping[str, str]
    folder: str
    temporary: Sequence[str] = ()

    def to_line(self) -> bytes:
        """Return the plan as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Return the plan that `to_line` wrote."""
        return cls(**json.loads(line))


@dataclass(slots=True, eq=False)
class _Kept:
    """A program, and the process that it has now."""

    process: subprocess.Popen[bytes] | None = None
    restart: Backoff = field(default_factory=lambda: Backoff(RESTART_FIRST_S, RESTART_LONGEST_S, due_at=0.0))


class Guard:
    """Keeps the programs at work. It runs in the main thread until its owner is gone.

    Args:
        lifeline: the descriptor that reaches its end when the owner ends.
        wakes: a socket that becomes readable when a child ends.
    """

    def __init__(self, lifeline: int, wakes: socket.socket) -> None:
        self._lifeline, self._wakes = lifeline, wakes
        self._owner = os.getppid()
        self._plan = Plan({}, {}, ".")
        self._kept: dict[str, _Kept] = {}
        self._is_up = False
        self._unread = b""
        self.is_told_to_end = False

    def run(self) -> int:
        """Keep the programs at work until the owner is gone, then stop them and remove the temporary folders. Return
        the exit status: 1 if a program could not be started."""
        try:
            while not self.is_told_to_end and os.getppid() == self._owner and self._hear():
                failed = self._start_due() or self._reap()
                if failed:
                    print(failed, flush=True)
                    return 1
            return 0
        finally:
            self._stop(self._kept)
            for folder in self._plan.temporary:
                shutil.rmtree(folder, ignore_errors=True)

    def _hear(self) -> bool:
        """Wait for what happens next. Return False when the lifeline has ended."""
        now = time.monotonic()
        due = [one.restart.due_at for one in self._kept.values() if one.process is None and one.restart.due_at]
        timeout = max(0.0, min([now + OWNER_CHECK_S, *due]) - now)
        ready = select.select([self._lifeline, self._wakes.fileno()], [], [], timeout)[0]
        if self._wakes.fileno() in ready:
            self._wakes.recv(4096)
        if self._lifeline not in ready:
            return True
        part = os.read(self._lifeline, 65536)
        *lines, self._unread = (self._unread + part).split(b"\n")
        for line in lines:
            if line == b"up":
                self._is_up = True
            else:
                self._take(Plan.from_line(line))
        return bool(part)

    def _take(self, plan: Plan) -> None:
        """Take over a plan: stop the programs whose names are in it, and have its programs started in their place."""
        self._stop({name: one for name, one in self._kept.items() if name in plan.programs})
        self._plan = Plan({**self._plan.programs, **plan.programs}, plan.environment, plan.folder, plan.temporary)
        self._kept |= {name: _Kept() for name in plan.programs}
        self._is_up = False

    def _start_due(self) -> str:
        """Start the programs that are due. One that cannot be started is tried again later; before "up", a sentence
        that says so is returned."""
        now = time.monotonic()
        for name, one in self._kept.items():
            if one.process is not None or not one.restart.take(now):
                continue
            try:
                one.process = self._start(name)
            except OSError as error:
                if not self._is_up:
                    return f"The {name} cannot be started: {error.strerror or error}"
                one.restart.failed(now)
        return ""

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a program. Raises OSError."""
        with self._log(name).open("ab") as log:
            return processes.start(
                self._plan.programs[name],
                self._plan.environment,
                cwd=self._plan.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_dying_with_parent(),
            )

    def _reap(self) -> str:
        """Set when programs that have ended are started again. If one has ended before "up", return a sentence that
        says so."""
        for name, one in self._kept.items():
            if one.process is None or one.process.poll() is None:
                continue
            if not self._is_up:
                return f"The {name} does not stay up: {self._last_words(name, one.process.returncode)}"
            one.process = None
            one.restart.failed(time.monotonic())
        return ""

    def _last_words(self, name: str, status: int) -> str:
        text = self._log(name).read_bytes()[-MAX_LAST_WORDS:].decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else f"it ended with {processes.how_it_ended(status)} and said nothing."

    def _log(self, name: str) -> Path:
        return Path(self._plan.folder, f"{name}.log")

    def _stop(self, kept: Mapping[str, _Kept]) -> None:
        """End programs without waiting for their tasks, whose results nobody wants: a worker's parent ends its children
        at once when it gets a second signal."""
        running = [one.process for one in kept.values() if one.process is not None]
        for process in running:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                processes.end(process)


def _dying_with_parent() -> Callable[[], None] | None:
    """Return a function for a child to call before its program runs, so that the child gets SIGTERM if the guard itself
    is killed. None on other systems than Linux, which cannot do that."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> int:
    """Keep the programs of the plans on standard input at work; return the exit status."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    guard = Guard(sys.stdin.fileno(), reader)

    def end(_number: int, _frame: object) -> None:
        guard.is_told_to_end = True

    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that goes takes the owner along, and so the lifeline
    return guard.run()


if __name__ == "__main__":
    sys.exit(main())
