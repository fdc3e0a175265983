"""Makes parts of a picture unrecognisable, in the source's own bit depth, matrix and range."""

from __future__ import annotations

from math import ceil, lcm
from typing import Final

from moviola.base.arrays import np
from moviola.filters.picture import Picture, Plane, channels_of
from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.opencv import cv2

MODES: Final = ("blocks", "blur", "black")
"""Blocks of one colour each, their means blended into each other, or black."""


def whole_blocks(picture: Picture, box: Box, block: int) -> tuple[Box, int]:
    """Return the part of a picture that the blocks which a box touches take, and the side of a block, both in pixels.

    Blocks lie on a grid from the top left corner, so that they do not swim. Their side is rounded up to a multiple of
    the pixels that share a chroma sample.

    Args:
        picture: which the box lies in.
        box: (x, y, width, height) in pixels.
        block: least side of a block in pixels.
    """
    unit = lcm(*(step for plane in picture.format.planes for step in (plane.step_x, plane.step_y)))
    block = ceil(block / unit) * unit
    x, y, width, height = box
    left, top = x // block * block, y // block * block
    right = min(ceil((x + width) / block) * block, picture.width)
    bottom = min(ceil((y + height) / block) * block, picture.height)
    return (left, top, right - left, bottom - top), block


def cover(source: Picture, target: Picture, box: Box, block: int, mode: str) -> None:
    """Write the blocks that touch a box over an output; alpha stays as it is.

    Args:
        source: whose samples are covered.
        target: a `copy` or a `blank` of it.
        box: (x, y, width, height) in pixels.
        block: least side of a block in pixels.
        mode: one of MODES.
    """
    (x, y, width, height), block = whole_blocks(source, box, block)
    black = source.colour.samples((0, 0, 0), source.format)
    for plane, output, kind in zip(source.planes, target.planes, source.format.planes, strict=True):
        rows = slice(y // kind.step_y, ceil((y + height) / kind.step_y))
        columns = slice(x // kind.step_x, ceil((x + width) / kind.step_x))
        part, place = plane[rows, columns], output[rows, columns]
        if mode == "black":
            for channel, samples in zip(kind.channels, channels_of(place), strict=True):
                samples[...] = black[channel]
        else:
            fill = _blended if mode == "blur" else _blocks
            place[...] = fill(part, block // kind.step_x, block // kind.step_y)
        if "a" in kind.channels:
            alpha = kind.channels.index("a")
            channels_of(place)[alpha][...] = channels_of(part)[alpha]


def _blocks(plane: Plane, across: int, down: int) -> Plane:
    """The means of blocks of so many samples, in their places; those at the right and lower border have fewer."""
    output = np.empty_like(plane)
    for rows in _bands(plane.shape[0], down):
        for columns in _bands(plane.shape[1], across):
            part = plane[rows.start : rows.stop, columns.start : columns.stop]
            size = part.shape[1], part.shape[0]
            means = cv2.resize(part, (len(columns), len(rows)), interpolation=cv2.INTER_AREA)
            filled = cv2.resize(means, size, interpolation=cv2.INTER_NEAREST)
            output[rows.start : rows.stop, columns.start : columns.stop] = filled.reshape(part.shape)
    return output


def _blended(plane: Plane, across: int, down: int) -> Plane:
    """The same means, each in the middle of its block and blended into the next: they show no more than blocks do."""
    blocks = _blocks(plane, across, down)
    means = np.ascontiguousarray(blocks[::down, ::across])
    size = plane.shape[1], plane.shape[0]
    return cv2.resize(means, size, interpolation=cv2.INTER_LINEAR_EXACT).reshape(plane.shape)


def _bands(length: int, block: int) -> list[range]:
    """The whole blocks of a side, and the rest: each a range of samples with a step of one block."""
    whole = length // block * block
    return [band for band in (range(0, whole, block), range(whole, length, block)) if band]
