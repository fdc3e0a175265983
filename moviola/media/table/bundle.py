"""Tables and parts of chunks and results of CSV tables, in the layout of moviola/media/bundle.py.

TableChunk   records of one file: its one part are their bytes as they are in the file, broken ones left out;
             split.py writes it, process.py reads it
TableResult  what came of them, in four parts; process.py writes it, splice.py reads it

SIZES    u32 little-endian, one a kept record: bytes it takes in RECORDS
KEYS     i64 little-endian, one a kept record: the movie's number as this table has it, or schema.NO_KEY
PAIRS    i64 little-endian, two a link, kept or not: the movie's number, and the one by which ratings know it
RECORDS  kept records as JSON objects in UTF-8, each followed by SEPARATOR
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.media.bundle import pack, read
from moviola.media.errors import BundleError
from moviola.media.table.report import TableReport
from moviola.media.table.scan import Run

SEPARATOR = b",\n"


class PartEntry(NamedTuple):
    """A part of a bundle: its bytes."""

    size: int


class BrokenRecord(NamedTuple):
    """A record that cannot be told apart: its place among the chunk's, the number of its line, and why."""

    place: int
    line: int
    why: str


@record
class ChunkTable(Mapped):
    """What a chunk's bundle says of it, in the fields of TableChunk."""

    p: list[PartEntry]
    table: int
    first: int
    count: int
    record: int
    line: int
    broken: list[BrokenRecord]


@dataclass(frozen=True, slots=True)
class TableChunk:
    """A chunk.

    Attributes:
        table: which of the source's tables its records are of, from 0.
        first: index of the first one in the whole source, over all files.
        count (records): how many there are, broken ones too.
        record: number of the first one within its file, from 1, the header not counted.
        line: number of its first line within the file, from 1.
        broken: records that `data` has not.
        data: the others' bytes.
    """

    table: int
    first: int
    count: int
    record: int
    line: int
    broken: list[BrokenRecord]
    data: bytes | memoryview

    def pack(self) -> bytes:
        """Return the chunk's payload."""
        place = self.table, self.first, self.count, self.record, self.line
        return pack(ChunkTable([PartEntry(len(self.data))], *place, self.broken).to_wire(), [self.data])

    @classmethod
    def unpack(cls, payload: bytes | bytearray | memoryview) -> TableChunk:
        """Return the chunk in a payload; its data is a view into `payload`. Raise BundleError if that is no such
        chunk."""
        told, parts = read(ChunkTable, payload)
        if len(parts) != 1:
            raise BundleError(f"a chunk of records has one part, not {len(parts)}")
        return cls(told.table, told.first, told.count, told.record, told.line, told.broken, parts[0])

    @classmethod
    def of(cls, run: Run, table: int, first: int, record: int) -> TableChunk:
        """Return the chunk of the records that the scanner found."""
        return cls(table, first, run.count, record, run.line, [BrokenRecord(*each) for each in run.broken], run.data)


@record
class ResultTable(Mapped):
    """What a result's bundle says of it: which table it is of, and what happened to the records."""

    p: list[PartEntry]
    table: int
    report: TableReport


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
        """Return the result's payload."""
        parts = (self.sizes, self.keys, self.pairs, self.records)
        table = ResultTable([PartEntry(len(part)) for part in parts], self.table, self.report)
        return pack(table.to_wire(), parts)

    @classmethod
    def unpack(cls, payload: bytes | bytearray | memoryview) -> TableResult:
        """Return the result in a payload; its parts are views into `payload`. Raise BundleError if that is no such
        result."""
        told, parts = read(ResultTable, payload)
        if len(parts) != 4:
            raise BundleError(f"a result of records has four parts, not {len(parts)}")
        result = cls(told.table, told.report, *parts)
        if len(result.sizes) * 2 != len(result.keys) or len(result.pairs) % 16:
            raise BundleError("a result's sizes, keys and pairs do not agree")
        return result


def u32s(values: Sequence[int]) -> bytes:
    """Return numbers as unsigned integers of 32 bits, little-endian."""
    return struct.pack(f"<{len(values)}I", *values)


def i64s(values: Iterable[int]) -> bytes:
    """Return numbers as signed integers of 64 bits, little-endian."""
    listed = list(values)
    return struct.pack(f"<{len(listed)}q", *listed)
