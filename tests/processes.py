"""How tests ask after processes, each of which may go while it is asked, and how they end those that they began."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final

import psutil

from moviola.base.processes import DRAIN_LIMIT_S
from tests.waiting import PATIENCE_S

GRACE_S: Final = DRAIN_LIMIT_S + 5.0
"""How long a program may take to end itself: what supervisors give it."""


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process is there and not a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tree(process_id: int) -> list[psutil.Process]:
    """Return a process and everything that it began, which must be running."""
    root = psutil.Process(process_id)
    return [root, *root.children(recursive=True)]


def end(programs: Collection[subprocess.Popen[Any]]) -> None:
    """End programs: gracefully, and after a while with everything that they began."""
    for program in programs:
        if program.poll() is None:
            program.send_signal(signal.SIGCONT)
            program.terminate()
    for program in programs:
        try:
            program.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            for each in reversed(tree(program.pid)):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            program.wait(PATIENCE_S)
