"""What a person names, files and folders, and the source that each material in them is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from client.order import Order, unique
from media.errors import UnreadableSource
from media.images.formats import SUFFIXES as IMAGE_SUFFIXES
from media.kinds import check as check_outputs
from media.kinds import split
from media.material import Chunk, Material, Source, encodable

DATA_FOLDER: Final = Path("data")
"""What is sent when no path is named."""

# fmt: off
VIDEO_SUFFIXES: Final = frozenset((
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2ts",
    ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm",
    ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
))
# fmt: on
"""How files are told apart in a folder. A file that is named itself may be called anything."""


TABLE_SUFFIXES: Final = frozenset((".csv",))

MAX_FOLDERS: Final = 10_000
"""Folders that are looked into for pictures: a whole disk is hardly meant."""


def kind_of(path: Path) -> str:
    """The kind of material that a file is, by its name; what is called like nothing known may be a video."""
    suffix = path.suffix.lower()
    return "images" if suffix in IMAGE_SUFFIXES else "table" if suffix in TABLE_SUFFIXES else "video"


def find(named: Sequence[Path]) -> tuple[list[Material], list[UnreadableSource]]:
    """What is to be sent, each file once, and what is wrong with the other paths.

    Each video is one material; all images named by themselves are one; so are the images of a folder, with those in
    folders below it; and all tables together are one. A folder stands for what lies directly in it, and for the
    folders of images in it.
    """
    found = _Found()
    complaints = []
    for path in named or [DATA_FOLDER]:
        try:
            _look_at(path, found)
        except UnreadableSource as complaint:
            complaints.append(complaint)
    return found.materials(), complaints


class _Found:
    """What has been found so far, each file once."""

    def __init__(self) -> None:
        self._seen: set[Path] = set()
        self._videos: list[Material] = []
        self._folders: list[Material] = []
        self._images: list[Path] = []
        self._tables: list[Path] = []

    def add(self, path: Path) -> None:
        """A file that was named, or that lies in a folder that was."""
        if self._is_new(path):
            kind = kind_of(path)
            if kind == "video":
                self._videos.append(Material.single(kind, path))
            else:
                (self._images if kind == "images" else self._tables).append(path)

    def add_images(self, folder: Path, files: Sequence[Path]) -> None:
        """The images of a folder, which keep their place in it."""
        new = tuple((path.relative_to(folder).as_posix(), path) for path in files if self._is_new(path))
        if new:
            self._folders.append(Material("images", folder.resolve().name or "images", new))

    def materials(self) -> list[Material]:
        together = [
            Material(kind, _name_of(paths), _named(paths))
            for kind, paths in (("images", self._images), ("table", self._tables))
            if paths
        ]
        return [*self._videos, *self._folders, *together]

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


def _look_at(path: Path, found: _Found) -> None:
    try:
        if path.is_dir():
            return _look_into(path, found)
        if not path.exists():
            raise UnreadableSource(path, "there is no such file or folder", "check the path")
        if not path.is_file():
            raise UnreadableSource(path, "this is neither a file nor a folder", "copy it into a file first")
    except (OSError, ValueError) as error:  # too long a name, no right to look, a zero byte
        raise UnreadableSource(path, _words(error), "check the path and its permissions") from None
    return found.add(path)


def _look_into(folder: Path, found: _Found) -> None:
    """A folder with images is one of images, and so is, where it has none, each folder in it that has some."""
    files = _files_in(folder)
    others = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES | TABLE_SUFFIXES]
    for path in others:
        found.add(path)
    folders = [folder]
    if not any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    any_images = False
    for each in folders:
        images = _images_below(each)
        found.add_images(each, images)
        any_images = any_images or bool(images)
    if not others and not any_images:
        way_out = "put some there or name a file"
        raise UnreadableSource(folder, "there are no videos, images or tables in this folder", way_out)


def _files_in(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if not file.name.startswith(".") and file.is_file()]


def _images_below(top: Path) -> list[Path]:
    """Images in a folder and in those below it; links to folders are not followed.

    Raises UnreadableSource where one of the folders cannot be looked into: its images would be missing without a word.
    """
    images: list[Path] = []
    for count, (folder, inner, names) in enumerate(os.walk(top, onerror=_refuse_folder)):
        if count >= MAX_FOLDERS:
            raise UnreadableSource(top, f"it has more than {MAX_FOLDERS} folders", "name the ones that are meant")
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        paths = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
        images += [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    return images


def _refuse_folder(error: OSError) -> None:
    raise UnreadableSource(Path(error.filename), _words(error), "check its permissions, or name the others") from None


class Reader:
    """One source, read chunk by chunk, as often as it takes. Making it checks the file.

    Raises media.errors.UnreadableSource, here and in each method, when the file cannot be taken or has changed, here
    also when the outputs cannot be made of it.
    """

    def __init__(self, material: Material, order: Order) -> None:
        self._material, self._order = material, order
        self._path = material.path if len(material.files) == 1 else Path(material.name)
        self.source, self._chunks = self._split()
        check_outputs(self.source, order.outputs)

    def next_chunk(self) -> Chunk | None:
        """The next chunk; None after the last."""
        try:
            return next(self._chunks, None)
        except (OSError, ValueError) as error:  # PyAV's errors are either, besides their own class
            raise UnreadableSource(self._path, f"it could not be read on: {_words(error)}", "check it") from error

    def rewind(self) -> None:
        """Begins with the first chunk again."""
        source, self._chunks = self._split()
        if source.fingerprint != self.source.fingerprint:
            raise UnreadableSource(self._path, "it changed while it was sent", "send it again")

    def _split(self) -> tuple[Source, Iterator[Chunk]]:
        try:
            return split(self._material, self._order.cutting)
        except OSError as error:
            raise UnreadableSource(self._path, _words(error), "check the file and its permissions") from error


def verify_cuts(material: Material, order: Order) -> None:
    """Decodes a whole video, once in one go and once chunk by chunk; raises UnreadableSource where they differ."""
    from media.video.check import check  # noqa: PLC0415 - numpy and a decoder that sending does without

    if material.kind != "video":
        return
    (result,) = check(material.path, [order.cutting.chunk_frames])
    if not result.equal and not result.damaged_only:
        reason = f"{result.differing} of its frames come out differently when it is cut ({result.differences[0]})"
        raise UnreadableSource(material.path, reason, "try another --chunk-frames, or convert it first")


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
