"""Boxes with scores, as detectors find them: removes duplicates, clips and grows boxes, and makes notes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from moviola.filters.toolbox.draw import Box


class Find(NamedTuple):
    """A box in pixels of the picture, and its score. Scores of different detectors are not comparable."""

    box: Box
    score: float


def strongest(finds: Iterable[Find], overlap: float, inside: float) -> list[Find]:
    """Return the finds without weaker duplicates, sorted by box.

    A find duplicates a stronger one if their intersection is more than `overlap` of their union, or more than `inside`
    of the smaller one.

    Args:
        finds: of one picture.
        overlap: share of the union, 0..1.
        inside: share of the smaller box, 0..1.
    """
    kept: list[Find] = []
    for find in sorted(finds, key=lambda each: (-each.score, each.box)):
        if not any(_same(find.box, other.box, overlap, inside) for other in kept):
            kept.append(find)
    return sorted(kept)


def inside(sides: Sequence[float], width: int, height: int) -> Box:
    """Return the part of a box within a picture, in whole pixels, at least 1 × 1.

    Args:
        sides: x, y, width, height in pixels, perhaps with fractions.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    x, y, box_width, box_height = sides
    left, top = min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)
    right, bottom = min(round(x + box_width), width), min(round(y + box_height), height)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def grown(box: Box, margin: float, width: int, height: int) -> Box:
    """Return the box with `margin` of its width and height added on each side, clipped to the picture."""
    x, y, box_width, box_height = box
    right, down = margin * box_width, margin * box_height
    return inside((x - right, y - down, box_width + 2 * right, box_height + 2 * down), width, height)


def shared(one: Box, other: Box) -> int:
    """Return the number of pixels that two boxes have in common."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def note(name: str, finds: Sequence[Find]) -> dict[str, Any]:
    """Return the note of a filter about its finds: `boxes` as [x, y, width, height], and as many `scores`."""
    boxes = [list(find.box) for find in finds]
    return {"filter": name, "boxes": boxes, "scores": [round(find.score, 3) for find in finds]}


def _same(one: Box, other: Box, overlap: float, inside: float) -> bool:
    both = shared(one, other)
    areas = one[2] * one[3], other[2] * other[3]
    return both > overlap * (sum(areas) - both) or both > inside * min(areas)
