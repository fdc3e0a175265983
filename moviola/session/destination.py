"""Where the files of finished jobs go: under results, into a folder, or to a name of their own."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from moviola.base.files import followed, put
from moviola.base.result_folders import note
from moviola.media import manifest, metadata
from moviola.media.annotations import NAMED, SUFFIX
from moviola.media.images.formats import format_called
from moviola.media.kind import UnsuitedName
from moviola.media.kinds import KINDS
from moviola.media.material import NO_VIDEO, Material
from moviola.media.video.containers import BY_EXTENSION, Container
from moviola.session.order import Order, unique
from moviola.session.target import UsageError

MAX_OUT_SIZE: Final = 170
"""Bytes of the name that `--out` gives a file. File systems take 255: behind it come a suffix (18), and while the file
is fetched its job's id (53) and a partial file's marks."""

LISTING: Final = ".files.jsonl"
"""How an aggregator calls the list of an output's pictures, behind the output's name."""

FileId = tuple[int, int]
"""What is the same for all names of a file: its device and inode."""

_STREAMS: Final = ("/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/fd/", "/proc/self/fd/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one job go.

    With `by_job` into a folder of the job's name, as an aggregator on this machine does. With `name` the only output,
    `output`, gets that name, and the files that belong to it are called alike; where the output is a folder of
    pictures, the folder gets it, or, where it `is_single`, the only picture in it. `main` is how the main file's name
    ends where that is a file of notes.

    A file that is there is never replaced, but with `overwrite`, or where it is one of `replaceable`, or where the
    folder is the job's own. The files `protected`, such as the sources, are not replaced in any case.

    `store` is a folder of results on this machine, where an aggregator may have the files: see `stored_at`.
    """

    folder: Path
    by_job: bool = False
    name: str = ""
    output: str = ""
    main: str = ""
    is_single: bool = False
    overwrite: bool = False
    replaceable: frozenset[Path] = frozenset()
    protected: frozenset[FileId] = frozenset()
    store: Path | None = None

    def folder_of(self, job: str) -> Path:
        """Return the folder that a job's files go to."""
        return self.folder / job if self.by_job else self.folder

    def path_of(self, job: str, file: str) -> Path:
        """Where the file goes that the aggregator calls so."""
        if not self.name:
            return self.folder_of(job) / file
        rest = file.removeprefix(self.output)
        if rest.startswith("/"):
            return self.folder / (self.name if self.is_single else self.name + rest)
        if rest == file or file == metadata.NAME:  # of the whole job
            return self.folder / f"{Path(self.name).stem}.{file}"
        is_beside = rest != self.main and rest.count(".") > 1 and rest.endswith((".json", ".jsonl", manifest.SUFFIX))
        return self.folder / (Path(self.name).stem + rest if is_beside else self.name)

    def target_of(self, job: str, file: str) -> Path:
        """Where the file is written: `path_of`, or what a link there leads to."""
        return followed(self.path_of(job, file))

    def stored_at(self, job: str, file: str) -> Path | None:
        """Return where a file of the job lies if its aggregator keeps its results in a folder that is known here."""
        return None if self.store is None else self.store / job / file

    def misnomer(self, file: str) -> str:
        """Return why a finished file cannot get the name that was asked for, which says another format, or nothing."""
        said, has = Path(self.name).suffix.lower(), Path(file).suffix.lower()
        if not said or not has or self.path_of("", file).name != self.name:
            return ""
        same = said == has or (said in NAMED and has in NAMED) or _format(said) == _format(has) is not None
        return "" if same else f"{self.folder / self.name} ends in {said}, but the result is {has}; name it {has}"

    def obstacle(self, target: Path) -> str:
        """Return why nothing may be written to what `target_of` returned, or nothing. Raise OSError."""
        try:
            found = target.lstat()
        except FileNotFoundError:
            return ""
        if not stat.S_ISREG(found.st_mode):
            return f"{target} is {noun_of(found.st_mode)}, not an ordinary file"
        if (found.st_dev, found.st_ino) in self.protected:
            return f"{target} is a source of this command, and is left as it is"
        if self._may_replace(target):
            return ""
        return f"{target} is there, and is left as it is"

    def put(self, partial: Path, target: Path) -> None:
        """Give a file that is whole its name. Raise FileExistsError, with a sentence, where there is one that may not
        be replaced, also when it came a moment ago; OSError as the disk does."""
        if obstacle := self.obstacle(target):
            raise FileExistsError(errno.EEXIST, obstacle)
        if self.by_job and target.is_relative_to(self.folder):
            job, file = _in_results(self.folder, target)
            note(self.folder, job, file, partial)
        try:
            put(partial, target, replace=self._may_replace(target))
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, f"{target} is there, and is left as it is") from None

    def _may_replace(self, target: Path) -> bool:
        is_known = target in self.replaceable or not self.replaceable.isdisjoint(target.parents)
        return self.overwrite or self.by_job or is_known


def _in_results(results: Path, target: Path) -> tuple[str, str]:
    """Return the job whose folder a file lies in, and its name there."""
    job, *parts = target.relative_to(results).parts
    return job, "/".join(parts)


def _format(suffix: str) -> Container | str | None:
    """Return the container or the format of pictures whose files are called so."""
    return BY_EXTENSION.get(suffix) or format_called(suffix)


def noun_of(mode: int) -> str:
    """What people call a file of such a mode (`st_mode`)."""
    return next((noun for is_one, noun in _NOUNS if is_one(mode)), "a file")


_NOUNS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a link"),
)


def named(orders: Mapping[Material, Order], out: str | None) -> dict[Material, Order]:
    """Return the orders with the formats that the name in `out` says, where it names the only output.

    Raises UsageError for a name that says a format which the output cannot have.
    """
    if out is None or len(orders) != 1:
        return dict(orders)
    ((material, order),) = orders.items()
    if len(order.outputs) != 1 or not _names_output(material, order, out):
        return dict(orders)
    naming, output = KINDS[material.kind].naming, order.outputs[0]
    single = naming.single if is_single(material, order, out) else None
    try:
        encoder = (single or naming).fitted(output.encoder, Path(out).suffix)
    except UnsuitedName as error:
        raise UsageError(f"--out {out}: {error}") from error
    return {material: replace(order, outputs=(replace(output, encoder=encoder),))}


def places_for(orders: Mapping[Material, Order], out: str | None, results: Path) -> dict[Material, Place]:
    """A place for the results of each material. Folders that `out` names are made.

    Raises UsageError when nothing can be written there, or a source would be overwritten.
    """
    if out is None or len(orders) == 1:
        return {material: _only_place(material, order, out, results) for material, order in orders.items()}
    _refuse_file(out, "there are several sources")
    _refuse_file_name(out, "there are several sources")
    folders = [Path(out) / name for name in unique(Path(material.name).stem for material in orders)]
    for folder in folders:
        _make_folder(out, folder)
    return {material: Place(folder) for material, folder in zip(orders, folders, strict=True)}


def _only_place(material: Material, order: Order, out: str | None, results: Path) -> Place:
    kind = KINDS[material.kind]
    if out is not None:
        target = Path(os.path.realpath(out))
        sources = [Path(os.path.realpath(path)) for _, path in material.files]
        if kind.makes_folder and any(source.is_relative_to(target) for source in sources):
            raise UsageError(f"--out {out} holds the sources, which would be overwritten; give another name")
    has_pictures = order.outputs[0].encoder.codec != NO_VIDEO
    is_file = out is not None and is_single(material, order, out)
    is_folder = kind.makes_folder and has_pictures and not is_file
    place = place_for([output.name for output in order.outputs], out, results, is_folder=is_folder)
    return replace(place, is_single=is_file) if has_pictures else replace(place, main=SUFFIX)


def is_single(material: Material, order: Order, out: str) -> bool:
    """Return whether `out` names the only picture of an output that would be a folder, and not that folder."""
    has_naming = KINDS[material.kind].naming.single is not None
    is_one_file = len(material.files) == 1 and material.files[0][0] == material.name  # and no folder with one in it
    is_one_output = len(order.outputs) == 1 and order.outputs[0].encoder.codec != NO_VIDEO
    return has_naming and is_one_file and is_one_output and bool(Path(out).suffix) and not _is_folder_name(out)


def _names_output(material: Material, order: Order, out: str) -> bool:
    """Whether `out` is the name of the only output, and not that of a folder for it."""
    is_folder = KINDS[material.kind].makes_folder and order.outputs[0].encoder.codec != NO_VIDEO
    return is_folder or not _is_folder_name(out)


def _is_folder_name(out: str) -> bool:
    return out.endswith(("/", os.sep)) or os.path.isdir(out)


def place_for(outputs: Sequence[str], out: str | None, results: Path, *, is_folder: bool = False) -> Place:
    """A place for the results of one job, by its outputs' names; `is_folder` where an output is a folder of pictures.

    Raises UsageError when nothing can be written there.
    """
    if out is None:
        return Place(results, by_job=True)
    path = Path(out)
    _refuse_stream(out)
    if len(outputs) == 1 and (is_folder or not _is_folder_name(out)):
        _refuse_long_name(out, path.name)
        if is_folder:
            _refuse_file(out, "the output is a folder of pictures")
        _make_folder(out, path.parent)
        return Place(path.parent, name=path.name, output=outputs[0])
    _refuse_file(out, "there are several outputs")
    _refuse_file_name(out, "there are several outputs")
    _make_folder(out, path)
    return Place(path)


def _refuse_stream(out: str) -> None:
    if out == "-":
        raise UsageError("--out - is standard output, for commands that send or fetch one result; name a file")
    if os.path.abspath(out).startswith(_STREAMS):
        raise UsageError(f"--out {out} is not a file; --out - writes to standard output")


def _refuse_file(out: str, why: str) -> None:
    if not os.path.lexists(out) or os.path.isdir(out):
        return
    try:
        noun = noun_of(Path(out).stat().st_mode)
    except OSError:
        noun = "a link that leads nowhere"
    raise UsageError(f"--out {out} is {noun}, and {why}; name a folder")


def _refuse_file_name(out: str, why: str) -> None:
    """Raise UsageError for what would be taken for a file, where it would be a folder."""
    if not _is_folder_name(out) and any(Path(out).suffix.lower() in kind.suffixes for kind in KINDS.values()):
        raise UsageError(f"--out {out} is a name for one file, and {why}; name a folder, {out}/")


def _refuse_long_name(out: str, name: str) -> None:
    """Before anything is sent: what cannot be written would be known when all is done."""
    size = len(os.fsencode(name))
    if size > MAX_OUT_SIZE:
        reason = f"the name has {size} bytes; {MAX_OUT_SIZE} are the most, as files beside it get longer names"
        raise UsageError(f"--out {out:.40}…: {reason}; give a shorter one")


def _make_folder(out: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: the folder {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: nothing may be written to the folder {folder}; name another")
