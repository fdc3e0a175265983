"""The rule for file names that come from elsewhere: over the wire, or from a source.

Such a name is *checked* where it must be as it is (a job, an output, a finished file), and *mended* where it is ours to
choose (the pictures of a result are called like their sources). A mended name always passes the check.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

MAX_NAME_SIZE: Final = 180
"""Bytes of a file's name. File systems take 255, and a job's id and the marks of a partial file are added to it."""

MAX_OUTPUT_NAME_SIZE: Final = 120
"""Bytes of an output's name, which becomes names of files. File systems take 255: behind it come a suffix (the longest,
`.annotations.jsonl`, has 18), and while the file is written a job's id (53) and a partial file's marks."""

MAX_DEPTH: Final = 32
"""The most parts of a path in a job's folder: folders within each other, and the file. Picture collections have a
few."""

LATEST: Final = "latest"
"""The link to the newest job's folder; no job may be called so."""

FAILED: Final = "failed"
"""The folder of chunks that failed, in a job's folder; no output may be called so."""

STANDARD_INPUT: Final = "stdin"
"""What a source is called that was read from standard input."""

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
"""Separators here or on Windows, whose shares a results folder may lie on, and what its shell would expand."""

_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
)
"""Names of devices on Windows, with or without a suffix. Such a name is mended, but not refused where it must stay as
it is: all other systems can have files called so."""


def check_file_name(name: str, what: str, size_limit: int = MAX_NAME_SIZE) -> str:
    """Return `name` if a file or folder can safely be called so.

    Raises ValueError with a sentence that begins with `what`.
    """
    size = len(name.encode("utf-8", "replace"))
    if not 1 <= size <= size_limit:
        raise ValueError(f"{what} has 1 to {size_limit} bytes, and {name!r:.80} has {size}; give a shorter one")
    if name[0] in ".-" or name[-1] in ". " or name.casefold() == LATEST:
        raise ValueError(f"{what} cannot be {name!r}: a file of that name would be hidden, or be taken for another")
    if not all(map(_is_allowed, name)):
        raise ValueError(f'{what} cannot be {name!r}: a file name must not contain / \\ : * ? " < > | or control signs')
    return name


def check_path_name(name: str, what: str) -> str:
    """Return `name` if it can be the path of a file within a job's folder, with "/" between its parts. Raises
    ValueError."""
    parts = name.split("/")
    if len(parts) > MAX_DEPTH:
        raise ValueError(f"{what} lies in {len(parts) - 1} folders; {MAX_DEPTH - 1} are the most")
    for part in parts:
        check_file_name(part, what)
    return name


def check_output_names(names: list[str]) -> None:
    """Raise ValueError, with a sentence, when the outputs of one job cannot be called so."""
    for name in names:
        check_file_name(name, "an output's name", MAX_OUTPUT_NAME_SIZE)
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError(f"two outputs have one name: {', '.join(names):.200}")
    if FAILED in map(str.casefold, names):
        raise ValueError(f"no output can be called {FAILED}: chunks that failed are kept under that name")


def is_file_name(name: str) -> bool:
    """Return True if a file or folder can safely be called `name`."""
    try:
        check_file_name(name, "a name")
    except ValueError:
        return False
    return True


def mended(name: str, size_limit: int = MAX_NAME_SIZE) -> str:
    """Return a name as near to `name`, which is not empty, as a file or folder can have."""
    name = "".join(sign if _is_allowed(sign) else "_" for sign in name)
    if name[0] in ".-":
        name = f"_{name[1:]}"
    if name[-1] in ". ":
        name = f"{name[:-1]}_"
    if name.partition(".")[0].casefold() in (*_DEVICES, LATEST):
        name = f"_{name}"
    return shortened(name, size_limit)


def shortened(name: str, size_limit: int) -> str:
    """Return `name` with at most so many bytes in UTF-8, its suffix kept."""
    if len(name.encode()) <= size_limit:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix) <= 6 else ""
    room = size_limit - len(suffix.encode())
    return (name.encode()[:room].decode(errors="ignore").rstrip(". ") or "_") + suffix


def for_ffmpeg(path: Path) -> str:
    """Return the name by which FFmpeg opens this very file.

    Of "12:30.mkv" it would take "12" for a protocol; "./12:30.mkv" is a file to it.
    """
    return os.path.join(os.curdir, path)


def _is_allowed(sign: str) -> bool:
    return sign.isprintable() and sign not in _FORBIDDEN
