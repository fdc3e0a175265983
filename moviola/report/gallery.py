"""The pictures of a job whose outputs are folders: which are shown, and small copies of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from moviola.base.finished_file import FinishedFile
from moviola.base.json_texts import json_in
from moviola.base.mapped import Malformed
from moviola.media.images.formats import MAX_FILE_SIZE
from moviola.report.facts import Album
from moviola.report.thumbnails import Budget, NoPictures, picture_of, thumbnail
from moviola.report.words import sized
from moviola.session.remote_file import RemoteFile
from moviola.wire.limits import MIB

MAX_LISTING_SIZE: Final = 64 * MIB
"""Bytes of a list of pictures that are read: a job has 200 000 of them at most, each with some 150 bytes."""


class Before(NamedTuple):
    """The file of the source that a picture was made of: its name there, and its bytes; 0 where they are not known."""

    source: str
    size: int


def before_of(told: Any) -> dict[str, Before]:
    """Return of which files of the source pictures were made, by the pictures' names, as metrics tell it."""
    rows = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    return {
        str(one.get("name")): Before(str(one.get("source")), size)
        for one in rows
        if isinstance(size := one.get("source_size"), int)
    }


def pictures_named(file: RemoteFile) -> list[FinishedFile]:
    """Return the pictures that a listing names. Raises OSError."""
    found = []
    for line in b"".join(file.pieces(MAX_LISTING_SIZE)).split(b"\n"):
        try:
            found.append(FinishedFile.from_wire(json_in(line)))
        except (Malformed, ValueError):
            continue
    return found


def gallery_of(
    files: list[FinishedFile],
    folder: str,
    troubles: Mapping[str, str],
    before: Mapping[str, Before],
    most: int,
    opened: Callable[[FinishedFile], RemoteFile],
    budget: Budget,
) -> Album:
    """Return some pictures of a folder: those with which something is wrong, and some of the others, evenly spread. Of
    those that were made of the same file there is one.

    Args:
        files: all of them.
        folder: in which they lie.
        troubles: what is wrong, by the pictures' names in the source.
        before: of which files they were made, by the pictures' names, as far as that is known.
        most: how many are shown.
        opened: opens one of the job's files.
        budget: for all pictures of the report.
    """
    album = Album(len(files))
    by_source: dict[str, FinishedFile] = {}
    for file in files:
        name = _name(file, folder)
        by_source.setdefault(before[name].source if name in before else name, file)
    wrong = [source for source in by_source if source in troubles][:most]
    others = [source for source in by_source if source not in troubles]
    for source in [*wrong, *_spread(others, most - len(wrong))]:
        if budget.is_spent:
            break
        file = by_source[source]
        name = _name(file, folder)
        try:
            if file.size > MAX_FILE_SIZE:
                raise NoPictures("it is too large")
            pixels = picture_of(opened(file).read())
        except (NoPictures, OSError) as error:
            album.missing = f"{name} cannot be shown: {error}"
            continue
        height, width = pixels.shape[:2]
        was = f"{sized(before[name].size)} → " if name in before and before[name].size else ""
        note = ", ".join(filter(None, [f"{width} × {height}", f"{was}{sized(file.size)}", troubles.get(source, "")]))
        made = thumbnail(pixels, name, note)
        if not budget.take(made):
            break
        album.pictures.append(made)
    album.missing = album.missing or budget.reason
    return album


def _spread(values: list[str], most: int) -> list[str]:
    """Return at most so many of the values, evenly spread."""
    return values[:: -(-len(values) // most)] if most and values else []


def _name(file: FinishedFile, folder: str) -> str:
    return file.file.removeprefix(f"{folder}/")
