"""The filter `post_2000`: keeps movies released after the year 2000."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.records import Record, RecordFilter

LAST_YEAR = 2000  # not itself: 2001 is the first that is kept

_YEAR = re.compile(r"\s*(?:([0-9]{4})(?:[-/.].*)?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{4}))\s*", re.DOTALL)


@dataclass(frozen=True)
class Post2000(RecordFilter):
    """Keep movies by the year in their column `release_date`.

    The year is a number of four digits at the beginning or end of the date: 2001-10-26, 26/10/2001, 2001. A movie
    without one is dropped.
    """

    name: ClassVar[str] = "post_2000"
    summary: ClassVar[str] = "movies released after the year 2000 (release_date)"
    tables: ClassVar[tuple[str, ...]] = ("movies",)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that `keeps` reads."""
        return ("release_date",)

    def keeps(self, record: Record) -> bool:
        """Return whether the movie was released in 2001 or later."""
        found = _YEAR.fullmatch(record["release_date"])
        return found is not None and int(found[1] or found[2]) > LAST_YEAR
