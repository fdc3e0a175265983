"""Shared pages are let go, and keep what they hold."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import pytest

from moviola.engines.mapped_memory import EVERY_SIZE, MappedMemory

SIZE = 32 * 1024 * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are counted in /proc of Linux")
def test_pages_are_let_go_now_and_then_and_hold_what_they_held(tmp_path: Path) -> None:
    path = tmp_path / "store-of-objects"
    with path.open("w+b") as file:
        file.truncate(SIZE)
        with mmap.mmap(file.fileno(), SIZE) as mapped:
            mapped[:] = b"x" * SIZE
            memory = MappedMemory("store-of-objects")
            memory.touched(EVERY_SIZE - 1)
            assert resident(path) >= SIZE
            memory.touched(1)
            assert resident(path) == 0
            assert mapped[:] == b"x" * SIZE


def resident(path: Path) -> int:
    """Return how many bytes of a mapped file this process has in memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.endswith(str(path))]
    told = next(line for line in lines[at:] if line.startswith("Rss:"))
    return int(told.split()[1]) * 1024
