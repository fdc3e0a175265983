"""A folder of results: one folder a job, each with a list of the files that Moviola made in it.

Each program that puts a file into a job's folder notes it here: an aggregator, a client that fetched it, `--local`.
Only files in this list are ever removed, and only if their size and time are still those that were noted. So a file
that a person put there, or changed, stays.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from moviola.base.file_names import LATEST, check_path_name, is_file_name
from moviola.base.files import PARTIAL

LISTS: Final = ".moviola"
"""The folder of lists beside those of jobs, JOB.jsonl each: a line for each file, in the order in which they came."""

MAX_LINE_SIZE: Final = 8192
"""Bytes of a line that is read: a path of 32 folders has less than 6 KiB."""


class Made(NamedTuple):
    """A file as it was made: its name within the job's folder, its bytes and when it was last written."""

    file: str
    size: int
    mtime_ns: int


class Removed(NamedTuple):
    """What came of removing a job's files: bytes that are free now, and files that are not Moviola's and stay."""

    size: int
    strangers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobFolder:
    """A job's folder under a folder of results.

    Attributes:
        path: of the folder.
        made: what Moviola made in it.
        made_at_unix_s: when the last of it came.
    """

    path: Path
    made: tuple[Made, ...]
    made_at_unix_s: float

    @property
    def is_in_work(self) -> bool:
        """Whether files are being written there now, or were when a program ended."""
        return any(self.path.glob(f".*{PARTIAL}*"))

    @property
    def job(self) -> str:
        """The job's id."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes that are free when its files are removed: those that have another name elsewhere do not count."""
        found = (_status(self.path, each) for each in self.made)
        return sum(status.st_size for status in found if status is not None and status.st_nlink == 1)

    def strangers(self) -> Iterator[str]:
        """Yield the files in the folder that Moviola did not make, or that were changed since."""
        ours = {each.file for each in self.made if _status(self.path, each) is not None}
        for folder, _, names in os.walk(self.path):
            for name in names:
                file = Path(folder, name).relative_to(self.path).as_posix()
                if file not in ours:
                    yield file

    @property
    def list_path(self) -> Path:
        """Where the list of its files lies."""
        return _list_of(self.path.parent, self.job)

    def remove(self) -> Removed:
        """Remove what Moviola made, and the folders that are empty then. Raises OSError."""
        size, strangers = self.size, tuple(self.strangers())
        folders = {self.path}
        for each in self.made:
            path = self.path / each.file
            if _status(self.path, each) is not None:
                path.unlink(missing_ok=True)
            folders |= {parent for parent in path.parents if parent.is_relative_to(self.path)}
        self.list_path.unlink(missing_ok=True)
        folders.add(self.list_path.parent)
        for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
            with suppress(OSError):  # there is something in it, or it is gone
                folder.rmdir()
        _repair_latest(self.path.parent)
        return Removed(size, strangers)


def note(results: Path, job: str, file: str, content: Path) -> None:
    """Note that Moviola makes a file, before it gets its name.

    Args:
        results: the folder of results.
        job: the job's id.
        file: its name within the job's folder, "/" between folders.
        content: where it lies now, whole. It is renamed afterwards, which changes neither its size nor its time.
    """
    note_all(results, job, [(file, content)])


def note_all(results: Path, job: str, files: Iterable[tuple[str, Path]]) -> None:
    """Note several files at once, as `note` does."""
    lines = []
    for file, content in files:
        found = content.stat()
        lines.append(json.dumps({"file": file, "size": found.st_size, "mtime_ns": found.st_mtime_ns}) + "\n")
    path = _list_of(results, job)
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as notes:
        notes.write("".join(lines))


def job_folders(results: Path) -> list[JobFolder]:
    """Return the folders of jobs that have a list of what Moviola made, the oldest first."""
    found = []
    with suppress(FileNotFoundError):
        for path in (results / LISTS).glob("*.jsonl"):
            if is_file_name(path.stem) and (folder := job_folder(results, path.stem)) is not None:
                found.append(folder)
    return sorted(found, key=lambda one: (one.made_at_unix_s, one.job))


def job_folder(results: Path, job: str) -> JobFolder | None:
    """Return a job's folder, or None where nothing is noted of it."""
    path, notes = results / job, _list_of(results, job)
    try:
        made_at = notes.stat().st_mtime
        with notes.open("rb") as lines:
            made = tuple(_read(lines))
    except OSError:
        return None
    return JobFolder(path, made, made_at)


def to_remove(
    folders: Iterable[JobFolder],
    now_unix_s: float,
    *,
    max_age_s: float | None = None,
    max_size: int | None = None,
    keep: int = 0,
) -> list[JobFolder]:
    """Return the folders to be removed, the oldest first. Those that are being written to stay.

    Args:
        folders: all folders.
        now_unix_s: the time of day.
        max_age_s: remove those that are older.
        max_size: remove the oldest until the rest have at most so many bytes.
        keep: how many of the newest stay in any case.
    """
    newest_first = sorted(folders, key=lambda one: one.made_at_unix_s, reverse=True)
    going, size = [], 0
    for place, folder in enumerate(newest_first):
        size += folder.size if max_size is not None else 0
        is_old = max_age_s is not None and now_unix_s - folder.made_at_unix_s > max_age_s
        if place >= keep and not folder.is_in_work and (is_old or (max_size is not None and size > max_size)):
            going.append(folder)
    return going[::-1]


def _list_of(results: Path, job: str) -> Path:
    return results / LISTS / f"{job}.jsonl"


def _read(lines: Iterable[bytes]) -> Iterator[Made]:
    """Return the files in the lines that can be read. Of a file that was noted twice, as after a retry, the last line
    counts."""
    made: dict[str, Made] = {}
    for line in lines:
        try:
            told = json.loads(line[:MAX_LINE_SIZE])
            one = Made(check_path_name(told["file"], "a file"), int(told["size"]), int(told["mtime_ns"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        made[one.file] = one
    return iter(made.values())


def _status(folder: Path, made: Made) -> os.stat_result | None:
    """Return what is known of a file in a job's folder if it is still what was made; else None."""
    path = folder / made.file
    try:
        found = path.lstat()
        is_inside = Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder))
    except OSError:
        return None
    same = (found.st_size, found.st_mtime_ns) == (made.size, made.mtime_ns)
    return found if is_inside and same and stat.S_ISREG(found.st_mode) else None


def _repair_latest(results: Path) -> None:
    """If the link `latest` leads nowhere, let it lead to the newest job that is left, or remove it if there is none."""
    link = results / LATEST
    if not link.is_symlink() or link.exists():
        return
    link.unlink(missing_ok=True)
    left = job_folders(results)
    if left:
        with suppress(OSError):
            link.symlink_to(left[-1].job, target_is_directory=True)
