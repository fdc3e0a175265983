"""Where the files of finished jobs go: under results, into a folder, or to a name of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from moviola.media import metadata
from moviola.media.annotations import SUFFIX
from moviola.media.kinds import KINDS
from moviola.media.material import NO_VIDEO, Material
from moviola.media.video.containers import CONTAINERS
from moviola.session.order import Order, unique
from moviola.session.target import UsageError

MAX_OUT_SIZE: Final = 170
"""Bytes of the name that `--out` gives a file. File systems take 255: behind it come a suffix (18), and while the file
is fetched its job's id (53) and a partial file's marks."""

_NOUNS: Final = {each.extension: each.noun for each in CONTAINERS.values()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one job go.

    With `by_job` into a folder of the job's name, as an aggregator on this machine does. With `name` the only output,
    `output`, gets that name, whatever its suffix, and the files that belong to it are called alike; where the output
    is a folder of pictures, the folder gets it. `main` is how the main file's name ends where that is a file of notes.
    """

    folder: Path
    by_job: bool = False
    name: str = ""
    output: str = ""
    main: str = ""

    def folder_of(self, job: str) -> Path:
        """Return the folder that a job's files go to."""
        return self.folder / job if self.by_job else self.folder

    def path_of(self, job: str, file: str) -> Path:
        """Where the file goes that the aggregator calls so."""
        if not self.name:
            return self.folder_of(job) / file
        rest = file.removeprefix(self.output)
        if rest.startswith("/"):
            return self.folder / (self.name + rest)
        if rest == file or file == metadata.NAME:  # of the whole job
            return self.folder / f"{Path(self.name).stem}.{file}"
        is_beside = rest != self.main and rest.count(".") > 1 and rest.endswith((".json", ".jsonl"))
        return self.folder / (Path(self.name).stem + rest if is_beside else self.name)

    def warnings(self, suffix: str) -> Iterator[str]:
        """A sentence when the name that was asked for says something else than `suffix`, which suits the content."""
        if self.name and suffix and Path(self.name).suffix.lower() != suffix:
            noun = _NOUNS.get(suffix, f"a {suffix}")
            yield f"{self.folder / self.name} is {noun} file, because its streams need one, whatever its name says"


def places_for(orders: Mapping[Material, Order], out: str | None, results: Path) -> dict[Material, Place]:
    """A place for the results of each material. Folders that `out` names are made.

    Raises UsageError when nothing can be written there, or a source would be overwritten.
    """
    if out is None or len(orders) == 1:
        return {material: _only_place(material, order, out, results) for material, order in orders.items()}
    _refuse_file(out)
    folders = [Path(out) / name for name in unique(Path(material.name).stem for material in orders)]
    for folder in folders:
        _make_folder(out, folder)
    return {material: Place(folder) for material, folder in zip(orders, folders, strict=True)}


def _only_place(material: Material, order: Order, out: str | None, results: Path) -> Place:
    kind = KINDS[material.kind]
    if out is not None:
        target = Path(out).resolve()
        sources = [path.resolve() for _, path in material.files]
        if kind.makes_folder and any(source.is_relative_to(target) for source in sources):
            raise UsageError(f"--out {out} holds the sources, which would be overwritten; give another name")
        if len(order.outputs) == 1 and target in sources:
            raise UsageError(f"--out {out} would overwrite the source; give another name")
    has_pictures = order.outputs[0].encoder.codec != NO_VIDEO
    is_folder = kind.makes_folder and has_pictures
    if out is not None and is_folder and len(order.outputs) == 1 and Path(out).suffix.lower() in kind.suffixes:
        raise UsageError(f"--out {out}: {kind.plural} come back in a folder, each under its own name; name a folder")
    place = place_for([output.name for output in order.outputs], out, results, is_folder=is_folder)
    return place if has_pictures else replace(place, main=SUFFIX)


def place_for(outputs: Sequence[str], out: str | None, results: Path, *, is_folder: bool = False) -> Place:
    """A place for the results of one job, by its outputs' names; `is_folder` where an output is a folder of pictures.

    Raises UsageError when nothing can be written there.
    """
    if out is None:
        return Place(results, by_job=True)
    path = Path(out)
    if len(outputs) == 1 and (is_folder or not (out.endswith(("/", os.sep)) or path.is_dir())):
        _refuse_long_name(out, path.name)
        if is_folder:
            _refuse_file(out, "the output is a folder of pictures")
        _make_folder(out, path.parent)
        return Place(path.parent, name=path.name, output=outputs[0])
    _refuse_file(out)
    _make_folder(out, path)
    return Place(path)


def _refuse_file(out: str, why: str = "there are several outputs") -> None:
    if Path(out).exists() and not Path(out).is_dir():
        raise UsageError(f"--out {out} is a file, and {why}; name a folder")


def _refuse_long_name(out: str, name: str) -> None:
    """Before anything is sent: what cannot be written would be known when all is done."""
    size = len(os.fsencode(name))
    if size > MAX_OUT_SIZE:
        reason = f"the name has {size} bytes, and {MAX_OUT_SIZE} leave room for the files beside it, called alike"
        raise UsageError(f"--out {out:.40}…: {reason}; give a shorter one")


def _make_folder(out: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: the folder {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: nothing may be written to the folder {folder}; name another")
