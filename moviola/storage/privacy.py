"""Files and folders that only their owner may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PRIVATE_FOLDER: Final = 0o700
"""The mode of a private folder: only its owner may look into it."""

PRIVATE_FILE: Final = 0o600
"""The mode of a private file. Spools hold users' films, ledgers hold names and keys."""

OTHERS: Final = 0o077
"""The mode bits of everybody but the owner."""


def make_private_folder(path: Path) -> None:
    """Make a folder and its parents so that only their owner can look into the folder.

    A folder that exists is closed to others, unless it belongs to another user.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    close_to_others(path)


def close_to_others(path: Path) -> None:
    """Remove all rights of others to a file or folder, if it belongs to this process's user. Raises OSError."""
    there = path.stat()
    if there.st_mode & OTHERS and there.st_uid == os.geteuid():
        path.chmod(there.st_mode & ~OTHERS & 0o777)


def create_private(path: Path) -> int:
    """Return the descriptor of a new empty file that only its owner can read. Raises OSError, also if it exists."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
