"""Files and folders that are their user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
"""Spools hold films, ledgers hold names and keys."""

OTHERS: Final = 0o077
"""What everybody but the owner may do."""


def make_private_folder(path: Path) -> None:
    """Make a folder, and its parents, that only its user can look into; one that is there is closed to others.

    Raises OSError when it cannot be made. One that belongs to somebody else stays as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    close_to_others(path)


def close_to_others(path: Path) -> None:
    """Take away what others may do with a file or folder that is ours."""
    there = path.stat()
    if there.st_mode & OTHERS and there.st_uid == os.geteuid():
        path.chmod(there.st_mode & ~OTHERS & 0o777)


def create_private(path: Path) -> int:
    """Return the descriptor of a new empty file that only its user can read. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
