"""The contract of a filter over records of tables: it keeps a record or not, and changes nothing.

A record filter is a frozen dataclass like any other filter; docs/TABLES.md has an example.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.failures import MAX_TRACEBACK
from moviola.filters.base import FAILURES, Filter

Record = Mapping[str, str]
"""A record's columns by name, all as text, as they are in the source."""


@dataclass(frozen=True)
class RecordFilter(Filter):
    """Base of all filters of records.

    Attributes:
        tables: kinds of tables that the filter is for ("movies", "ratings", …); empty for any that has its columns.
    """

    material: ClassVar[str] = "record"
    tables: ClassVar[tuple[str, ...]] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that `keeps` reads; tables without them are not filtered.

        Raises:
            ParameterError: the parameters contradict each other. This is checked before anything is sent.
        """
        return ()

    def works_on(self, table: str, columns: Collection[str]) -> bool:
        """Return whether this filter is for records of a table.

        Args:
            table: the kind of table, "" if it is not known.
            columns: of the table.
        """
        return (not self.tables or table in self.tables) and all(column in columns for column in self.columns)

    def keeps(self, record: Record) -> bool:
        """Return whether a record stays.

        This must be pure. Whatever it raises is attributed to this filter and this record.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say which records it keeps")


class RecordError(Exception):
    """Raised if a filter failed twice on a record.

    Attributes:
        filter_name: which filter.
        trace: the end of the traceback, as text.
    """

    def __init__(self, filter_name: str, error: BaseException) -> None:
        super().__init__(f"{filter_name} failed: {type(error).__name__}: {error}")
        self.filter_name = filter_name
        self.trace = "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]


class RecordRunner:
    """Apply several filters to records: each must keep a record."""

    def __init__(self, filters: Iterable[RecordFilter]) -> None:
        self._filters = tuple(filters)

    def __bool__(self) -> bool:
        return bool(self._filters)

    def keeps(self, record: Record) -> bool:
        """Return whether all filters keep a record; asked in order until one does not.

        Raises:
            RecordError: a filter failed twice.
        """
        for each in self._filters:
            try:
                kept = self._asked(each, record)
            except FAILURES as error:
                raise RecordError(each.name, error) from error
            if not kept:
                return False
        return True

    @staticmethod
    def _asked(each: RecordFilter, record: Record) -> bool:
        """Return whether a filter keeps a record. One that fails is asked once more: a passing lack of memory must not
        cost a record."""
        try:
            return each.keeps(record)
        except FAILURES:
            return each.keeps(record)
