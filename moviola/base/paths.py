"""Paths as people say and read them: `~` stands for a home folder, and the current folder is left out."""

from __future__ import annotations

from pathlib import Path


def expanded(path: Path) -> Path:
    """Return a path with the folder that its `~` or `~user` stands for. Raises ValueError with a few words."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        user = path.parts[0].removeprefix("~")
        raise ValueError(f"there is no user {user!r}" if user else "no home folder is known; set HOME") from error


def current_folder() -> Path | None:
    """Return the current folder; None if it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def near(path: str) -> str:
    """Return a path as it can be typed in the current folder, if it is below that."""
    here = current_folder()
    return str(Path(path).relative_to(here)) if here is not None and Path(path).is_relative_to(here) else path
