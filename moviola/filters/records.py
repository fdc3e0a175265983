"""The contract of a filter over records of tables: it keeps a record or not, and changes nothing.

A record filter is a frozen dataclass like any other filter; docs/TABLES.md has an example.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.failures import MAX_TRACEBACK
from moviola.filters.base import Filter

Record = Mapping[str, str]
"""A record's columns by name, all as text, as they are in the source."""


@dataclass(frozen=True)
class RecordFilter(Filter):
    """Base of all record filters.

    `tables` are the kinds of tables it works on ("movies", "ratings", …); none means any that has its columns.
    """

    material: ClassVar[str] = "record"
    tables: ClassVar[tuple[str, ...]] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `keeps` reads: a table without them is none for this filter.

        Raises ParameterError when the parameters do not go together; that is asked before anything is sent.
        """
        return ()

    def works_on(self, table: str, columns: Collection[str]) -> bool:
        """Whether records of a table of this kind ("" for an unknown one), with these columns, are for this filter."""
        return (not self.tables or table in self.tables) and all(column in columns for column in self.columns)

    def keeps(self, record: Record) -> bool:
        """Whether the record stays. Pure; anything raised is attributed to this filter and this record."""
        raise NotImplementedError(f"{type(self).__name__} does not say which records it keeps")


class RecordError(Exception):
    """A filter failed on a record twice. `trace` is the traceback's text."""

    def __init__(self, filter_name: str, error: Exception) -> None:
        super().__init__(f"{filter_name} failed: {type(error).__name__}: {error}")
        self.filter_name = filter_name
        self.trace = "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]


class RecordRunner:
    """Filters that a record must pass one and all."""

    def __init__(self, filters: Iterable[RecordFilter]) -> None:
        self._filters = tuple(filters)

    def __bool__(self) -> bool:
        return bool(self._filters)

    def keeps(self, record: Record) -> bool:
        """Whether all filters keep it, asked in order until one does not. Raises RecordError."""
        for each in self._filters:
            try:
                kept = self._asked(each, record)
            except Exception as error:
                raise RecordError(each.name, error) from error
            if not kept:
                return False
        return True

    @staticmethod
    def _asked(each: RecordFilter, record: Record) -> bool:
        """Once more after a failure: a passing lack of memory must not cost a record."""
        try:
            return each.keeps(record)
        except Exception:
            return each.keeps(record)
