"""Files that a filter's parameters name: a logo, a network's weights. A filter sees their content, never a path.

A value of such a parameter is one of three texts: empty, `sha256:` with the content's hash in hex (a file that travels
with the job), or `@NAME` (a file of the folder that this worker serves). Nothing else on this machine is opened for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TRAVELS: Final = "sha256:"
SERVED: Final = "@"

MAX_SERVED_FILES: Final = 250
"""Files of a served folder: each is hashed when a worker starts."""

MAX_SERVED_SIZE: Final = 512 * 1024 * 1024
"""Bytes of one served file: it is held in memory where it is used."""

_FORM = re.compile(r"sha256:[0-9a-f]{64}|@[^\x00-\x1f\x7f/]+(?:/[^\x00-\x1f\x7f/]+)*")
_BLOCK: Final = 1024 * 1024  # bytes read at a time


class AssetError(ValueError):
    """A file that a filter names is not available here. The text is the same whatever the reason is, so that nobody
    learns by it which files a machine has."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"no file {value} is available to this worker. Name a file of up to 16 MiB by its path, and it is sent "
            "with the job; put a larger one into the folder that every worker serves with --assets"
        )


class Asset(str):
    """The type of parameters that are files. See the module for the values that there are."""

    __slots__ = ()

    def read(self) -> bytes:
        """Return the file's content. Raise AssetError where it is not available."""
        if self.startswith(TRAVELS) and self in _travelled:
            return _travelled[self]
        if self.startswith(SERVED) and _folder is not None:
            return _folder.read(self.removeprefix(SERVED))
        raise AssetError(self)

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Give the content as a private, read-only file, for libraries that take nothing but paths. The file is gone
        at the end of the block."""
        with tempfile.TemporaryDirectory(prefix="moviola-") as folder:
            path = Path(folder, "asset")
            path.write_bytes(self.read())
            path.chmod(stat.S_IRUSR)
            yield path


def is_asset(text: str) -> bool:
    """True for a text that can be the value of a parameter that is a file."""
    names_parent = text.startswith(SERVED) and not {".", ".."}.isdisjoint(text.removeprefix(SERVED).split("/"))
    return not text or (_FORM.fullmatch(text) is not None and not names_parent)


def value_of(content: bytes) -> str:
    """Return the value that stands for a file that travels."""
    return TRAVELS + hashlib.sha256(content).hexdigest()


# ── what is available in this process ───────────────────────────────────────────────────────────────────────────────

_travelled: Mapping[str, bytes] = {}
_folder: Folder | None = None


@contextmanager
def travelled(files: Mapping[str, bytes]) -> Iterator[None]:
    """Make these files available until the end of the block, each by the value that stands for it, in place of all
    others that travelled."""
    global _travelled  # noqa: PLW0603 - a worker computes one task at a time, whatever threads its filter starts
    before, _travelled = _travelled, files
    try:
        yield
    finally:
        _travelled = before


def serve(folder: Folder | None) -> None:
    """Make the files of a folder available by their names."""
    global _folder  # noqa: PLW0603 - a setting of the process
    _folder = folder


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a served folder as they were when the worker started: name → SHA-256 in hex.

    Names come from the folder itself, so that none leads out of it. A file that has changed since is not served.
    """

    root: Path
    files: Mapping[str, str]

    @classmethod
    def scan(cls, root: Path) -> Folder:
        """List and hash the files of a folder. Links are followed to files within it only.

        Raise ValueError, a sentence, where there are too many files or one is too large; OSError where the folder
        cannot be read.
        """
        root = root.resolve(strict=True)
        os.scandir(root).close()  # `walk` would take a folder that is none for an empty one
        files: dict[str, str] = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                told = path.relative_to(root).as_posix()
                digest = _digest(root, path) if is_asset(SERVED + told) else None
                if digest is not None:
                    files[told] = digest
                if len(files) > MAX_SERVED_FILES:
                    raise ValueError(f"the folder {root} has more than {MAX_SERVED_FILES} files; serve a smaller one")
        return cls(root, dict(sorted(files.items())))

    @property
    def fingerprint(self) -> str:
        """Return a word that differs where names or contents differ; empty without files."""
        if not self.files:
            return ""
        told = "\n".join(f"{digest} {name}" for name, digest in sorted(self.files.items()))
        return f"assets-{hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"

    def read(self, name: str) -> bytes:
        """Return a file's content. Raise AssetError where there is none of the name, or it is not as it was."""
        digest = self.files.get(name)
        if digest is not None:
            content = _content(self.root, self.root / name)
            if content is not None and hashlib.sha256(content).hexdigest() == digest:
                return content
        raise AssetError(SERVED + name)


def _digest(root: Path, path: Path) -> str | None:
    opened = _open(root, path)
    if opened is None:
        return None
    with os.fdopen(opened, "rb") as file:
        size = os.fstat(opened).st_size
        if size > MAX_SERVED_SIZE:
            raise ValueError(
                f"{path} has {size} bytes; the limit of a served file is {MAX_SERVED_SIZE}; move it out of the folder"
            )
        hashed = hashlib.sha256()
        while block := file.read(_BLOCK):
            hashed.update(block)
        return hashed.hexdigest()


def _content(root: Path, path: Path) -> bytes | None:
    opened = _open(root, path)
    if opened is None:
        return None
    with os.fdopen(opened, "rb") as file:
        return file.read(MAX_SERVED_SIZE + 1)


def _open(root: Path, path: Path) -> int | None:
    """Open a regular file within the folder for reading; None for anything else."""
    try:
        resolved = path.resolve(strict=True)
        if not resolved.is_relative_to(root):
            return None
        opened = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError):  # a loop of links is a RuntimeError
        return None
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    return None
