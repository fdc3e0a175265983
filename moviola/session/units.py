"""Numbers of what is counted, in words."""

from __future__ import annotations


def counted(count: int, unit: str) -> str:
    """`1 image`, `3 images`."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
