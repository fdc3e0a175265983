"""What is counted of each kind of material, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNITS: Final[Mapping[str, str]] = {"video": "frame", "images": "image", "table": "record"}
"""One of what is counted, by the kind of material."""


def unit_of(kind: str) -> str:
    """What one is called; a frame where the kind is not known, as of jobs of a cluster that does not say it."""
    return UNITS.get(kind, UNITS["video"])


def counted(count: int, unit: str) -> str:
    """`1 image`, `3 images`."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
