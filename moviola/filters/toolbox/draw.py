"""Draws boxes on planes in the source's own bit depth, matrix and range; all other samples stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moviola.filters.picture import Picture, Plane, channels_of

Box = tuple[int, int, int, int]  # x, y, width, height in pixels

COLOURS = {
    "green": (0, 255, 0),
    "red": (255, 0, 0),
    "blue": (0, 96, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}


def draw_boxes(picture: Picture, boxes: Sequence[Box], colour: str, thickness: int) -> Picture:
    """Return a copy of the picture with frames drawn around boxes; the picture itself if there are none.

    Args:
        picture: to draw on.
        boxes: (x, y, width, height) in pixels.
        colour: a key of `COLOURS`.
        thickness: of the lines in pixels; 0 chooses one by the picture's size.
    """
    if not boxes:
        return picture
    output = picture.copy()
    line = thickness or max(2, round(max(picture.width, picture.height) / 320))
    bars = [bar for box in boxes for bar in _frame(box, line, picture.width, picture.height)]
    samples = picture.colour.samples(COLOURS[colour], picture.format)
    for plane, layout in zip(output.planes, picture.format.planes, strict=True):
        for channel, target in zip(layout.channels, channels_of(plane), strict=True):
            _fill(target, bars, layout.step_x, layout.step_y, samples[channel])
    return output


def _frame(box: Box, line: int, width: int, height: int) -> Iterable[Box]:
    """The four bars around a box, growing outwards and cut at the picture's borders: left, top, right, bottom."""
    x, y, box_width, box_height = box
    left, top = max(x - line, 0), max(y - line, 0)
    right, bottom = min(x + box_width + line, width), min(y + box_height + line, height)
    yield left, top, right, min(top + line, bottom)
    yield left, max(bottom - line, top), right, bottom
    yield left, top, min(left + line, right), bottom
    yield max(right - line, left), top, right, bottom


def _fill(target: Plane, bars: Iterable[Box], step_x: int, step_y: int, value: int) -> None:
    for left, top, right, bottom in bars:
        rows = slice(top // step_y, -(-bottom // step_y))
        target[rows, left // step_x : -(-right // step_x)] = value
