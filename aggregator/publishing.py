"""Finished files under results/<job>/: all of them whole, or none; and the link to the newest."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import xxhash

from aggregator.names import LATEST, check_file_name

PARTIAL: Final = ".part"
READ_SIZE: Final = 1024 * 1024

log = logging.getLogger(__name__)


class Publication:
    """The files of one job while they are written. Leaving the block without `publish` removes them.

    Raises ValueError for a job or file whose name is none for a file, OSError as the disk does.
    """

    def __init__(self, results: Path, job: str) -> None:
        self._results = results
        self._job = check_file_name(job, "a job's id")
        self._folder = results / job
        self._partials: dict[Path, Path] = {}  # partial → final

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        clear(self._results, self._job)

    def partial(self, name: str) -> Path:
        """Where to write the file that will be called `name`."""
        final = self._folder / check_file_name(name, "a file's name")
        partial = final.with_name(f".{name}{PARTIAL}")
        self._partials[partial] = final
        return partial

    def withdraw(self, partial: Path) -> None:
        """This file is not wanted after all."""
        del self._partials[partial]

    def publish(self) -> list[dict[str, Any]]:
        """Puts all files under their names, and says which: `file`, `size`, `xxh3` (128 bits, hex)."""
        files = []
        for partial, final in self._partials.items():
            size, xxh3 = _checked(partial)
            files.append({"file": final.name, "size": size, "xxh3": xxh3})
        for partial, final in self._partials.items():
            partial.replace(final)
        _sync(self._folder)
        _sync(self._results)
        _point_latest(self._results, self._job)
        return files


def clear(results: Path, job: str) -> None:
    """Removes what an interrupted splice left of a job, its folder too when it is empty."""
    folder = results / check_file_name(job, "a job's id")
    for partial in folder.glob(f".*{PARTIAL}"):
        partial.unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        pass  # there are files in it, or there is none


def _checked(path: Path) -> tuple[int, str]:
    """Size and checksum of a file, after it has reached the disk."""
    digest = xxhash.xxh3_128()
    size = 0
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while data := file.read(READ_SIZE):
            digest.update(data)
            size += len(data)
    return size, digest.hexdigest()


def _point_latest(results: Path, job: str) -> None:
    """`results/latest` is the newest job's folder; where links are not possible, there is none."""
    link, new = results / LATEST, results / f".{LATEST}.{os.getpid()}"
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(job, target_is_directory=True)
        new.replace(link)
    except OSError as error:
        new.unlink(missing_ok=True)
        log.warning("%s cannot point to %s: %s", link, job, error)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
