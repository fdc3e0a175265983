"""Removes the files of jobs from a folder of results: those that Moviola made, and no others."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from moviola.base.invocation import typed
from moviola.base.result_folders import JobFolder, job_folder, job_folders, to_remove
from moviola.display.terminal import Terminal
from moviola.session.outcome import Status
from moviola.session.target import UsageError
from moviola.session.units import counted
from moviola.wire.options import age_text

MAX_STRANGERS_NAMED = 3
"""The most files that are named of those that stay in a job's folder; further ones are counted."""


class NotRemoved(Exception):
    """Raised where a job's files cannot be removed. The text is a sentence that says why, and what to do."""


def prune(options: argparse.Namespace, stdout: Terminal, stderr: Terminal) -> Status:
    """Remove the files of old jobs, or with --dry-run only say which would go; return the exit status.

    Raises:
        UsageError: it is not said which are old.
    """
    if options.older_than is None and options.keep is None:
        example = f"{typed('jobs')} prune --older-than 7d --keep 20"
        raise UsageError(f"Which jobs' files shall go? Give --older-than, --keep, or both, as in {example}")
    now = time.time()  # noqa: TID251 - ages of files, no deadline
    try:
        folders = job_folders(options.results)
    except OSError as error:
        reason = f"{options.results} cannot be looked into: {error.strerror}"
        raise UsageError(f"{reason}; name another folder with --results") from error
    old = 0.0 if options.older_than is None else options.older_than
    going = to_remove(folders, now, max_age_s=old, keep=options.keep or 0)
    told, failed = [], False
    for folder in going:
        try:
            told.append(_removed(folder, now, dry_run=options.dry_run))
        except OSError as error:
            failed = True
            stderr.say(f"{folder.path}: {error.strerror or error}")
    if options.json:
        stdout.json({"dry_run": options.dry_run, "removed": told, "bytes": sum(each["bytes"] for each in told)})
    elif not options.quiet:
        for line in _lines(options, told, len(folders) - len(told)):
            stdout.say(line)
    return Status.FAILED if failed else Status.DONE


def forget_files(results: Path, job: str) -> str:
    """Remove the files of one job in a folder of results here; those at its aggregator stay. Return the end of a
    sentence about them; empty if there are none. Raises NotRemoved."""
    folder = job_folder(results, job)
    if folder is None:
        return ""
    try:
        strangers = folder.remove().strangers
    except OSError as error:
        reason = f"{error.filename or folder.path}: {error.strerror or error}"
        later = f"once they can be, '{typed('jobs')} prune' removes them with those of other old jobs"
        raise NotRemoved(f"Those in {results} could not be removed: {reason}; {later}") from error
    return f"those in {results} are removed{_stay(strangers)}"


def _removed(folder: JobFolder, now: float, *, dry_run: bool) -> dict[str, Any]:
    """Remove a job's files, but nothing with `dry_run`; return what is told about that. Raises OSError."""
    age_s = round(now - folder.made_at_unix_s)
    size, strangers = (folder.size, tuple(folder.strangers())) if dry_run else folder.remove()
    return {"job_id": folder.job, "bytes": size, "age_s": age_s, "stay": list(strangers)}


def _lines(options: argparse.Namespace, told: Sequence[dict[str, Any]], left: int) -> Iterator[str]:
    for each in told:
        yield f"{each['job_id']}  {decimal(each['bytes'])}, {_age(each['age_s'])} old{_stay(each['stay'])}"
    jobs, size = counted(len(told), "job"), decimal(sum(each["bytes"] for each in told))
    verb = "would go" if options.dry_run else "removed"
    yield f"{options.results}: files of {jobs} {verb}, {size}; those of {counted(left, 'job')} stay"


def _stay(strangers: Sequence[str]) -> str:
    if not strangers:
        return ""
    names = ", ".join(strangers[:MAX_STRANGERS_NAMED])
    more = f" and {len(strangers) - MAX_STRANGERS_NAMED} more" if strangers[MAX_STRANGERS_NAMED:] else ""
    return f"; not Moviola's, or changed since, and left: {names}{more}"


def _age(age_s: int) -> str:
    """Return an age in the largest unit of which there is at least one."""
    span = next((span for span in (24 * 3600, 3600, 60) if age_s >= span), 1)
    return age_text(float(age_s // span * span))
