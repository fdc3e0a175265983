"""What the pictures of a result are called: as their sources, made safe for any file system, each name once.

Names come from other machines. What would leave the folder, hide, or mean something to a shell or to another system
is replaced, never refused: a strange name must not cost a picture.
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import Final

from moviola.base.file_names import mended, shortened
from moviola.media.images.formats import FORMATS

MAX_NAME_BYTES: Final = 140
"""Of one name between slashes, in UTF-8. File systems take 255, results of an aggregator 180; a page's number, a
number against doubles and a suffix come behind."""

MAX_FOLDERS: Final = 16
"""Folders within one another; those beyond are joined into the last."""


class Names:
    """Hands out the names of one output's pictures, in the order of the source.

    `changed` are those that had to differ from their source's in more than the suffix: source and name.
    """

    def __init__(self) -> None:
        self.changed: dict[str, str] = {}
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._numbers: dict[str, int] = {}  # of a name that was taken, the number that was given last

    def take(self, source: str, kind: str, page: int = 0) -> str:
        """Return a name, relative and with "/" between folders, for what came of the picture `source` in the format
        `kind`; `page` counts from 1 where a file's pages are pictures of their own.

        Two names that differ in nothing but upper and lower case count as one: some file systems think so.
        """
        wanted = safe(source)
        *folders, last = wanted.split("/")
        path = PurePosixPath(last)
        suffix = path.suffix if path.suffix.lower() in FORMATS[kind].suffixes else FORMATS[kind].suffixes[0]
        is_picture = any(path.suffix.lower() in each.suffixes for each in FORMATS.values())
        stem = path.stem if is_picture else last
        if page:
            stem += f"-p{page:04d}"
        folder = self._folder(folders)
        name, number = f"{folder}{stem}{suffix}", 1
        plain = _key(name)
        while _key(name) in self._files or _key(name) in self._folders:
            number = self._numbers.get(plain, 1) + 1
            self._numbers[plain] = number
            name = f"{folder}{stem}-{number}{suffix}"
        self._files.add(_key(name))
        if number > 1 or wanted != source or folder != "".join(f"{each}/" for each in folders):
            self.changed[source] = name
        return name

    def _folder(self, parts: list[str]) -> str:
        """Return the folder with these names within each other, with a slash behind it; with another name where a file
        has one of these."""
        folder = ""
        for part in parts:
            name, number = folder + part, 1
            while _key(name) in self._files:
                number += 1
                name = f"{folder}{part}-{number}"
            self._folders.add(_key(name))
            folder = f"{name}/"
        return folder


def safe(source: str) -> str:
    """Return a relative name, as near to `source` as possible, of which a file can have every part as its name."""
    parts = [mended(part, MAX_NAME_BYTES) for part in source.replace("\\", "/").split("/") if part not in ("", ".")]
    if len(parts) > MAX_FOLDERS + 1:
        parts = [*parts[: MAX_FOLDERS - 1], shortened("_".join(parts[MAX_FOLDERS - 1 : -1]), MAX_NAME_BYTES), parts[-1]]
    return "/".join(parts) or "_"


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
