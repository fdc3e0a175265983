"""Files that are written straight under their names, for tests of splicing."""

from __future__ import annotations

from pathlib import Path


class Shelf:
    """Keeps the `moviola.media.material.Files` contract in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def partial(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def withdraw(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
