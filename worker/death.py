"""Describes how a child process died, so that the middleware can tell whose fault it was."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from moviola.base import processes
from moviola.base.vocabulary import CauseKind
from moviola.wire.messages import Death
from moviola.wire.schema import Lease

from .events import EXIT_BUG, EXIT_DRAINED, EXIT_MEMORY, EXIT_ORPHANED, EXIT_STUCK

CRASHES: Final = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"})
"""Signals a process brings upon itself. Others come from outside and say nothing about the task."""

OWN_EXITS: Final = {
    EXIT_DRAINED: "was asked to end",
    EXIT_STUCK: "ended because a computation could not be stopped",
    EXIT_ORPHANED: "ended because it took its parent for gone",
    EXIT_BUG: "ended by a bug of its own (see the log)",
}


def describe(name: str, status: int, lease: Lease | None, *, was_oom: bool, was_hung: bool = False) -> Death:
    """Return what a Hello tells of a process that ended.

    Its `kind` is `crash` (by its own signal or an exit in the midst of a task), `memory` (the kernel's out-of-memory
    killer, or its own limit), `stall` (the parent ended a process that hung as a whole) or `killed` (from outside).

    Args:
        status: as subprocess gives it: negative is a signal.
        was_oom: the kernel has killed for memory since this was last asked.
        was_hung: the parent killed it because it did not answer any more.
    """
    at = f" while computing lease {lease}" if lease is not None else ""
    if status < 0:
        signal_name = processes.signal_name(-status)
        kind, how = CauseKind.KILLED, f"was killed by {signal_name}"
        if signal_name in CRASHES:
            kind, how = CauseKind.CRASH, f"crashed with {signal_name}"
        elif signal_name == "SIGKILL" and was_hung:
            kind, how = CauseKind.STALL, "hung and was ended by its parent"
        elif signal_name == "SIGKILL" and was_oom:
            kind, how = CauseKind.MEMORY, "was killed because the memory ran out"
        return Death(lease, signal_name, None, kind, f"process {name} {how}{at}")
    if status == EXIT_MEMORY:
        return Death(lease, "", status, CauseKind.MEMORY, f"process {name} ran out of memory{at}")
    if status in OWN_EXITS:
        return Death(lease, "", status, CauseKind.KILLED, f"process {name} {OWN_EXITS[status]}{at}")
    kind = CauseKind.CRASH if lease is not None else CauseKind.KILLED
    return Death(lease, "", status, kind, f"process {name} ended with exit status {status}{at}")


class OutOfMemoryCounter:
    """Counts how often the kernel has killed a process for memory in this process's control group, or else on this
    machine; each kill explains one death."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._file = _counter_file(root)
        self._explained = self._read()

    def explains_a_death(self) -> bool:
        """Return True, once for each event, when the kernel killed a process for memory since the last call."""
        if self._read() <= self._explained:
            return False
        self._explained += 1
        return True

    def _read(self) -> int:
        """Return the kernel's count of such kills; 0 where the system has none (not Linux)."""
        try:
            lines = self._file.read_text().splitlines() if self._file else []
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _counter_file(root: Path) -> Path | None:
    """Return the file with our own control group's counter (version 2 or 1), so that no neighbour's kill is taken for
    ours; else the file with the machine's; None if there is neither."""
    groups = root / "sys/fs/cgroup"
    candidates = []
    for number, controllers, path in _groups(root / "proc/self/cgroup"):
        inside = path.lstrip("/")
        if number == "0":
            candidates += [groups / inside / "memory.events", groups / "memory.events"]
        elif "memory" in controllers.split(","):
            candidates += [groups / "memory" / inside / "memory.oom_control", groups / "memory/memory.oom_control"]
    candidates.append(root / "proc/vmstat")
    return next((file for file in candidates if _counts(file)), None)


def _groups(file: Path) -> list[list[str]]:
    try:
        return [line.split(":", 2) for line in file.read_text().splitlines() if line.count(":") >= 2]
    except OSError:
        return []


def _counts(file: Path) -> bool:
    try:
        return any(line.startswith("oom_kill ") for line in file.read_text().splitlines())
    except OSError:
        return False
