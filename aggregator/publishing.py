"""Finished files under results/<job>/: all of them whole, or none; and the link to the newest."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from moviola.base.file_names import LATEST, check_file_name, check_path_name
from moviola.base.files import PARTIAL, aside, sync, sync_folder
from moviola.base.finished_file import FinishedFile
from moviola.base.hashes import xxh3_of
from moviola.base.result_folders import note_all

GONE: Final = ".gone-"
LISTING: Final = ".files.jsonl"

log = logging.getLogger(__name__)


class Publication:
    """The files of one job while they are written. Leaving the block without `publish` removes them.

    It keeps the contract of `moviola.media.material.Files`. Files of one folder, such as the pictures of an output, are
    written to a folder of their own that gets its name when it is whole.

    Raises ValueError for a job or file whose name is none for a file, OSError as the disk does.
    """

    def __init__(self, results: Path, job: str) -> None:
        self._results = results
        self._job = check_file_name(job, "a job's id")
        self._folder = results / job
        self._partials: dict[str, Path] = {}  # a file's or folder's name → where it is written

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        clear(self._results, self._job)

    def partial(self, name: str) -> Path:
        """Return where to write the file that will be called `name`. The folder for it exists."""
        top, _, rest = check_path_name(name, "a file's name").partition("/")
        partial = self._partials.setdefault(top, aside(self._folder / top))
        if rest:
            partial /= rest
            partial.parent.mkdir(parents=True, exist_ok=True)
        return partial

    def withdraw(self, name: str) -> None:
        """Remove a file that is not wanted after all."""
        self.partial(name).unlink(missing_ok=True)
        if "/" not in name:
            del self._partials[name]

    def publish(self) -> list[FinishedFile]:
        """Put all files under their names, and return an entry for each: `file`, `size`, `xxh3` (128 bits, hex).

        The files in a folder have no entries: they are listed in a file, whose entry names the `folder` that it lists.
        """
        files: list[FinishedFile] = []
        for name, partial in list(self._partials.items()):
            if partial.is_dir():
                listing = f"{name}{LISTING}"
                _write_listing(partial, name, self.partial(listing))
                files.append(replace(_entry(listing, self.partial(listing)), folder=name))
            else:
                files.append(_entry(name, partial))
        sync([partial for partial in self._partials.values() if partial.is_file()])
        note_all(self._results, self._job, self._contents())
        for name, partial in self._partials.items():
            final = self._folder / name
            if final.is_dir():  # of an earlier splice of this job
                shutil.rmtree(final)
            partial.replace(final)
        sync_folder(self._folder)
        sync_folder(self._results)
        _point_latest(self._results, self._job)
        return files

    def _contents(self) -> Iterator[tuple[str, Path]]:
        """Yield the name of each file, and where it is written."""
        for name, partial in self._partials.items():
            if partial.is_dir():
                for path in sorted(path for path in partial.rglob("*") if path.is_file()):
                    yield f"{name}/{path.relative_to(partial).as_posix()}", path
            else:
                yield name, partial


def clear(results: Path, job: str, *, later: bool = False) -> None:
    """Remove what an interrupted splice left of a job, and the job's folder if it is empty then.

    With `later`, folders are only moved away here and removed in the background: removing thousands of pictures takes
    seconds, and a loop must not wait so long.
    """
    folder = results / check_file_name(job, "a job's id")
    for partial in folder.glob(f".*{PARTIAL}"):
        if partial.is_dir():
            gone = Path(tempfile.mkdtemp(prefix=GONE, dir=results))
            partial.replace(gone / partial.name)
            _remove(gone, later=later)
        else:
            partial.unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        pass  # there are files in it, or there is none


def sweep(results: Path) -> None:
    """Remove the folders that an earlier process had moved away, and had not removed yet."""
    for gone in results.glob(f"{GONE}*"):
        _remove(gone, later=True)


def _remove(folder: Path, *, later: bool) -> None:
    if later:
        threading.Thread(target=shutil.rmtree, args=(folder, True), daemon=True).start()
    else:
        shutil.rmtree(folder)


def _write_listing(folder: Path, name: str, listing: Path) -> None:
    """One JSON line for each file in a folder that will be called `name`, in the order of the names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sync(paths)
    with listing.open("w", encoding="utf-8") as lines:
        for path in paths:
            entry = _entry(f"{name}/{path.relative_to(folder).as_posix()}", path)
            listed = {"file": entry.file, "size": entry.size, "xxh3": entry.xxh3}
            lines.write(json.dumps(listed, ensure_ascii=False) + "\n")


def _entry(name: str, path: Path) -> FinishedFile:
    """Return a file as it is announced."""
    return FinishedFile(name, path.stat().st_size, xxh3_of(path))


def _point_latest(results: Path, job: str) -> None:
    """Make the link `results/latest` point to a job's folder. Where links are not possible, there is none."""
    link, new = results / LATEST, results / f".{LATEST}.{os.getpid()}"
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(job, target_is_directory=True)
        new.replace(link)
    except OSError as error:
        new.unlink(missing_ok=True)
        log.warning("%s cannot point to %s: %s", link, job, error)
