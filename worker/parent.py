"""The parent process: keeps a child alive for each name, and knows how one died.

It imports no codec and computes nothing, so that it stays small and outlives whatever a filter does to a child.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import psutil

from moviola.base import processes
from moviola.base.backoff import Backoff
from moviola.base.processes import DRAIN_LIMIT_S
from moviola.wire.messages import Death

from .child_settings import ParentSettings
from .death import OutOfMemoryCounter, describe
from .events import EXIT_DRAINED
from .plugins import Plugins
from .shared_status import Note, Stage

CHILD_ENVIRONMENT: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What a child's libraries read before any of our code runs; a user's own values win.

glibc maps each large block anew and gives it back when it is freed, and the compute thread's own arena does so even
below the threshold. Keeping the memory, in one arena (of two threads only one allocates much), takes what converts
every 720p frame and encodes it with mpeg4 from 1 743 page faults a frame to 0, and from 1.11 s of system time in 2.9 s
of CPU to 0.04 s; with libx264 from 181 faults to 11, 0.20 s to 0.09 s of 3.8 s. Chains that recycle their frames have
less to gain: motion 350 faults to 54 (0.19 s to 0.06 s of 3.8 s), edges 219 to 177, blur 30 to 25. 32 MiB is the
largest threshold that glibc takes. OpenBLAS would start a thread a core in each child."""

RESTART_FIRST_S: Final = 0.5
MAX_RESTART_S: Final = 30.0
"""A dead child is started again at once. One that dies again and again before its loop turns waits so long, doubling:
something is wrong with the installation, and trying harder only burns the machine."""

CHECK_S: Final = 5.0
HUNG_CHECKS: Final = 12
"""Every so often each child's sign of life is looked at (it turns its loop at least as often). Without one in so many
checks (a minute) the whole process hangs, and not only its computation. Checks are counted, not seconds: if this
process was stopped as well, nobody is blamed."""

KILL_AFTER_S: Final = DRAIN_LIMIT_S + 3.0
"""A child that has not ended so long after it was asked to is killed."""

CALL_BACK: Final = signal.SIGUSR1
"""The signal on which this process starts the workers again that the cluster has drained."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Slot:
    """One name and the process that has it now."""

    name: str
    note: Note
    process: subprocess.Popen[bytes] | None = None
    restart: Backoff = field(default_factory=lambda: Backoff(RESTART_FIRST_S, MAX_RESTART_S, due_at=0.0))
    is_given_up: bool = False
    is_away: bool = False  # the cluster has drained it, and nobody has called it back
    is_called_back: bool = False  # … somebody has, before it had ended
    early_deaths: int = 0  # in a row
    death: Death | None = None
    turns: int = 0
    quiet_checks: int = 0
    was_hung: bool = False
    plugins: int = 0  # which of the files of filters its process has loaded
    renewed_by: float | None = None  # set once it was asked to end for newer ones

    @property
    def waits(self) -> bool:
        """Whether a process is to be started for it, now or later."""
        return self.process is None and not self.is_given_up and not self.is_away


class Parent:
    """Runs in the main thread, until drained. Raises OSError where there is no room for what children share with it."""

    def __init__(self, settings: ParentSettings) -> None:
        self._settings = settings
        self._slots = [Slot(name, Note.create()) for name in settings.names]
        self._signals: list[int] = []
        self._memory = OutOfMemoryCounter()
        self._kill_at: float | None = None  # set once it drains
        self._check_at = time.monotonic() + CHECK_S
        self._plugins = Plugins(settings.plugins, settings.wanted, time.monotonic())

    def run(self) -> int:
        """Returns the exit status: 0 after a drain; 128 + the signal's number when a second one came."""
        with _signals_waking(self._signals) as wakes:
            try:
                while True:
                    self._start_due()
                    if all(slot.process is None and slot.is_given_up for slot in self._slots):
                        return 0
                    _wait(wakes, self._next_deadline())
                    second = self._take_signals()
                    if second is not None:
                        return 128 + second
                    self._reap()
                    self._check()
            finally:
                self._end_all()

    # ── starting and ending ──────────────────────────────────────────────────────────────────────────────────────

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.waits and slot.restart.take(now):
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        slot.note.clear()
        slot.turns = slot.quiet_checks = 0
        slot.was_hung = slot.is_called_back = False
        slot.plugins, slot.renewed_by = self._plugins.number, None
        try:
            told = self._settings.child(slot.name, slot.note.fd, slot.death, self._plugins.fd, self._plugins.build)
            slot.process = process = self._start_child(slot.note.fd)
        except OSError as error:  # just now there is no memory for it, or there are too many processes or open files
            text = "%s cannot be started (%s); trying again in %g s"
            log.warning(text, slot.name, error.strerror or error, _put_off(slot))
            return
        assert process.stdin is not None
        try:
            os.write(process.stdin.fileno(), told.to_line())  # far less than a pipe holds
        except BrokenPipeError:
            pass  # dead already: its status will tell
        log.debug("started %s (process %d)", slot.name, process.pid)

    def _start_child(self, note_fd: int) -> subprocess.Popen[bytes]:
        """Start a child, which waits to be told its settings. Raises OSError."""
        # A Ctrl-C reaches the whole terminal; children inherit that it is blocked, and are told by this process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return processes.start(
                processes.program("worker.child"),
                {**CHILD_ENVIRONMENT, **os.environ},
                stdin=subprocess.PIPE,
                pass_fds=[fd for fd in (note_fd, self._plugins.fd) if fd >= 0],
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.process is not None and slot.process.poll() is not None:
                self._died(slot, slot.process)

    def _died(self, slot: Slot, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        slot.process = None
        status = process.returncode
        if self._kill_at is not None:
            slot.is_given_up = True
            log.debug("%s ended with status %d", slot.name, status)
            return
        was_oom = status == -signal.SIGKILL and self._memory.explains_a_death()
        death = describe(slot.name, status, slot.note.lease, was_oom=was_oom, was_hung=slot.was_hung)
        self._remember(slot, None if status == EXIT_DRAINED else death)
        if slot.note.is_dismissed and not slot.is_called_back:
            slot.is_away = True
            hint = f"{CALL_BACK.name} to process {os.getpid()}, or a new start of this program, brings it back"
            log.info("%s was drained by the cluster, and stays away: %s", slot.name, hint)
            return
        slot.early_deaths = slot.early_deaths + 1 if slot.note.stage is Stage.STARTING else 0
        log.warning("%s (process %d); starting it again %s", death.text, process.pid, self._plan_restart(slot))

    @staticmethod
    def _plan_restart(slot: Slot) -> str:
        """Decide when a dead child is started again, and return that for the log."""
        if slot.early_deaths < 2:
            slot.restart.at_once(time.monotonic())
            return "at once"
        return f"in {_put_off(slot):g} s, as it keeps dying at its start"

    @staticmethod
    def _remember(slot: Slot, death: Death | None) -> None:
        """Keep a death, to be told in the next Hello. It does not replace an earlier one that names a lease and that
        nobody was told of yet, unless it names a lease as well."""
        was_told = slot.note.stage is Stage.WELCOMED
        if not was_told and slot.death is not None and slot.death.lease and not (death and death.lease):
            return
        slot.death = death

    def _drain(self, number: int) -> None:
        log.info("%s: the workers finish what they have, and end", signal.Signals(number).name)
        self._kill_at = time.monotonic() + KILL_AFTER_S
        for slot in self._slots:
            if slot.process is None:
                slot.is_given_up = True
            else:
                slot.process.send_signal(signal.SIGTERM)

    def _call_back(self) -> None:
        """Start the workers again that the cluster has drained; those that still drain, once they have ended."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is not None and slot.note.is_dismissed:
                slot.is_called_back = True
                log.info("%s is called back once it has ended", slot.name)
            if slot.is_away and not slot.is_given_up:
                slot.is_away = False
                slot.restart.at_once(now)
                log.info("%s is called back", slot.name)

    def _end_all(self) -> None:
        for slot in self._slots:
            if slot.process is not None:
                processes.end(slot.process)
            slot.note.close()
        self._plugins.close()

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_signals(self) -> int | None:
        """Act on the signals that have come: CALL_BACK calls drained workers back, the first other one drains all. The
        number of a second one, which ends everything at once, is returned; else None."""
        while self._signals:
            number = self._signals.pop(0)
            if number == CALL_BACK:
                self._call_back()
                continue
            if self._kill_at is not None:
                log.warning("%s again: ending at once", signal.Signals(number).name)
                return number
            self._drain(number)
        return None

    def _next_deadline(self) -> float:
        times = [slot.restart.due_at for slot in self._slots if slot.waits and slot.restart.due_at is not None]
        times.append(self._check_at if self._kill_at is None else self._kill_at)
        if self._kill_at is None and self._plugins.look_at is not None:
            times.append(self._plugins.look_at)
        return min(times)

    def _check(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                log.warning("%d workers did not end in time: killed", sum(bool(one.process) for one in self._slots))
                self._end_children()
                self._kill_at = now + CHECK_S
            return
        if filters := self._plugins.check(now):
            self._settings = replace(self._settings, filters=filters)
        self._renew(now)
        if now >= self._check_at:
            self._check_at = now + CHECK_S
            for slot in self._slots:
                if slot.process is not None and slot.note.stage is not Stage.STARTING:
                    check_life(slot, slot.process)

    def _renew(self, now: float) -> None:
        """Ask the next child that has older files of filters to end, once all others are at work."""
        for slot in self._slots:
            if slot.is_away:
                continue
            if slot.process is None or slot.note.stage is Stage.STARTING:
                return
            if slot.renewed_by is not None:
                if now >= slot.renewed_by:
                    log.warning("%s did not end in time: killed", slot.name)
                    slot.process.kill()
                    slot.renewed_by = now + CHECK_S
                return
        for slot in self._slots:
            if slot.plugins != self._plugins.number and slot.process is not None:
                slot.renewed_by = now + KILL_AFTER_S
                slot.process.send_signal(signal.SIGTERM)
                return

    def _end_children(self) -> None:
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()


def _put_off(slot: Slot) -> float:
    """Have the next start wait, each time longer, and return how many seconds."""
    now = time.monotonic()
    slot.restart.failed(now)
    assert slot.restart.due_at is not None
    return slot.restart.due_at - now


def check_life(slot: Slot, process: subprocess.Popen[bytes]) -> None:
    """Ends a child that has shown no sign of life for HUNG_CHECKS calls of this, and is not merely paused."""
    turns = slot.note.turns
    if turns != slot.turns or _is_stopped(process.pid):
        slot.turns, slot.quiet_checks = turns, 0
        return
    slot.quiet_checks += 1
    if slot.quiet_checks >= HUNG_CHECKS:
        slot.was_hung = True
        process.kill()


def _is_stopped(process_id: int) -> bool:
    """Return True if somebody has paused a process, by a signal or in a debugger, and may let it go on."""
    try:
        return psutil.Process(process_id).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except (psutil.Error, OSError):  # gone, or not to be read just now: one look does not decide
        return False


@contextmanager
def _signals_waking(received: list[int]) -> Iterator[socket.socket]:
    """Puts SIGTERM, SIGINT and CALL_BACK into `received`. These and a child's end make the socket readable."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    handlers = {
        signal.SIGTERM: lambda number, _frame: received.append(number),
        signal.SIGINT: lambda number, _frame: received.append(number),
        CALL_BACK: lambda number, _frame: received.append(number),
        signal.SIGCHLD: lambda _number, _frame: None,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    old_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(old_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


def _wait(wakes: socket.socket, deadline: float) -> None:
    select.select([wakes], [], [], max(0.0, deadline - time.monotonic()))
    try:
        while wakes.recv(4096):
            pass
    except BlockingIOError:
        pass
