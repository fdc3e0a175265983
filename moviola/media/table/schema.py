"""Which tables there are, told by their columns, and what each column must hold.

The schema is that of *The Movies Dataset*: movies_metadata.csv, links.csv, credits.csv, keywords.csv, ratings.csv.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from moviola.base.mapped import Mapped
from moviola.base.records import record

NO_KEY = -1
"""The key of a record that belongs to no movie: a link without tmdbId, a record of an unknown table."""

_WHOLE = re.compile(r"[0-9]{1,18}")  # fits 64 bits
_WHOLE_OR_NOTHING = re.compile(r"([0-9]{1,18}(\.0+)?)?")  # pandas writes 862.0 into a column with gaps
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?")
_NO_LIST = re.compile(r"(?!\s*[\[{]).*", re.DOTALL)  # what stands beside release_date are lists and numbers

_Checks = tuple[tuple[str, re.Pattern[str], str], ...]


@dataclass(frozen=True, slots=True)
class TableKind:
    """A table of the schema.

    `marks` are sets of columns, any of which tells the kind; `key` is the column with the movie's id, `alias` the one
    with the number by which ratings know the movie; `checks` are (column, pattern, what it should be).
    """

    name: str
    marks: tuple[frozenset[str], ...]
    key: str
    checks: _Checks
    alias: str = ""


KINDS: Mapping[str, TableKind] = {
    kind.name: kind
    for kind in (
        TableKind(
            "movies",
            (frozenset({"id", "release_date"}), frozenset({"id", "production_countries"})),
            key="id",
            checks=(("id", _WHOLE, "a whole number"), ("release_date", _NO_LIST, "a date")),
        ),
        TableKind(
            "links",
            (frozenset({"movieId", "tmdbId"}),),
            key="tmdbId",
            alias="movieId",
            checks=(("movieId", _WHOLE, "a whole number"), ("tmdbId", _WHOLE_OR_NOTHING, "a whole number")),
        ),
        TableKind(
            "credits",
            (frozenset({"id", "cast"}), frozenset({"id", "crew"})),
            key="id",
            checks=(("id", _WHOLE, "a whole number"),),
        ),
        TableKind("keywords", (frozenset({"id", "keywords"}),), key="id", checks=(("id", _WHOLE, "a whole number"),)),
        TableKind(
            "ratings",
            (frozenset({"movieId", "rating"}),),
            key="movieId",
            checks=(
                ("userId", _WHOLE, "a whole number"),
                ("movieId", _WHOLE, "a whole number"),
                ("rating", _NUMBER, "a number"),
            ),
        ),
    )
}
"""In the order in which tables are carried and listed: a table comes behind those whose records decide which of its
own stay."""


@record
class Table(Mapped):
    """One file of a job. `kind` is a key of KINDS, or "" for another schema; `file` its name within the job."""

    kind: str
    file: str
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what the table's list is called in the result: its kind, or the file's name."""
        if self.kind:
            return self.kind
        return self.file if self.file not in KINDS else f"{self.file} (another schema)"


@record
class TableProcess(Mapped):
    """`Source.process`: all that a worker needs beside a chunk, the tables in the order in which they are carried."""

    tables: list[Table]


@record
class TableSplice(Mapped):
    """`Source.splice`: all that the splicer needs beside the results.

    Attributes:
        tables: as of TableProcess.
        frame_count (records): how many there are, malformed ones too, headers not.
    """

    tables: list[Table]
    frame_count: int


def kind_of(columns: Iterable[str]) -> str:
    """Return the kind of table with these columns, in any order; "" if it is none of KINDS."""
    given = frozenset(columns)
    return next((kind.name for kind in KINDS.values() if any(marks <= given for marks in kind.marks)), "")


def in_order(tables: Iterable[Table]) -> list[Table]:
    """Return the tables in the order in which they are carried: by kind, other schemas last, then by file name;
    whatever order they were named in."""
    ranks = {name: rank for rank, name in enumerate(KINDS)}
    return sorted(tables, key=lambda table: (ranks.get(table.kind, len(ranks)), table.file))


def only_table(tables: Sequence[Table]) -> Table:
    """Return the table that all files together are. Raise ValueError, with a sentence, where they are several."""
    names = list(dict.fromkeys(table.name for table in tables))
    if len(names) > 1:
        raise ValueError(f"CSV holds one table, and there are {len(names)}: {', '.join(names)}")
    if len({table.columns for table in tables}) > 1:
        raise ValueError(f"CSV holds one table, and the files of {names[0]} have different columns")
    return tables[0]


class RowCheck:
    """Checks whether rows of a table are what its header promises."""

    def __init__(self, table: Table) -> None:
        self._count = len(table.columns)
        kind = KINDS.get(table.kind)
        checks = kind.checks if kind else ()
        self._checks = [
            (table.columns.index(column), pattern.fullmatch, column, wanted)
            for column, pattern, wanted in checks
            if column in table.columns
        ]
        self._key = table.columns.index(kind.key) if kind else None
        self._alias = table.columns.index(kind.alias) if kind and kind.alias else None

    @property
    def has_aliases(self) -> bool:
        """Return whether the table tells by which numbers ratings know movies."""
        return self._alias is not None

    def fault(self, row: Sequence[str]) -> str:
        """Return why the row is malformed, for a person; "" if it is not."""
        if len(row) != self._count:
            if not row or (len(row) == 1 and not row[0].strip()):
                return "a blank line"
            return f"{len(row)} columns instead of {self._count}"
        for index, matches, column, wanted in self._checks:
            if not matches(row[index]) and not matches(row[index].strip()):
                return f"{column} is {_shown(row[index])}, not {wanted}: its columns are shifted"
        return ""

    def key(self, row: Sequence[str]) -> int:
        """Return the number of the movie to which a row without fault belongs, or NO_KEY."""
        return NO_KEY if self._key is None else _number(row[self._key])

    def alias(self, row: Sequence[str]) -> int:
        """Return the number by which ratings know that movie; NO_KEY in tables that do not tell it."""
        return NO_KEY if self._alias is None else _number(row[self._alias])


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        digits = text.partition(".")[0].strip()
        return int(digits) if digits else NO_KEY


def _shown(text: str) -> str:
    return f'"{text[:20]}{"…" if len(text) > 20 else ""}"'
