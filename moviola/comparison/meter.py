"""What processes take: their CPU time, their memory, and how busy others keep the machine meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import psutil

SAMPLE_S: Final = 0.05
"""Seconds between two looks at the memory: what a process has for a shorter time may be missed."""

FAMILY_S: Final = 1.0
"""Seconds between two searches for new descendants: a search looks at every process of the machine."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes and their descendants took over some time.

    Attributes:
        cpu_seconds: user and system time of all, in seconds.
        peak_memory: the most that they had resident together at one time, in bytes. A page that several share, such as
            those of a library, counts in each.
        other_cores: how many cores all other programs kept busy, on average.
    """

    cpu_seconds: float
    peak_memory: int
    other_cores: float


class Meter:
    """Measures, while a `with` lasts, what processes take; `usage` tells it afterwards.

    Args:
        process_ids: of the processes; their descendants count as well, also those that come or end meanwhile.
    """

    usage: Usage

    def __init__(self, process_ids: Iterable[int]) -> None:
        self._roots = tuple(process_ids)
        self._is_over = threading.Event()
        self._peak = 0
        self._sampler = threading.Thread(target=self._sample, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._began, self._own = time.monotonic(), time.process_time()
        self._cpu, self._busy = cpu_seconds(self._roots), _busy_seconds()
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._sampler.join()
        seconds = max(time.monotonic() - self._began, 1e-9)
        cpu = cpu_seconds(self._roots) - self._cpu
        others = _busy_seconds() - self._busy - cpu - (time.process_time() - self._own)
        self.usage = Usage(max(0.0, cpu), self._peak, max(0.0, others / seconds))

    def _sample(self) -> None:
        searched_at, family = float("-inf"), list[psutil.Process]()
        while True:
            if time.monotonic() - searched_at >= FAMILY_S:
                searched_at, family = time.monotonic(), families(self._roots)
            self._peak = max(self._peak, sum(map(_resident, family)))
            if self._is_over.wait(SAMPLE_S):
                return


def families(process_ids: Iterable[int]) -> list[psutil.Process]:
    """Return processes and all their descendants, each once; those that are gone are left out."""
    found: dict[int, psutil.Process] = {}
    for number in process_ids:
        with suppress(psutil.Error):
            root = psutil.Process(number)
            found |= {each.pid: each for each in (root, *root.children(recursive=True))}
    return list(found.values())


def cpu_seconds(process_ids: Iterable[int]) -> float:
    """Return the CPU time of processes and their descendants so far, in seconds. That of a descendant which has ended
    counts with the one that waited for it."""
    total = 0.0
    for each in families(process_ids):
        with suppress(psutil.Error):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _busy_seconds() -> float:
    """Return the time of all cores that was not idle, since the machine was started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # which are in `user` and `nice`, too
    return float(sum(times) - guests - idle)
