"""How tests ask after processes that they do not own: each may go while it is asked."""

from __future__ import annotations

import psutil


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
