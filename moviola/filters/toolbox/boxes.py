"""Moves the boxes in notes of earlier filters along when a filter moves the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moviola.filters.picture import Notes

Move = Callable[[float, float], tuple[float, float]]
"""Where a point goes: x, y in pixels from the picture's top left corner before and after."""

BESIDE = ("scores", "labels")
"""Lists beside `boxes` with one entry for each."""


def moved(notes: Notes, move: Move, width: int, height: int) -> Notes:
    """Return the notes with every box of `boxes` where it is in the output.

    A box becomes the smallest upright box around its moved corners and is cut at the borders. A box that lies outside
    as a whole is left out, together with its entries in `scores` and `labels`.

    Args:
        notes: of the input; boxes are [x, y, width, height] in pixels.
        move: maps a point of the input to a point of the output, in pixels.
        width: of the output in pixels.
        height: of the output in pixels.

    Raises:
        ValueError: the boxes of a note are none; the text says whose note it is, and what they are.
    """
    return tuple(_moved(note, move, width, height) if "boxes" in note else note for note in notes)


def _moved(note: Mapping[str, Any], move: Move, width: int, height: int) -> Mapping[str, Any]:
    try:
        boxes = [_box(each, move, width, height) for each in note["boxes"]]
    except (TypeError, ValueError, LookupError) as error:
        whose = f"the note of {note['filter']!r:.80}" if "filter" in note else "a note"
        what = f"{note['boxes']!r:.80}"
        raise ValueError(f"boxes in {whose} must be lists of x, y, width and height, not {what}") from error
    changed = {**note, "boxes": [box for box in boxes if box is not None]}
    for name in BESIDE:
        told = note.get(name)
        if isinstance(told, (list, tuple)) and len(told) == len(boxes):
            changed[name] = [each for each, box in zip(told, boxes, strict=True) if box is not None]
    return changed


def _box(box: Sequence[int], move: Move, width: int, height: int) -> list[int] | None:
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    corners = [move(x, y) for x in (left, right) for y in (top, bottom)]
    across, down = [x for x, _ in corners], [y for _, y in corners]
    x, y = max(round(min(across)), 0), max(round(min(down)), 0)
    right, bottom = min(round(max(across)), width), min(round(max(down)), height)
    return [x, y, right - x, bottom - y] if x < right and y < bottom else None
