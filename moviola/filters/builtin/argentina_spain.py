"""The filter `argentina_spain`: keeps movies that were produced in Argentina and Spain."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from moviola.filters.base import parameter
from moviola.filters.records import Record, RecordFilter

WANTED = (("AR", "argentina"), ("ES", "spain"))
"""ISO 3166-1 code, and the English name in lower case, of each country."""

_MENTIONED = re.compile("|".join(rf"\b{word}\b" for pair in WANTED for word in pair), re.IGNORECASE)

MAX_TEXT = 65_536
"""Characters of a list of countries that are read; all countries there are take some 12 000."""


@dataclass(frozen=True)
class ArgentinaSpain(RecordFilter):
    """Keep movies by the countries in their column `production_countries`.

    The column holds a list such as `[{'iso_3166_1': 'ES', 'name': 'Spain'}]`, written as Python or as JSON. A country
    counts if its code or its name matches. A list that cannot be read counts as empty.
    """

    name: ClassVar[str] = "argentina_spain"
    summary: ClassVar[str] = "movies produced in Argentina and Spain (production_countries)"
    tables: ClassVar[tuple[str, ...]] = ("movies",)

    mode: str = parameter("both", choices=("both", "any"), help="produced in both countries, or in any of them")

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that `keeps` reads."""
        return ("production_countries",)

    def keeps(self, record: Record) -> bool:
        """Return whether the movie was produced in both countries, or, with `mode=any`, in at least one."""
        text = record["production_countries"]
        found = countries(text) if _may_matter(text) else frozenset()
        matches = [code in found or name in found for code, name in WANTED]
        return any(matches) if self.mode == "any" else all(matches)


def countries(text: str) -> frozenset[str]:
    """Return the codes (upper case) and names (lower case) in a list of countries; empty if it cannot be read."""
    listed = _read(text)
    if not isinstance(listed, (list, tuple)):
        return frozenset()
    entries = [each for each in listed if isinstance(each, dict)]
    codes = {str(each.get("iso_3166_1", "")).strip().upper() for each in entries}
    names = {str(each.get("name", "")).strip().lower() for each in entries}
    return frozenset(codes | names)


def _may_matter(text: str) -> bool:
    """Most movies are from elsewhere: their lists need not be read."""
    return _MENTIONED.search(text) is not None


def _read(text: str) -> Any:
    if len(text) > MAX_TEXT:
        return None
    for reader in (ast.literal_eval, json.loads):
        try:
            return reader(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None
