"""Where the files of finished jobs go: under results, into a folder, or to a name of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.options import UsageError
from client.order import Order, unique

SUFFIXES = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv"}
"""What files of each container are called; the containers by FFmpeg's names."""

_NAMES = {".mp4": "an MP4", ".mov": "a QuickTime", ".mkv": "a Matroska"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one job go.

    With `by_job` into a folder of the job's name, as an aggregator on this machine does. With `name` the only output,
    `output`, gets that name, whatever its suffix, and the files that belong to it are called alike.
    """

    folder: Path
    by_job: bool = False
    name: str = ""
    output: str = ""

    def folder_of(self, job: str) -> Path:
        return self.folder / job if self.by_job else self.folder

    def path_of(self, job: str, file: str) -> Path:
        """Where the file goes that the aggregator calls so."""
        if not self.name:
            return self.folder_of(job) / file
        rest = file.removeprefix(self.output)
        is_output = rest.count(".") == 1 and not rest.endswith((".json", ".jsonl"))
        return self.folder / (self.name if is_output else Path(self.name).stem + rest)

    def warnings(self, suffix: str) -> Iterator[str]:
        """A sentence when the name that was asked for says something else than `suffix`, which suits the content."""
        if self.name and suffix and Path(self.name).suffix.lower() != suffix:
            kind = _NAMES.get(suffix, f"a {suffix}")
            yield f"{self.folder / self.name} is {kind} file, because its streams need one, whatever its name says"


def places_for(files: Sequence[Path], order: Order, out: str | None, results: Path) -> dict[Path, Place]:
    """A place for the results of each file. Folders that `out` names are made.

    Raises UsageError when nothing can be written there, or a source would be overwritten.
    """
    names = [output.name for output in order.outputs]
    if out is None or len(files) == 1:
        if out is not None and len(names) == 1 and Path(out).resolve() == files[0].resolve():
            raise UsageError(f"--out {out} would overwrite the source; give another name")
        return {file: place_for(names, out, results) for file in files}
    _refuse_file(out)
    folders = [Path(out) / name for name in unique(file.stem for file in files)]
    for folder in folders:
        _make_folder(out, folder)
    return {file: Place(folder) for file, folder in zip(files, folders, strict=True)}


def place_for(outputs: Sequence[str], out: str | None, results: Path) -> Place:
    """A place for the results of one job, by its outputs' names.

    Raises UsageError when nothing can be written there.
    """
    if out is None:
        return Place(results, by_job=True)
    path = Path(out)
    if len(outputs) == 1 and not out.endswith(("/", os.sep)) and not path.is_dir():
        _make_folder(out, path.parent)
        return Place(path.parent, name=path.name, output=outputs[0])
    _refuse_file(out)
    _make_folder(out, path)
    return Place(path)


def _refuse_file(out: str) -> None:
    if Path(out).exists() and not Path(out).is_dir():
        raise UsageError(f"--out {out} is a file, and there are several outputs; name a folder")


def _make_folder(out: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: the folder {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: nothing may be written to the folder {folder}; name another")
