"""Parts of a picture that a network sees one after the other, and what is kept of each."""

from __future__ import annotations

from typing import NamedTuple


class Tile(NamedTuple):
    """A part of one side of a picture, in pixels.

    Attributes:
        start: where the network's part begins.
        begin: where what is kept of it begins.
        end: where what is kept of it ends.
    """

    start: int
    begin: int
    end: int


def tiles(length: int, tile: int, overlap: int) -> list[Tile]:
    """Return the parts of a side, in order. What is kept of them joins without a gap.

    Each part has `tile` pixels of the picture, and what is kept is `overlap` pixels away from the ends of it, except
    where the picture ends there: so a network that looks no farther gives what it would give of the whole picture.

    Args:
        length: of the side; above 0.
        tile: length of a part, more than twice the overlap; 0, or one that is no less than `length`, for one part.
        overlap: 0 and up.
    """
    if not tile or tile >= length:
        return [Tile(0, 0, length)]
    starts = [*range(0, length - tile, tile - 2 * overlap), length - tile]
    ends = [*(start + tile - overlap for start in starts[:-1]), length]
    return [Tile(start, begin, end) for start, begin, end in zip(starts, [0, *ends], ends, strict=False)]
