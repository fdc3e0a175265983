"""What a person names, files and folders, and the source that each material in them is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from moviola.base.invocation import typed
from moviola.base.texts import encodable
from moviola.filters.schema import ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.kind import Grouping, Kind
from moviola.media.kinds import KINDS, kind_of_file, known_kind, split
from moviola.media.kinds import check as check_outputs
from moviola.media.material import Chunk, Material, Source
from moviola.session.faults import contained, contained_of
from moviola.session.order import Order, unique

DATA_FOLDER: Final = Path("data")
"""What is sent when no path is named."""

MAX_FOLDERS: Final = 10_000
"""Folders that are looked into for files of one material: a whole disk is hardly meant."""

MAX_NAMED: Final = 5
"""Files by name in a sentence that counts them all."""


_URL: Final = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}([^/].*)", re.IGNORECASE | re.DOTALL)  # a Path has one slash


def find(
    named: Sequence[Path], say: Callable[[str], None] = lambda _sentence: None
) -> tuple[list[Material], list[UnreadableSource]]:
    """What is to be sent, each file once, and what is wrong with the other paths.

    `say` is told of files in folders that are not sent, because they are of no kind that is known.

    Which files are one material is said by their kind's `grouping`. A folder stands for what lies directly in it, and,
    for kinds whose folders are a material, for the folders of such files in it.
    """
    found = _Found()
    complaints = []
    for path in named or [DATA_FOLDER]:
        try:
            if not named and not path.is_dir():
                raise UnreadableSource(
                    path, "nothing was named, and there is no such folder", "name what is to be sent"
                )
            with contained("", [path]):
                _look_at(path, found, say)
        except UnreadableSource as complaint:
            complaints.append(complaint)
    return found.materials(), complaints


class _Found:
    """What has been found so far, each file once."""

    def __init__(self) -> None:
        self._seen: set[Path] = set()
        self._materials: dict[str, list[Material]] = {name: [] for name in KINDS}
        self._together: dict[str, list[Path]] = {name: [] for name in KINDS}

    def add(self, path: Path) -> None:
        """A file that was named, or that lies in a folder that was."""
        if self._is_new(path):
            kind = kind_of_file(path)
            if kind.grouping is Grouping.EACH:
                self._materials[kind.name].append(Material.single(kind.name, path))
            else:
                self._together[kind.name].append(path)

    def add_folder(self, kind: Kind, folder: Path, files: Sequence[Path]) -> None:
        """The files of a kind in a folder, which keep their place in it."""
        new = tuple((path.relative_to(folder).as_posix(), path) for path in files if self._is_new(path))
        if new:
            self._materials[kind.name].append(Material(kind.name, folder.resolve().name or kind.name, new))

    def materials(self) -> list[Material]:
        """Return what is to be sent: first what is a material by itself, then what goes together, kind by kind."""
        together = [Material(kind, _name_of(paths), _named(paths)) for kind, paths in self._together.items() if paths]
        return [*(one for made in self._materials.values() for one in made), *together]

    def _is_new(self, path: Path) -> bool:
        known = len(self._seen)
        self._seen.add(path.resolve())
        return len(self._seen) > known


def _name_of(paths: Sequence[Path]) -> str:
    """What files that are sent together are called: like the only one, or like the folder they lie in."""
    folders = {path.resolve().parent for path in paths}
    if len(paths) == 1:
        return paths[0].name
    return (folders.pop().name if len(folders) == 1 else "") or f"{len(paths)} files"


def _named(paths: Sequence[Path]) -> tuple[tuple[str, Path], ...]:
    """The files by names that differ, as messages carry them too."""
    return tuple(zip(unique((encodable(path.name) for path in paths), are_files=True), paths, strict=True))


def _look_at(path: Path, found: _Found, say: Callable[[str], None]) -> None:
    if (url := _URL.fullmatch(str(path))) and not path.exists():
        whole = f"{url[1]}://{url[2]}"
        hint = f"fetch it first: curl -L '{whole}' | {typed('send')} -"
        raise UnreadableSource(whole, "this is a URL, and only files are read", hint)
    try:
        if path.is_dir():
            return _look_into(path, found, say)
        if not path.exists():
            raise UnreadableSource(path, "there is no such file or folder", "check the path")
        if not path.is_file():
            raise UnreadableSource(path, "this is neither a file nor a folder", "copy it into a file first")
    except (OSError, ValueError) as error:  # too long a name, no right to look, a zero byte
        raise UnreadableSource(path, _words(error), "check the path and its permissions") from None
    return found.add(path)


def _look_into(folder: Path, found: _Found, say: Callable[[str], None]) -> None:
    """Add what a folder stands for; raise UnreadableSource where that is nothing."""
    files = {path: known_kind(path) for path in _files_in(folder)}
    others = [path for path, kind in files.items() if kind is not None and kind.grouping is not Grouping.FOLDERS]
    for path in others:
        found.add(path)
    passed_over = {path for path, kind in files.items() if kind is None}
    any_folder = False
    for kind in KINDS.values():
        if kind.grouping is Grouping.FOLDERS:
            any_folder = _look_for(kind, folder, files, found, passed_over) or any_folder
    passed_over -= {path for path, kind in files.items() if kind is not None}
    if not others and not any_folder:
        *most, last = (kind.plural for kind in KINDS.values())
        hint = "put some there or name a file"
        raise UnreadableSource(folder, f"there are no {', '.join(most)} or {last} in this folder", hint)
    if passed_over:
        say(_of_passed_over(folder, sorted(passed_over)))


def _of_passed_over(folder: Path, paths: Sequence[Path]) -> str:
    names = ", ".join(path.relative_to(folder).as_posix() for path in paths[:MAX_NAMED])
    more = f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else ""
    what = "1 file is" if len(paths) == 1 else f"{len(paths)} files are"
    return f"{folder}: {what} not sent, because such files are not read from a folder: {names}{more}"


def _look_for(
    kind: Kind, folder: Path, files: Mapping[Path, Kind | None], found: _Found, passed_over: set[Path]
) -> bool:
    """Add a folder as one material of a kind if it has files of it, else each folder in it that has some; tell whether
    there was any, and add other files to `passed_over`."""
    folders = [folder]
    if kind not in files.values():
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    any_files = False
    for each in folders:
        all_below = _files_below(each)
        below = [path for path in all_below if known_kind(path) is kind]
        passed_over.update(set(all_below) - set(below))
        found.add_folder(kind, each, below)
        any_files = any_files or bool(below)
    return any_files


def _files_in(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if not file.name.startswith(".") and file.is_file()]


def _files_below(top: Path) -> list[Path]:
    """Return the files in a folder and in those below it; links to folders are not followed.

    Raise UnreadableSource where one of the folders cannot be looked into: its files would be missing without a word.
    """
    found: list[Path] = []
    for count, (folder, inner, names) in enumerate(os.walk(top, onerror=_refuse_folder)):
        if count >= MAX_FOLDERS:
            raise UnreadableSource(top, f"it has more than {MAX_FOLDERS} folders", "name the ones that are meant")
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        paths = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
        found += [path for path in paths if path.is_file()]
    return found


def _refuse_folder(error: OSError) -> None:
    raise UnreadableSource(Path(error.filename), _words(error), "check its permissions, or name the others") from None


class Reader:
    """One source, read chunk by chunk, as often as it takes. Making it checks the file.

    Raises moviola.media.errors.UnreadableSource, here and in each method, when the file cannot be taken or has changed,
    here also when the outputs cannot be made of it.
    """

    def __init__(self, material: Material, order: Order) -> None:
        self._material, self._order = material, order
        self._path = material.path if len(material.files) == 1 else Path(material.name)
        with contained_of(material, ParameterError):
            self.source, self._chunks = self._split()
            check_outputs(self.source, order.outputs)

    def next_chunk(self) -> Chunk | None:
        """The next chunk; None after the last."""
        with contained_of(self._material):
            try:
                return next(self._chunks, None)
            except (OSError, ValueError) as error:  # PyAV's errors are either, besides their own class
                if not _is_told(error):
                    raise
                raise UnreadableSource(self._path, f"it could not be read on: {_words(error)}", "check it") from error

    def rewind(self) -> None:
        """Begins with the first chunk again."""
        with contained_of(self._material):
            source, self._chunks = self._split()
        if source.fingerprint != self.source.fingerprint:
            raise UnreadableSource(self._path, "it changed while it was sent", "send it again")

    def _split(self) -> tuple[Source, Iterator[Chunk]]:
        try:
            return split(self._material, self._order.cutting)
        except OSError as error:
            raise UnreadableSource(self._path, _words(error), "check the file and its permissions") from error


def _is_told(error: Exception) -> bool:
    """Whether the system or FFmpeg says so, whose words tell a person what is wrong."""
    return isinstance(error, OSError) or hasattr(error, "strerror")


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
