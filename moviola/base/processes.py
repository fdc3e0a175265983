"""Child processes: how one of our own programs is started as one, and how it ended.

What becomes of children is for those who start them: a worker's parent keeps one alive for each name, and takes the
signals; the aggregator's loop keeps splicing processes warm, and makes files of failed chunks one at a time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from moviola.base.installation import ROOT
from moviola.base.invocation import module_name

MAX_WORKERS: Final = 256
"""Worker processes of one machine: far beyond its cores. A typing error should not start a thousand processes."""

DRAIN_LIMIT_S: Final = 15.0
"""How long a worker that is asked to end waits for its running task and for verdicts. Whoever stops workers should
wait a little longer before it kills them: supervisors and container engines are told 20 s."""


ENDING_S: Final = 5.0
"""How long a child that has closed its pipes may take to end by itself: its exit status comes only after that."""


def core_count() -> int:
    """Return the cores that this process may use, which in a container or under taskset are not all there are."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)


def program(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of one of the programs, such as `client.status`, with this Python."""
    return (sys.executable, "-m", module_name(module))


def start(
    command: Sequence[str], environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a child that finds our packages, wherever this process was started. Raises OSError.

    Args:
        environment: its variables; by default those of this process.
        options: as `subprocess.Popen` takes them.
    """
    return subprocess.Popen(command, env=environment_of(environment), **options)


def environment_of(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of a child that finds our packages; by default otherwise those of this process."""
    environment = os.environ if environment is None else environment
    path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH", ""))))
    return {**environment, "PYTHONPATH": path}


def end(process: subprocess.Popen[bytes]) -> int:
    """Return a child's exit status, -N after signal N; kill it first if it has not ended."""
    if process.poll() is None:
        process.kill()
    return process.wait()


def own_end(process: subprocess.Popen[bytes]) -> int:
    """Return the status of a child that has closed its end of a pipe, and so is about to end; kill it if it does not
    within ENDING_S."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(ENDING_S)
    return end(process)


def how_it_ended(status: int) -> str:
    """Return a status in words, such as "exit status 3" or "signal SIGSEGV"."""
    if status >= 0:
        return f"exit status {status}"
    return f"signal {signal_name(-status)}".replace("signal signal", "signal")


def signal_name(number: int) -> str:
    """Return a signal's name; "signal N" of a real-time signal, which has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
