"""The first records of the tables in a result."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import Final

from moviola.base.json_texts import json_in
from moviola.report.facts import TableSample
from moviola.session.remote_file import RemoteFile
from moviola.wire.limits import MIB

ROWS: Final = 8
"""Records of a table that are shown."""

MAX_COLUMNS: Final = 24
"""Columns of a table that are shown: The Movies Dataset has 24."""

MAX_READ: Final = 1 * MIB
"""Bytes at the beginning of a result in which tables are looked for."""

MAX_CELL: Final = 40
"""Characters of a value: casts are lists of thousands."""


def samples_of(file: RemoteFile, name: str) -> list[TableSample]:
    """Return the first records of each table that begins within the first MAX_READ bytes. Raises OSError.

    Args:
        file: a result, as docs/TABLES.md describes it.
        name: its name, which says whether it is JSON or CSV.
    """
    text = b"".join(file.pieces(MAX_READ)).decode("utf-8", "replace")
    return _of_csv(text) if name.endswith(".csv") else _of_json(text)


def _of_csv(text: str) -> list[TableSample]:
    csv.field_size_limit(max(MAX_READ, csv.field_size_limit()))  # of this process, where others may need more
    records = islice(csv.reader(io.StringIO(text, newline="")), ROWS + 1)
    rows = [[_cell(value) for value in record[:MAX_COLUMNS]] for record in records]
    return [TableSample("", rows[0], rows[1:])] if rows else []


def _of_json(text: str) -> list[TableSample]:
    """Each record of ours has a line of its own, and so has the beginning of each list."""
    found: list[TableSample] = []
    for line in text.split("\n"):  # splitlines() splits within texts, at U+2028
        if line.endswith(": ["):
            found.append(TableSample(_title(line), [], []))
        elif line.startswith("{") and len(line) > 1 and found and len(found[-1].rows) < ROWS:
            _take(found[-1], line)
    return found


def _title(line: str) -> str:
    try:
        return str(json_in(line.removesuffix(": [")))
    except ValueError:
        return ""


def _take(sample: TableSample, line: str) -> None:
    try:
        record = json_in(line.removesuffix(","))
    except ValueError:
        return  # cut off in its middle
    if not sample.columns:
        sample.columns.extend([str(name) for name in record][:MAX_COLUMNS])
    sample.rows.append([_cell(record.get(name, "")) for name in sample.columns])


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
