"""Checks of this machine: folders, disk, memory and what the system allows."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from moviola.base.invocation import module_name, typed
from moviola.base.memory import group_limits, total_memory
from moviola.base.result_folders import job_folders
from moviola.display.bars import age
from moviola.session.units import counted, sized
from moviola.wire import descriptors
from moviola.wire.limits import GIB

from .finding import Finding, Mark

LEAST_FREE: Final = GIB
"""Below this a disk is full: one chunk and its result may take as much."""

ENOUGH_FREE: Final = 10 * GIB
"""Above this a cluster at its defaults does not wait for the disk: its spool of chunks takes that much at most."""


def folder(name: str, path: Path, flag: str) -> Iterator[Finding]:
    """Yield whether a folder can be written to, and how much room its disk has.

    Args:
        flag: which names another folder.
    """
    there = next(each for each in (path.absolute(), *path.absolute().parents) if os.path.exists(each))
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        what = "cannot be written to" if there == path.absolute() else f"cannot be made: {there} cannot be written to"
        yield Finding(name, Mark.WRONG, f"{path} {what}", f"choose another folder with {flag}")
        return
    free = shutil.disk_usage(there).free
    text = f"{path}, {free / GIB:.1f} GiB free"
    if free < LEAST_FREE:
        yield Finding(name, Mark.WRONG, text, f"free some of the disk, or choose another folder with {flag}")
    elif free < ENOUGH_FREE:
        more = f"a cluster may fill them: free some, choose another folder with {flag}, or set a lower --spool-limit"
        yield Finding(name, Mark.WARNING, text, more)
    else:
        yield Finding(name, Mark.GOOD, text)


def kept_results(results: Path, free: int | None = None, now_unix_s: float | None = None) -> Iterator[Finding]:
    """Yield how much the files of finished jobs take; nothing where there are none.

    Args:
        results: the folder of results.
        free: bytes that its disk has left; by default they are looked up.
        now_unix_s: the time of day; by default that of this machine.
    """
    try:
        folders = job_folders(results)
    except OSError:
        return  # it may not be entered, as the finding about the folder says
    if not folders:
        return
    now = time.time() if now_unix_s is None else now_unix_s  # noqa: TID251 - ages of files, no deadline
    room = shutil.disk_usage(results).free if free is None else free
    size = sum(each.size for each in folders)
    oldest = age(now - folders[0].made_at_unix_s)
    text = f"{counted(len(folders), 'job')} left files, the oldest {oldest} ago; removing them would free {sized(size)}"
    if size <= room:
        yield Finding("kept", Mark.GOOD, text)
        return
    way_out = f"{typed('jobs')} prune --older-than 30d --dry-run says what would go"
    yield Finding("kept", Mark.WARNING, text, f"{way_out}; --results-age has an aggregator do it by itself")


def memory(processes: int, root: Path = Path("/")) -> Iterator[Finding]:
    """Yield how much memory so many worker processes share."""
    worker: Any = import_module(module_name("worker.memory"))
    total = total_memory(root)
    whose = "this container" if total in group_limits(root) else "this machine"
    limit = worker.default_limit(processes, root)
    text = f"{whose} has {total / GIB:.1f} GiB; each of {processes} worker processes may take {limit / GIB:.1f} GiB"
    if processes * limit <= total:
        yield Finding("memory", Mark.GOOD, text)
        return
    fitting = max(1, int(total * worker.SHARE) // worker.DEFAULT_LEAST)
    way_out = f"start fewer: {typed('up')} --workers {fitting}"
    yield Finding("memory", Mark.WARNING, f"{text}, together more than it has", way_out)


def open_files() -> Iterator[Finding]:
    """Yield how many files and connections a process may have open."""
    limit = descriptors.raise_limit()
    connections = descriptors.for_connections()
    text = f"a process may have {limit}, which is {connections} connections for a middleware"
    if limit >= descriptors.WANTED:
        yield Finding("open files", Mark.GOOD, text)
    else:
        yield Finding("open files", Mark.WARNING, text, f"for larger clusters raise it: ulimit -n {descriptors.WANTED}")
