"""Rows in columns, of which the least important are left out where a line is too short for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from moviola.display.bars import clipped
from moviola.display.terminal import styled

GAP: Final = 2
"""Cells between two columns."""

Cell = str | Text | Callable[[int], Text]
"""A text, or a function that makes a text for a column of so many cells."""


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is shown.

    Attributes:
        title: the text above it.
        rank: how important it is, 0 most of all. If there is no room, the column with the highest rank is left out
            first.
        is_number: it is aligned at the right.
        width (cells): its least width, so that other columns do not shift when a number gets longer.
        stretches_to (cells): its greatest width; it is as narrow as `width` if there is little room. None: it is as
            wide as its longest cell.
    """

    title: str
    rank: int
    is_number: bool = False
    width: int = 0
    stretches_to: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line. A `note` takes the place of the columns from `note_from` on."""

    cells: Sequence[Cell]
    note: Text | None = None
    note_from: int = 0


def fitted(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[Text]:
    """Return the titles and the rows as lines of at most `width` cells."""
    shown = _that_fit(columns, rows, width)
    titles = styled(*_spaced([_padded(columns[i].title, cells, columns[i]) for i, cells in shown.items()]))
    titles.stylize("dim")
    return [_cut(titles, width), *(_line(columns, row, shown, width) for row in rows)]


def _that_fit(columns: Sequence[Column], rows: Sequence[Row], width: int) -> dict[int, int]:
    """Return the columns that are shown, by number, with their widths."""
    widths = {i: _least(column, i, rows) for i, column in enumerate(columns)}
    while len(widths) > 1 and _total(widths) > width:
        del widths[max(widths, key=lambda i: columns[i].rank)]
    for i, least in widths.items():
        most = columns[i].stretches_to
        if most is not None:
            widths[i] = least + max(0, min(width - _total(widths), _wanted(columns[i], i, rows, most) - least))
    return widths


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _least(column: Column, number: int, rows: Sequence[Row]) -> int:
    """Return the cells that a column needs."""
    least = max(column.width, cell_len(column.title))
    return least if column.stretches_to is not None else max([least, *_lengths(number, rows)])


def _wanted(column: Column, number: int, rows: Sequence[Row], most: int) -> int:
    """Return the cells that a column which stretches can use."""
    if any(callable(row.cells[number]) for row in rows):
        return most
    return min(most, max([cell_len(column.title), *_lengths(number, rows)]))


def _lengths(number: int, rows: Sequence[Row]) -> list[int]:
    """Return the lengths of a column's cells, without those that a note hides."""
    cells = [row.cells[number] for row in rows if row.note is None or number < row.note_from]
    return [cell_len(str(cell)) for cell in cells if not callable(cell)]


def _line(columns: Sequence[Column], row: Row, shown: dict[int, int], width: int) -> Text:
    parts: list[Text] = []
    for i, cells in shown.items():
        if row.note is not None and i >= row.note_from:
            break
        parts.append(_padded(row.cells[i], cells, columns[i]))
    if row.note is not None:
        parts.append(row.note)
    return _cut(styled(*_spaced(parts)), width)


def _spaced(parts: Sequence[Text]) -> list[Text | str]:
    spaced: list[Text | str] = []
    for part in parts:
        spaced += [part, " " * GAP]
    return spaced[:-1]


def _padded(cell: Cell, width: int, column: Column) -> Text:
    """Return a cell as wide as its column."""
    text = cell(width) if callable(cell) else cell
    made = styled(clipped(text, width)) if isinstance(text, str) else _cut(text.copy(), width)
    room = " " * max(0, width - made.cell_len)
    return styled(room, made) if column.is_number else styled(made, room)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    line.rstrip()
    return line
