"""Names that come over the wire and become names of files."""

from __future__ import annotations

from typing import Final

from wire.limits import MAX_OUTPUT_NAME_SIZE

MAX_NAME_SIZE: Final = 180
"""Bytes. File systems take 255; a job's id and a partial file's marks must fit behind."""

MAX_DEPTH: Final = 32
"""Folders within each other under an output's; picture collections have a few."""

LATEST: Final = "latest"
"""The link to the newest job's folder; no job may be called so."""

FAILED: Final = "failed"
"""The folder of chunks that failed, in a job's folder; no output may be called so."""

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
"""Separators here or on Windows, whose shares a results folder may lie on, and what its shell would expand."""


def check_file_name(name: str, what: str, size_limit: int = MAX_NAME_SIZE) -> str:
    """Return `name` if a file or folder can safely be called so.

    Raises ValueError with a sentence that begins with `what`.
    """
    size = len(name.encode("utf-8", "replace"))
    if not 1 <= size <= size_limit:
        raise ValueError(f"{what} has 1 to {size_limit} bytes, and {name!r:.80} has {size}; give a shorter one")
    if name[0] in ".-" or name[-1] in ". " or name.casefold() == LATEST:
        raise ValueError(f"{what} cannot be {name!r}: a file of that name would hide, or be taken for another")
    if any(character in _FORBIDDEN or not character.isprintable() for character in name):
        raise ValueError(f'{what} cannot be {name!r}: a file name must not contain / \\ : * ? " < > | or control signs')
    return name


def check_path_name(name: str, what: str) -> str:
    """Return `name` if it is one of a file in a job's folder: names with "/" between folders. Raises ValueError."""
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
