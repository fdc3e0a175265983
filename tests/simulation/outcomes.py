"""What a seed came to, and seeds played over several processes."""

from __future__ import annotations

import logging
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.simulation.scenario import Failed, play

ROOT: Final = Path(__file__).parents[2]

FAST_DISK: Final = Path("/dev/shm")
"""Ledgers and spools of a simulation live in memory where the system offers a folder for it."""

MAX_CPU_S: Final = 120.0
"""CPU time of one seed, a hundred times what most take: more means that a program does not come back from a turn."""

MAX_REASON: Final = 500
"""Characters of what was wrong that are kept."""

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Failure:
    """What was wrong with a seed. `oracle` is the function that noticed it, `cause` the exception that it raised."""

    oracle: str
    text: str
    cause: str

    def __str__(self) -> str:
        return f"{self.oracle}: {self.text}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to; no `failure` where nothing was wrong. `seen` counts what happened, by kind."""

    seed: int
    failure: Failure | None
    seen: Counter[str]
    seconds: float


def outcome(seed: int) -> Outcome:
    """Play a seed."""
    began_at = time.monotonic()
    try:
        with _cpu_limit():
            world = play(seed, fast_disk())
    except Failed as error:
        return Outcome(seed, failure_of(error), Counter(), time.monotonic() - began_at)
    return Outcome(seed, None, world.seen, time.monotonic() - began_at)


def failure_of(error: Failed) -> Failure:
    """Return what an exception says, and which of our functions raised what lies at its root."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    frames = traceback.extract_tb(root.__traceback__)
    ours = [one for one in frames if Path(one.filename).is_relative_to(ROOT) and "site-packages" not in one.filename]
    last = ours[-1] if ours else frames[-1]
    return Failure(f"{Path(last.filename).stem}.{last.name}", str(error)[:MAX_REASON], f"{type(root).__name__}: {root}")


def fast_disk() -> Path | None:
    """Return the folder for the files of a simulation; None for the system's own temporary one."""
    return FAST_DISK if FAST_DISK.is_dir() and os.access(FAST_DISK, os.W_OK) else None


@contextmanager
def _cpu_limit() -> Iterator[None]:
    """Raise AssertionError in the code that runs when the CPU time of a seed is used up."""

    def used_up(*_: object) -> None:
        raise AssertionError(f"a turn does not come to its end: the seed has taken {MAX_CPU_S:.0f} s of CPU time")

    signal.signal(signal.SIGPROF, used_up)
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


# ── several processes ────────────────────────────────────────────────────────────────────────────────────────────


def spread(
    take: Callable[[], Job | None], work: Callable[[Job], Result], processes: int
) -> Iterator[tuple[Job, Result]]:
    """Yield each job and its result as soon as it is done.

    Args:
        take: returns the next job, None while there is none; what it returns may depend on results yielded before.
        work: done in another process.
    """
    running: dict[Future[Result], Job] = {}
    pool = ProcessPoolExecutor(processes, initializer=_prepare)
    try:
        while True:
            while len(running) < processes and (job := take()) is not None:
                running[pool.submit(work, job)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                yield running.pop(one), one.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    """A playing process leaves Ctrl-C to its parent, which then waits for the seed in play; the story tells more than
    any log."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.disable(logging.CRITICAL)


def interruptible() -> None:
    """Let SIGTERM raise KeyboardInterrupt, as SIGINT does."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
