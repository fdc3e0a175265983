"""Tables and parts of chunks and results of CSV tables, in the layout of moviola/media/bundle.py.

chunk (moviola/media/table/split.py writes it, moviola/media/table/process.py reads it): records of one file
    "p"       [[size]] of its one part: the records' bytes as they are in the file, broken ones left out
    "table"   which of `Source.process["tables"]` they are of, from 0
    "first"   index of the first one in the whole source, over all files
    "count"   how many records, broken ones too
    "record"  number of the first one within its file, from 1, the header not counted
    "line"    number of its first line within the file, from 1
    "broken"  [[place among "count", number of the line, why], ...]

result (moviola/media/table/process.py writes it, moviola/media/table/splice.py reads it)
    "p"       [[size], ...] of its four parts: SIZES, KEYS, PAIRS, RECORDS
    "table"   as above
    "report"  what happened to the records, see moviola/media/table/report.py

SIZES    u32 little-endian, one a kept record: bytes it takes in RECORDS
KEYS     i64 little-endian, one a kept record: the movie's number as this table has it, or schema.NO_KEY
PAIRS    i64 little-endian, two a link, kept or not: the movie's number, and the one by which ratings know it
RECORDS  kept records as JSON objects in UTF-8, each followed by SEPARATOR
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from moviola.media.bundle import pack, unpack
from moviola.media.errors import BundleError
from moviola.media.table.report import TableReport
from moviola.media.table.scan import Run

SEPARATOR = b",\n"

_CHUNK_KEYS = ("table", "first", "count", "record", "line", "broken")


@dataclass(frozen=True, slots=True)
class TableChunk:
    """A chunk's table and its records' bytes, as the module's docstring describes them."""

    table: int
    first: int
    count: int
    record: int
    line: int
    broken: list[list[Any]]
    data: bytes | memoryview

    def pack(self) -> bytes:
        """The chunk's payload."""
        fields = {key: getattr(self, key) for key in _CHUNK_KEYS}
        return pack({"p": [[len(self.data)]], **fields}, [self.data])

    @classmethod
    def unpack(cls, payload: bytes | bytearray | memoryview) -> TableChunk:
        """The data is a view into `payload`. Raise BundleError when that is no such chunk."""
        table, parts = unpack(payload)
        try:
            (data,) = parts
            return cls(**{key: table[key] for key in _CHUNK_KEYS}, data=data)
        except (KeyError, ValueError) as error:
            raise BundleError(f"this is no chunk of records: {error!r}") from error

    @classmethod
    def of(cls, run: Run, table: int, first: int, record: int) -> TableChunk:
        """Of what the scanner found."""
        return cls(table, first, run.count, record, run.line, [list(each) for each in run.broken], run.data)


@dataclass(frozen=True, slots=True)
class TableResult:
    """What a worker made of a chunk; `sizes`, `keys`, `pairs` and `records` are the bytes of the parts."""

    table: int
    report: TableReport
    sizes: bytes | memoryview
    keys: bytes | memoryview
    pairs: bytes | memoryview
    records: bytes | memoryview

    def pack(self) -> bytes:
        """The result's payload."""
        parts = (self.sizes, self.keys, self.pairs, self.records)
        table = {"p": [[len(part)] for part in parts], "table": self.table, "report": self.report.to_wire()}
        return pack(table, parts)

    @classmethod
    def unpack(cls, payload: bytes | bytearray | memoryview) -> TableResult:
        """The parts are views into `payload`. Raise BundleError when that is no such result."""
        table, parts = unpack(payload)
        try:
            result = cls(table["table"], TableReport.from_wire(table["report"]), *parts)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"this is no result of records: {error!r}") from error
        if len(result.sizes) * 2 != len(result.keys) or len(result.pairs) % 16:
            raise BundleError("a result's sizes, keys and pairs do not agree")
        return result


def u32s(values: Sequence[int]) -> bytes:
    """Little-endian."""
    return struct.pack(f"<{len(values)}I", *values)


def i64s(values: Iterable[int]) -> bytes:
    """Little-endian."""
    listed = list(values)
    return struct.pack(f"<{len(listed)}q", *listed)
