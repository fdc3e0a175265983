"""What lies already where the files of a job shall go: refused, known again as the result of the same job, or replaced.

All of it is looked at before anything is sent. What appears later is not replaced either: see `Place.put`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from moviola.base.files import followed
from moviola.base.finished_file import FinishedFile
from moviola.media import manifest, metadata, metrics
from moviola.media.annotations import SUFFIX
from moviola.media.errors import UnreadableSource
from moviola.media.kind import Naming
from moviola.media.kinds import KINDS, split
from moviola.media.material import Encoder, Material, Source
from moviola.session.destination import LISTING, FileId, Place, named, noun_of, places_for
from moviola.session.fetching import Wanted
from moviola.session.files import holds
from moviola.session.order import Order
from moviola.session.outcome import Outcome
from moviola.session.recognition import Recognised, recognised
from moviola.session.target import UsageError
from moviola.session.units import counted


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the files of one job go, and the order that makes them. `finished` is the outcome of an earlier run where
    all its files are there already; then nothing is to be sent."""

    order: Order
    place: Place
    finished: Outcome | None = None


def settle(
    orders: Mapping[Material, Order], out: str | None, results: Path, *, overwrite: bool = False
) -> dict[Material, Destination]:
    """Return where the files of each material go; the orders get the formats that the name in `out` says.

    Args:
        out: a file's or folder's name; None for the job's own folder under `results`.
        overwrite: whether files that are there may be replaced; sources are not in any case.

    Raises:
        UsageError: a file cannot be written, or is there and may not be replaced.
    """
    orders = named(orders, out)
    places = places_for(orders, out, results)
    if out is None:
        return {material: Destination(order, places[material]) for material, order in orders.items()}
    targets = _Targets(out, _files_read(orders))
    destinations = {}
    strangers: list[Path] = []
    for material, order in orders.items():
        place = replace(places[material], protected=targets.protected, overwrite=overwrite, store=results)
        naming = KINDS[material.kind].naming
        there = targets.take(_wanted(order, place, naming.endings))
        found = Recognised()
        if place.is_single or (there and not overwrite):
            source = _source(material, order)
            if source is not None and place.is_single:
                _refuse_several(naming, source, order, out)
            if source is not None and there and not overwrite:
                found = recognised(material, source, order, place)
                exact = {each.path for each in _wanted(order, place, partial(_ending, naming, source))}
                strangers += [path for path in there if path in exact and followed(path) not in found.files]
        destinations[material] = Destination(order, replace(place, replaceable=found.files), found.outcome)
    refuse(strangers)
    return destinations


def _refuse_several(naming: Naming, source: Source, order: Order, out: str) -> None:
    """Raise UsageError where an output that was given a file's name is more than one file."""
    if naming.single is not None and (obstacle := naming.single.obstacle(source, order.outputs[0].encoder)):
        raise UsageError(f"--out {out}: {obstacle}")


def settle_fetch(
    files: Iterable[FinishedFile], place: Place, out: str, results: Path, *, overwrite: bool = False
) -> Place:
    """Return the place for the files of a job that was sent before; what is there of them already is theirs.

    Args:
        files: of the job's record, as far as they are known; those that are listed in them, such as pictures, are
            looked at one by one when they come.
        out: as a person gave it.
        results: where an aggregator on this machine may have them.

    Raises:
        UsageError: a file cannot be written, or is there and may not be replaced.
    """
    place = replace(place, overwrite=overwrite, store=results)
    targets = _Targets(out, ())
    strangers = []
    try:
        known = [Wanted.of(each) for each in files]
    except ValueError:
        return place  # it will be refused in the same words when it comes
    for wanted in known:
        if misnomer := place.misnomer(wanted.file):
            raise UsageError(misnomer)
        path = place.path_of("", wanted.file)
        if targets.take([_Wanted(path)]) and not overwrite and not _is_this(path, wanted):
            strangers.append(path)
    refuse(strangers)
    return place


def _is_this(path: Path, wanted: Wanted) -> bool:
    """Return whether a file is this one of a job already. Raises UsageError where that cannot be seen."""
    try:
        return holds(path, wanted.size, wanted.xxh3)
    except OSError as error:
        raise UsageError(f"{path} is there and cannot be read: {error.strerror}; give another --out") from error


def refuse(strangers: list[Path]) -> None:
    """Raise UsageError that names the first of the files that are there and may not be replaced, if there are any."""
    if strangers:
        first, others = strangers[0], len(strangers) - 1
        what, them = (f"{first} and {counted(others, 'file')} more are", "them") if others else (f"{first} is", "it")
        raise UsageError(f"{what} there already; --overwrite (-y) replaces {them}, or give another --out")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that a job may make, or the folder of an output's pictures."""

    path: Path
    is_folder: bool = False


def _wanted(order: Order, place: Place, endings: Callable[[Encoder], tuple[str, ...]]) -> Iterator[_Wanted]:
    """Yield every file and folder that a job of this order may write at `place`. `endings` returns the endings that a
    main file may have with an encoder."""
    for output in order.outputs:
        for ending in endings(output.encoder):
            yield _Wanted(place.path_of("", output.name + ending), is_folder=not ending and not place.is_single)
            if not ending:
                yield _Wanted(place.path_of("", output.name + LISTING))
        beside = [metrics.SUFFIX, SUFFIX, *([manifest.SUFFIX] if output.manifest else [])]
        yield from (_Wanted(place.path_of("", output.name + suffix)) for suffix in beside)
    yield _Wanted(place.path_of("", metadata.NAME))


def _ending(naming: Naming, source: Source, encoder: Encoder) -> tuple[str, ...]:
    return (naming.ending_of(source, encoder),)


def _source(material: Material, order: Order) -> Source | None:
    """Return the source; None where it cannot be read: the error is told when the source's turn to be sent comes."""
    try:
        return split(material, order.cutting)[0]
    except (UnreadableSource, OSError):
        return None


def _files_read(orders: Mapping[Material, Order]) -> Iterator[Path]:
    """Yield all files that the command reads."""
    for material, order in orders.items():
        yield from (path for _, path in material.files)
        yield from (asset.path for asset in order.assets if asset.path is not None)


class _Targets:
    """All files that one command will write. Raises UsageError for what cannot be written, or twice.

    Args:
        out: as a person gave it.
        read: the files that the command reads, which it never writes to.
    """

    def __init__(self, out: str, read: Iterable[Path]) -> None:
        self._out = out
        self._read = {found: path for path in read if (found := _id_of(path)) is not None}
        self._seen: dict[str, Path] = {}

    @property
    def protected(self) -> frozenset[FileId]:
        """Return the files that are never written to, whatever they are called."""
        return frozenset(self._read)

    def take(self, wanted: Iterable[_Wanted]) -> list[Path]:
        """Return which of the files of a job are there, a folder only if there is something in it."""
        taken = dict.fromkeys(wanted)  # notes alone are their output's main file
        for each in taken:
            real = os.path.realpath(each.path)
            other = self._seen.setdefault(real.casefold(), each.path)
            if other != each.path:
                self._refuse(f"{each.path} is the same file as {other}, and two outputs go there")
        return [each.path for each in taken if self._is_there(each)]

    def _is_there(self, wanted: _Wanted) -> bool:
        path = wanted.path
        try:
            found = path.stat()
            if wanted.is_folder and stat.S_ISDIR(found.st_mode):
                return any(path.iterdir())
        except FileNotFoundError:
            if path.is_symlink() and not followed(path).parent.is_dir():
                self._refuse(f"{path} is a link to {followed(path)}, whose folder does not exist")
            return False
        except OSError as error:
            self._refuse(f"{path}: {error.strerror}")
        if not stat.S_ISREG(found.st_mode):
            hint = "give a file's name, or - for standard output"
            self._refuse(f"{path} is {noun_of(found.st_mode)}, not an ordinary file", hint)
        if source := self._read.get((found.st_dev, found.st_ino)):
            which = "is read" if path == source else f"is the same file as {source}, which is read,"
            self._refuse(f"{path} {which} and would be overwritten")
        return True

    def _refuse(self, why: str, hint: str = "give another name") -> NoReturn:
        told = "" if why.startswith(self._out) else f"--out {self._out}: "
        raise UsageError(f"{told}{why}; {hint}")


def _id_of(path: Path) -> FileId | None:
    """Return what is the same for all names of a file; None where it cannot be looked at."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
