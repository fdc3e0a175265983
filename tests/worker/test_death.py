"""How a death is told, and whether the memory was to blame."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from moviola.wire.schema import Lease
from worker.death import OutOfMemoryCounter, describe
from worker.events import EXIT_BUG, EXIT_DRAINED, EXIT_STUCK

LEASE = Lease(3, 17)


@pytest.mark.parametrize(
    ("status", "lease", "kind", "how"),
    [
        (-signal.SIGSEGV, LEASE, "crash", ("SIGSEGV", None)),
        (-signal.SIGABRT, LEASE, "crash", ("SIGABRT", None)),
        (-signal.SIGKILL, LEASE, "killed", ("SIGKILL", None)),
        (-signal.SIGTERM, None, "killed", ("SIGTERM", None)),
        (3, LEASE, "crash", ("", 3)),
        (3, None, "killed", ("", 3)),
        (EXIT_BUG, LEASE, "killed", ("", EXIT_BUG)),
        (EXIT_STUCK, LEASE, "killed", ("", EXIT_STUCK)),
        (EXIT_DRAINED, None, "killed", ("", EXIT_DRAINED)),
        (-40, None, "killed", ("signal 40", None)),
    ],
)
def test_only_what_a_task_brings_about_is_a_crash(
    status: int, lease: Lease | None, kind: str, how: tuple[str, int | None]
) -> None:
    told = describe("host-1", status, lease, was_oom=False)
    assert told.kind == kind
    assert (told.signal, told.exit) == how
    assert told.lease == lease
    assert ("while computing lease 3.17" in told.text) == (lease is not None)


def test_a_kill_for_memory_and_one_of_a_hung_process_are_told_apart() -> None:
    assert describe("w", -signal.SIGKILL, LEASE, was_oom=True).kind == "memory"
    assert describe("w", -signal.SIGKILL, LEASE, was_oom=True, was_hung=True).kind == "stall"
    assert describe("w", -signal.SIGSEGV, LEASE, was_oom=True).kind == "crash"


@pytest.mark.parametrize(
    ("group", "file"),
    [
        ("0::/system/moviola", "sys/fs/cgroup/system/moviola/memory.events"),
        ("0::/", "sys/fs/cgroup/memory.events"),
        ("4:cpu,memory:/docker/abc", "sys/fs/cgroup/memory/docker/abc/memory.oom_control"),
        ("4:memory:/not/mounted/here", "sys/fs/cgroup/memory/memory.oom_control"),
        ("", "proc/vmstat"),
    ],
)
def test_each_kill_for_memory_explains_one_death(tmp_path: Path, group: str, file: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group + "\n")
    (tmp_path / "proc/vmstat").write_text("oom_kill 100\n")
    counter_file = tmp_path / file
    counter_file.parent.mkdir(parents=True, exist_ok=True)
    counter_file.write_text("low 0\noom_kill 5\n")
    counter = OutOfMemoryCounter(tmp_path)
    assert not counter.explains_a_death()
    counter_file.write_text("low 0\noom_kill 7\n")
    assert [counter.explains_a_death() for _ in range(3)] == [True, True, False]


def test_a_system_that_counts_nothing_blames_nobody(tmp_path: Path) -> None:
    assert not OutOfMemoryCounter(tmp_path).explains_a_death()
