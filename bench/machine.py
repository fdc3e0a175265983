"""What the machine says of itself: its cores, and how much of them a virtual machine's host kept for others."""

from __future__ import annotations

import os
import platform
import time
from types import TracebackType

import psutil


def stolen_seconds() -> float:
    """Return the core seconds, of all cores, that the host has kept for others since the virtual machine started; 0 if
    the system does not say."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def core_count() -> int:
    """Return how many cores there are, at least 1."""
    return os.cpu_count() or 1


class Watch:
    """Measures, while a `with` lasts, the part of the cores' time that the host took away.

    `stolen` is that part from 0 to 1, after the `with`.
    """

    stolen = 0.0

    def __enter__(self) -> Watch:
        self._began, self._stolen_before = time.monotonic(), stolen_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = max(time.monotonic() - self._began, 1e-9)
        self.stolen = (stolen_seconds() - self._stolen_before) / (seconds * core_count())


def description() -> str:
    """Return one line that says on what machine and Python something was measured."""
    return f"{core_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
