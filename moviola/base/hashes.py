"""Hashes of files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import xxhash

_READ_SIZE: Final = 1024 * 1024


def xxh3_of(path: Path) -> str:
    """Return xxh3_128 of a file's bytes, in hex. Raise OSError."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_READ_SIZE):
            digest.update(block)
    return digest.hexdigest()
