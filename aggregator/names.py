"""Names that come over the wire and become names of files."""

from __future__ import annotations

from typing import Final

MAX_NAME_BYTES: Final = 180
"""File systems take 255 bytes; suffixes and a partial file's mark must fit behind."""

MAX_DEPTH: Final = 32
"""Folders within each other under an output's; picture collections have a few."""

LATEST: Final = "latest"
"""The link to the newest job's folder; no job may be called so."""

FAILED: Final = "failed"
"""The folder of chunks that failed, in a job's folder; no output may be called so."""

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
"""Separators here or on Windows, whose shares a results folder may lie on, and what its shell would expand."""


def check_file_name(name: str, what: str) -> str:
    """`name`, if a file or folder can safely be called so.

    Raises ValueError with a sentence that begins with `what`.
    """
    if not name or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise ValueError(f"{what} has 1 to {MAX_NAME_BYTES} bytes, and {name!r:.80} does not")
    if name[0] in ".-" or name[-1] in ". " or name.casefold() == LATEST:
        raise ValueError(f"{what} cannot be {name!r}")
    if any(character in _FORBIDDEN or not character.isprintable() for character in name):
        raise ValueError(f'{what} cannot be {name!r}: a file name must not contain / \\ : * ? " < > | or control signs')
    return name


def check_path_name(name: str, what: str) -> str:
    """`name`, if it is one of a file in a job's folder: file names with "/" between folders. Raises ValueError."""
    parts = name.split("/")
    if len(parts) > MAX_DEPTH:
        raise ValueError(f"{what} lies in {len(parts) - 1} folders; {MAX_DEPTH - 1} are the most")
    for part in parts:
        check_file_name(part, what)
    return name
