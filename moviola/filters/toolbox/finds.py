"""What detectors find: boxes with scores, made free of doubles, and noted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from moviola.filters.toolbox.draw import Box


class Find(NamedTuple):
    """A box in pixels of the picture, and how sure its detector is; scores of different detectors do not compare."""

    box: Box
    score: float


def strongest(finds: Iterable[Find], overlap: float, inside: float) -> list[Find]:
    """The finds without weaker ones of the same thing, sorted by box.

    A find is of the same thing as a stronger one when they share more than `overlap` of what both cover together, or
    more than `inside` of the smaller of the two.
    """
    kept: list[Find] = []
    for find in sorted(finds, key=lambda each: (-each.score, each.box)):
        if not any(_same(find.box, other.box, overlap, inside) for other in kept):
            kept.append(find)
    return sorted(kept)


def inside(sides: Sequence[float], width: int, height: int) -> Box:
    """The part of a box inside a picture of that size, in whole pixels, at least one each way."""
    x, y, box_width, box_height = sides
    left, top = min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)
    right, bottom = min(round(x + box_width), width), min(round(y + box_height), height)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def grown(box: Box, margin: float, width: int, height: int) -> Box:
    """The box with `margin` of its sides more on each side, as far as the picture goes."""
    x, y, box_width, box_height = box
    right, down = margin * box_width, margin * box_height
    return inside((x - right, y - down, box_width + 2 * right, box_height + 2 * down), width, height)


def shared(one: Box, other: Box) -> int:
    """The pixels that two boxes have in common."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def note(name: str, finds: Sequence[Find]) -> dict[str, Any]:
    """What a filter notes of its finds: `boxes` as [x, y, width, height], and as many `scores`."""
    boxes = [list(find.box) for find in finds]
    return {"filter": name, "boxes": boxes, "scores": [round(find.score, 3) for find in finds]}


def _same(one: Box, other: Box, overlap: float, inside: float) -> bool:
    both = shared(one, other)
    areas = one[2] * one[3], other[2] * other[3]
    return both > overlap * (sum(areas) - both) or both > inside * min(areas)
