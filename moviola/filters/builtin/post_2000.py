"""Movies released after the year 2000."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.records import Record, RecordFilter

LAST_YEAR = 2000  # not itself: 2001 is the first that is kept

_YEAR = re.compile(r"\s*(?:([0-9]{4})(?:[-/.].*)?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{4}))\s*", re.DOTALL)


@dataclass(frozen=True)
class Post2000(RecordFilter):
    """The year is the date's first or last number, of four digits: 2001-10-26, 26/10/2001, 2001.

    A movie whose date is missing or has no such year is not kept.
    """

    name: ClassVar[str] = "post_2000"
    summary: ClassVar[str] = "movies released after the year 2000 (release_date)"
    tables: ClassVar[tuple[str, ...]] = ("movies",)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("release_date",)

    def keeps(self, record: Record) -> bool:
        found = _YEAR.fullmatch(record["release_date"])
        return found is not None and int(found[1] or found[2]) > LAST_YEAR
