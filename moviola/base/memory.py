"""How much memory this machine has for us: all of it, or what a container's control group leaves."""

from __future__ import annotations

from pathlib import Path

import psutil


def total_memory(root: Path = Path("/")) -> int:
    """Return the bytes that the processes of this machine, or of this container, may take together."""
    return min([psutil.virtual_memory().total, *group_limits(root)])


def group_limits(root: Path = Path("/")) -> list[int]:
    """Return the limits in bytes of a container's control group, version 2 or 1, as far as there are any."""
    files = (root / "sys/fs/cgroup/memory.max", root / "sys/fs/cgroup/memory/memory.limit_in_bytes")
    return [int(text) for file in files if (text := _text_of(file)).isdecimal()]


def _text_of(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
