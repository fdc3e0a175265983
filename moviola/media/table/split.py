"""CSV files as a Source and chunks of whole records. A file is read twice: to count its records, and to send them.

What travels in a Source beside facts: TableProcess and TableSplice in moviola/media/table/schema.py.

Facts are for people and for the metrics; `_facts` lists them.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import xxhash

from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Fate, Finding, bounded, sentences
from moviola.media.material import Chunk, Cutting, Facts, Material, Source
from moviola.media.table import KIND
from moviola.media.table.bundle import TableChunk
from moviola.media.table.scan import MAX_RECORD_SIZE, NEVER_CLOSED, Run, Scanner
from moviola.media.table.schema import KINDS, Table, TableProcess, TableSplice, in_order, kind_of

MAX_CHUNK_SIZE: Final = MAX_RECORD_SIZE
"""Bytes of a chunk. As JSON a control character takes six, so a result stays below 32 MiB."""

MAX_CHUNK_RECORDS: Final = 50_000
"""Records of an automatic chunk: some tenths of a second of a worker's time."""

CHUNK_SIZE_MIN: Final = 64 * 1024
CHUNKS_WANTED: Final = 64
"""An automatic chunk is this part of the source, but no smaller than CHUNK_SIZE_MIN: there is work for every core."""

MAX_CHUNKS: Final = 1_000_000
"""Of a job; each costs every program some memory."""

MAX_FILES: Final = 100
MAX_HEADERS_SIZE: Final = 256 * 1024
"""Bytes of all header lines together: they travel with every task."""

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def split(material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """Cut CSV files into chunks of whole records: `cutting.chunk_records` of them, or as many as suit.

    A chunk has records of one file. Files come in the order of moviola.media.table.schema.KINDS, whatever order they
    are named in, so that a movie comes before what follows it; files of one kind by name. Memory is bounded by a few
    records.

    Raise UnreadableSource, also from the iterator when a file changes meanwhile.
    """
    if not 0 < len(material.files) <= MAX_FILES:
        raise UnreadableSource(
            material.name, f"it has {len(material.files)} tables", f"send at least one and at most {MAX_FILES} at once"
        )
    paths = dict(material.files)
    tables = in_order(_table(name, path) for name, path in material.files)
    check_headers(material.name, tables)
    total_size = sum(path.stat().st_size for path in paths.values())
    hashed = xxhash.xxh3_128()
    scanned = []
    for table in tables:
        hashed.update(f"{table.file}\0".encode())
        limits = limits_of(cutting, table, total_size)
        scanned.append(_scanned(table, paths[table.file], limits, hashed))
    _check_chunks(material.name, scanned, cutting)
    count = sum(each.records for each in scanned)
    source = Source(
        kind=KIND.name,
        name=material.name,
        fingerprint=hashed.hexdigest(),
        facts=_facts(scanned, total_size, count),
        process=TableProcess(tables).to_wire(),
        splice=TableSplice(tables, count).to_wire(),
        stream_count=1,
    )
    return source, _chunks(scanned)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a chunk may have: records, and bytes of them."""

    records: int
    size: int


@dataclass(frozen=True, slots=True)
class _Scanned:
    """A file that has been counted; `broken_off` tells how its last record is, where it ends within it."""

    table: Table
    path: Path
    limits: Limits
    records: int
    chunks: int
    size: int
    broken_off: str = ""


def _table(name: str, path: Path) -> Table:
    try:
        with path.open("rb") as file:
            columns = read_header(path, Scanner(file))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableSource(path, reason, "check that it is there and may be read") from error
    return Table(kind_of(columns), name, columns)


def read_header(path: Path, scanner: Scanner) -> tuple[str, ...]:
    """Read the header, and blank lines before it; return the columns' names. Raise UnreadableSource."""
    if any(scanner.skip(mark) for mark in _UTF_16):
        raise UnreadableSource(path, "it is in UTF-16", "save it as UTF-8")
    scanner.skip(_BOM)
    line = b""
    while not line.strip():
        run = scanner.take(1, MAX_RECORD_SIZE)
        if run is None:
            raise UnreadableSource(path, "it is empty", "a table has a header line with its columns' names")
        if run.broken:
            raise UnreadableSource(
                path, f"its header line is broken: {run.broken[0][2]}", "check that it is a CSV file"
            )
        line = run.data
    try:
        (columns,) = csv.reader(io.StringIO(line.decode(), newline=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableSource(path, f"its header line is not text in UTF-8 ({error})", "save it as UTF-8") from error
    if "\0" in line.decode():
        raise UnreadableSource(path, "its header line is not text", "check that it is a CSV file")
    twice = sorted(column for column, count in Counter(columns).items() if count > 1)
    if twice:
        raise UnreadableSource(path, f'it has more than one column "{twice[0]}"', "give each column a name of its own")
    return tuple(columns)


def check_headers(name: str, tables: list[Table]) -> None:
    """Raise UnreadableSource where the headers have more bytes than can travel with every task."""
    size = sum(len(column.encode()) for table in tables for column in table.columns)
    if size > MAX_HEADERS_SIZE:
        raise UnreadableSource(
            name, f"the header lines have {size} bytes", f"the limit is {MAX_HEADERS_SIZE}; check that these are tables"
        )


def limits_of(cutting: Cutting, table: Table, total_size: int) -> Limits:
    """Return what a chunk of a table may have; this depends on the source and on the cutting alone. In a result every
    record repeats the columns' names, which bounds how many records there may be."""
    repeated = sum(len(column.encode()) + len('"": "", ') for column in table.columns)
    max_records = max(1, MAX_CHUNK_SIZE // repeated)
    if cutting.chunk_records is not None:
        return Limits(min(max(1, cutting.chunk_records), max_records), MAX_CHUNK_SIZE)
    size = min(max(total_size // CHUNKS_WANTED, CHUNK_SIZE_MIN), MAX_CHUNK_SIZE)
    return Limits(min(MAX_CHUNK_RECORDS, max_records), size)


def _scanned(table: Table, path: Path, limits: Limits, hashed: xxhash.xxh3_128) -> _Scanned:
    records = chunks = size = 0

    def read(block: bytes) -> None:
        nonlocal size
        size += len(block)
        hashed.update(block)

    with path.open("rb") as file:
        scanner = Scanner(file, read)
        read_header(path, scanner)
        last: Run | None = None
        while run := scanner.take(limits.records, limits.size):
            records += run.count
            chunks += 1
            last = run
    return _Scanned(table, path, limits, records, chunks, size, _broken_off(last, len(table.columns)))


def _broken_off(last: Run | None, columns: int) -> str:
    """Return how the last record of a file is broken off; empty where it is whole, as far as that is known.

    A record that only lacks the end of its line is whole: many programs write none.
    """
    if last is None:
        return ""
    if last.broken and last.broken[-1][0] == last.count - 1:
        _, line, reason = last.broken[-1]
        return f"at line {line}, {reason}" if reason == NEVER_CLOSED else ""
    if last.data.endswith((b"\n", b"\r")):
        return ""
    rows = csv.reader(io.StringIO(last.data.decode(errors="replace"), newline=""))
    try:
        (row,) = deque(rows, maxlen=1)
    except (csv.Error, ValueError):  # what is wrong with it is found and told where it is read
        return ""
    fields = len(row)
    return f"it has {fields} of {columns} fields, and no end of line" if fields < columns else ""


def _check_chunks(name: str, scanned: list[_Scanned], cutting: Cutting) -> None:
    chunks = sum(each.chunks for each in scanned)
    if chunks > MAX_CHUNKS:
        raise UnreadableSource(
            name,
            f"{cutting.chunk_records} records a chunk make {chunks} chunks, but the limit is {MAX_CHUNKS}",
            "ask for larger chunks",
        )


def _chunks(scanned: list[_Scanned]) -> Iterator[Chunk]:
    index = first = 0
    for number, each in enumerate(scanned):
        begun = first
        with _opened(each) as file:
            for chunk in chunks_of(file, each.path, each.limits, Place(number, index, first)):
                yield chunk
                index += 1
                first += chunk.frame_count
        if first - begun != each.records:
            raise UnreadableSource(each.path, "it has changed while it was read", "send it again")
    if not index:
        yield Chunk(0, 0, 0, TableChunk(0, 0, 0, 1, 1, [], b"").pack())


class Place(NamedTuple):
    """Where the chunks of a file begin: with the chunk `chunk` and the record `record` of table `table`."""

    table: int = 0
    chunk: int = 0
    record: int = 0


def chunks_of(file: BinaryIO, path: Path, limits: Limits, place: Place) -> Iterator[Chunk]:
    """Yield the chunks of a file, from its beginning on. Raise UnreadableSource for a header that is none."""
    scanner = Scanner(file)
    read_header(path, scanner)
    index, first = place.chunk, place.record
    while run := scanner.take(limits.records, limits.size):
        yield Chunk(0, index, run.count, TableChunk.of(run, place.table, first, first - place.record + 1).pack())
        index += 1
        first += run.count


def _opened(each: _Scanned) -> BinaryIO:
    try:
        return each.path.open("rb")
    except OSError as error:
        raise UnreadableSource(each.path, error.strerror or str(error), "send it again") from error


def _facts(scanned: list[_Scanned], size: int, count: int) -> Facts:
    damage = list(_damage(scanned))
    return {
        "unit": KIND.unit,
        "frame_count": count,
        "size": size,
        "tables": [
            {
                "table": each.table.name,
                "file": each.table.file,
                "columns": len(each.table.columns),
                "records": each.records,
                "size": each.size,
            }
            for each in scanned
        ],
        "damaged": bool(damage),
        "damage": list(sentences(damage)),
        "findings": [each.to_wire() for each in bounded([*damage, *_findings([each.table for each in scanned])])],
    }


def _damage(scanned: list[_Scanned]) -> Iterator[Finding]:
    """Yield what is missing at the ends of files; how much more there was, nobody knows."""
    for each in scanned:
        if each.broken_off:
            reason = f"is missing: the last record is broken off ({each.broken_off}); copy the file again"
            yield Finding(f"the end of {each.table.file}", Fate.LOST, reason)


def _findings(tables: list[Table]) -> Iterator[Finding]:
    """Yield what is done that a person may not expect. Every record is kept."""
    kinds = [table.kind for table in tables]
    for table in tables:
        if not table.kind:
            reason = (
                "has other columns than the tables known here: its records are filtered without regard to movies, "
                f'and are listed under "{table.name}"'
            )
            yield Finding(table.file, Fate.CHANGED, reason)
    for kind in KINDS:
        if kinds.count(kind) > 1:
            files = ", ".join(table.file for table in tables if table.kind == kind)
            reason = f"come from {kinds.count(kind)} files, listed one after the other: {files}"
            yield Finding(kind, Fate.CHANGED, reason)
    followers = [kind for kind in KINDS if kind in kinds and kind != "movies"]
    if followers and "movies" not in kinds:
        reason = f"is not among the files: {' and '.join(followers)} are filtered without regard to movies"
        yield Finding("the table of movies", Fate.CHANGED, reason)
    if "movies" in kinds and "ratings" in kinds and "links" not in kinds:
        reason = "is not among the files: a rating's movieId is taken for the movie's id itself"
        yield Finding("the table of links", Fate.CHANGED, reason)
