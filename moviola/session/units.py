"""Numbers of what is counted, in words."""

from __future__ import annotations


def counted(count: int, unit: str) -> str:
    """`1 image`, `3 images`."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def sized(size: int) -> str:
    """Return a size in bytes in the unit that suits it: `640 B`, `3.2 kB`, `12.5 MB`, `4.0 GB`."""
    value, *units = float(size), "kB", "MB", "GB", "TB"
    if value < 1000:
        return f"{size} B"
    for unit in units:
        value /= 1000
        if value < 999.95 or unit == units[-1]:
            break
    return f"{value:.1f} {unit}"
