"""Interlaced pictures: two fields, whose lines alternate, each from a moment of its own.

The even lines, counted from 0, are the top field, the odd ones the bottom field. A filter that mixes neighbouring lines
would mix two moments; so it is run on each field by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from moviola.base.arrays import np
from moviola.base.interlacing import FieldOrder

if TYPE_CHECKING:
    from moviola.filters.picture import Picture

MIN_ROWS: Final = 2
"""Rows that each plane must have to be taken apart into fields: with fewer a field would have no line."""


def by_fields(
    apply: Callable[[Picture, Sequence[Picture]], Picture], picture: Picture, earlier: Sequence[Picture]
) -> Picture:
    """Return what a filter makes of an interlaced picture when it is run on each field by itself.

    Args:
        apply: of a filter that keeps the size.
        picture: interlaced.
        earlier: as the filter gets them.

    Raises:
        ValueError: the filter changed the size.
    """
    if min(plane.shape[0] for plane in picture.planes) < MIN_ROWS:
        return apply(picture, earlier)
    made = [
        apply(field, [fields_of(each)[number] for each in earlier]) for number, field in enumerate(fields_of(picture))
    ]
    return _woven(picture, made)


def fields_of(picture: Picture) -> tuple[Picture, Picture]:
    """Return the top and the bottom field as pictures; they are made once."""
    return picture.memo("fields", lambda: (_field(picture, 0), _field(picture, 1)))


def _field(picture: Picture, first: int) -> Picture:
    """Return every second line of a picture, from `first` on, as a picture. Where a subsampled plane has too few
    lines, its last one is repeated."""
    field = picture.blank(picture.width, (picture.height + 1 - first) // 2)
    field.fields = FieldOrder.PROGRESSIVE
    for target, plane in zip(field.planes, picture.planes, strict=True):
        lines = plane[first::2]
        target[: len(lines)] = lines
        target[len(lines) :] = lines[-1:]
    return field.seal()


def _woven(picture: Picture, made: Sequence[Picture]) -> Picture:
    output = picture.blank()
    for number, (field, source) in enumerate(zip(made, fields_of(picture), strict=True)):
        if field.shape != source.shape:
            raise ValueError(
                f"a filter that is run on each field by itself must keep the size: {source.width}x{source.height} "
                f"became {field.width}x{field.height}"
            )
        for target, plane in zip(output.planes, field.planes, strict=True):
            lines = target[number::2]
            np.copyto(lines, plane[: len(lines)])
    output.notes = made[0].notes
    return output
