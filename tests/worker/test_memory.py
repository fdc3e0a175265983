from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moviola.wire.schema import Lease
from worker.compute import cause_of
from worker.death import describe
from worker.events import EXIT_MEMORY
from worker.memory import CODE, DEFAULT_LEAST, LEAST, default_limit

TAKE = """
import sys
from worker.memory import hold_to
hold_to(int(sys.argv[1]))
try:
    taken = bytearray(int(sys.argv[2]))
except MemoryError:
    sys.exit(3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no limit")
@pytest.mark.parametrize(("size", "status"), [(LEAST - CODE - (64 << 20), 0), (LEAST, 3)])
def test_what_is_beyond_the_limit_is_not_given(size: int, status: int) -> None:
    done = subprocess.run([sys.executable, "-c", TAKE, str(LEAST), str(size)], timeout=60, check=False)
    assert done.returncode == status


def test_processes_share_what_the_machine_or_the_container_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Machine:
        total = 20 << 30

    monkeypatch.setattr("moviola.base.memory.psutil.virtual_memory", Machine)
    assert default_limit(2, tmp_path) == 9 << 30
    assert default_limit(100, tmp_path) == DEFAULT_LEAST
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    assert default_limit(1, tmp_path) == 18 << 30
    (group / "memory.max").write_text(f"{10 << 30}\n")
    assert default_limit(1, tmp_path) == 9 << 30


def test_want_of_memory_is_a_cause_of_its_own() -> None:
    class error(Exception):  # noqa: N801 - as OpenCV calls it
        code = -4

    error.__module__ = "cv2"
    for raised in (MemoryError("no more"), error("Failed to allocate")):
        assert cause_of(raised).kind == "memory"
    assert cause_of(ValueError("another")).kind == "exception"
    death = describe("host-1", EXIT_MEMORY, Lease(1, 2), was_oom=False)
    assert death.kind == "memory"
