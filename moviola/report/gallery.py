"""The pictures of a job whose outputs are folders: which are shown, and small copies of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

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
    """The file of the source that a picture was made of: its name there, and its bytes."""

    source: str
    size: int


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
    """Return some pictures of a folder: those with which something is wrong, and some of the others.

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
    wrong = [file for file in files if _name(file, folder) in troubles][:most]
    others = [file for file in files if _name(file, folder) not in troubles]
    left = most - len(wrong)
    for file in [*wrong, *_spread(others, folder, before, left)]:
        if budget.is_spent:
            break
        name = _name(file, folder)
        try:
            if file.size > MAX_FILE_SIZE:
                raise NoPictures("it is too large")
            pixels = picture_of(opened(file).read())
        except (NoPictures, OSError) as error:
            album.missing = f"{name} cannot be shown: {error}"
            continue
        height, width = pixels.shape[:2]
        size = f"{sized(before[name].size)} → {sized(file.size)}" if name in before else sized(file.size)
        note = ", ".join(filter(None, [f"{width} × {height}", size, troubles.get(name, "")]))
        made = thumbnail(pixels, name, note)
        if not budget.take(made):
            break
        album.pictures.append(made)
    album.missing = album.missing or budget.reason
    return album


def _spread(files: list[FinishedFile], folder: str, before: Mapping[str, Before], most: int) -> list[FinishedFile]:
    """Return at most `most` of the pictures, evenly spread, and no more than one that was made of the same file."""
    if not most:
        return []
    by_source: dict[str, FinishedFile] = {}
    for file in files:
        name = _name(file, folder)
        by_source.setdefault(before[name].source if name in before else name, file)
    chosen = list(by_source.values())
    return chosen[:: -(-len(chosen) // most)] if chosen else []


def _name(file: FinishedFile, folder: str) -> str:
    return file.file.removeprefix(f"{folder}/")
