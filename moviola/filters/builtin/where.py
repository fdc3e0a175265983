"""The filter `where`: keeps records by the value in one column."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.base import parameter
from moviola.filters.records import Record, RecordFilter
from moviola.filters.schema import ParameterError

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,300}")


@dataclass(frozen=True)
class Where(RecordFilter):
    """Keep records that fulfil every condition that is given.

    Two numbers are compared as numbers, anything else as text, with case. An empty column is neither below nor above
    anything.
    """

    name: ClassVar[str] = "where"
    summary: ClassVar[str] = "records whose column has a certain value, of any table that has the column"

    column: str = parameter("", help="which column; it must be there in one of the tables")
    min: str = parameter("", help="at least this number, or text")
    max: str = parameter("", help="at most this number, or text")
    equals: str = parameter("", help="exactly this text, or a number equal to it")
    contains: str = parameter("", help="this text is a part of it")

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the one column that is read.

        Raises:
            ParameterError: no column, or no condition, was given.
        """
        if not self.column:
            raise ParameterError("where needs a column, as in where:column=runtime:min=90")
        if not (self.min or self.max or self.equals or self.contains):
            raise ParameterError(f"where:column={self.column} needs a min, max, equals or contains")
        return (self.column,)

    def keeps(self, record: Record) -> bool:
        """Return whether the record fulfils every condition that is given."""
        value = record[self.column]
        return not (
            (self.min and not (value and _order(value, self.min) >= 0))
            or (self.max and not (value and _order(value, self.max) <= 0))
            or (self.equals and _order(value, self.equals) != 0)
            or (self.contains and self.contains not in value)
        )


def _order(value: str, other: str) -> int:
    """Below 0, 0 or above 0, as `value` comes before, is, or comes after `other`."""
    left, right = _number(value), _number(other)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    return (value > other) - (value < other)


def _number(text: str) -> int | float | None:
    """Whole numbers exactly, whatever their size."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
