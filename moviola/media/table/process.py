"""A worker's work on a chunk of records: take it apart, ask the filters, write what is kept as JSON.

Which records of other tables follow the kept movies is found when all is spliced: a worker sees one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from json.encoder import encode_basestring
from time import perf_counter
from typing import Final

import xxhash

from moviola.base.vocabulary import Mode, OnError
from moviola.filters.records import RecordError, RecordRunner
from moviola.media.errors import BundleError, ProcessingFailed, last_line
from moviola.media.fingerprint import fingerprint
from moviola.media.material import MODES, Header, Output, Result, header
from moviola.media.report import MAX_ERROR_LENGTH, Fallback, Lost
from moviola.media.table.bundle import SEPARATOR, TableChunk, TableResult, i64s, u32s
from moviola.media.table.chain import record_filters
from moviola.media.table.records import Row, Rows
from moviola.media.table.report import TableReport
from moviola.media.table.schema import RowCheck, Table, TableProcess

BATCH: Final = 512
"""Records between two calls of `on_frame`, and between two looks at the clock."""

BYPASSED = "filters bypassed"
DROPPED = "its chunk failed"


def process(
    payload: bytes | bytearray | memoryview,
    source_process: Header,
    output: Output,
    *,
    mode: str = Mode.FILTER,
    on_frame: Callable[[int], None] | None = None,
) -> Result:
    """Keep the records of the chunk `payload` that all of the output's filters keep.

    A filter that raises on a record is asked once more; then `output.on_error` decides for that record alone: it is
    kept (`original`), left out (`drop` and `black`), or all ends with ProcessingFailed (`fail`). With the mode `bypass`
    no filter is asked, and every record counts as fallback or is left out; with `drop` all are lost. Malformed records
    are left out and told in the report. `on_frame(n)` is called after every few records with how many are done.

    Raise ValueError for an unknown mode, BadHeader when `source_process` is none of tables, BundleError when
    the payload is no chunk of these tables, filters.schema.ParameterError for a chain that cannot be made or does not
    suit them.
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, not one of {', '.join(MODES)}")
    if output.on_error == OnError.BLACK:
        output = replace(output, on_error=OnError.DROP)  # no record is black
    mode = output.mode(mode)
    tables = header(TableProcess, source_process).tables
    chunk = TableChunk.unpack(payload)
    if not 0 <= chunk.table < len(tables):
        raise BundleError(f"the chunk is of table {chunk.table}, but there are {len(tables)}")
    return _Work(chunk, tables, output, mode).run(on_frame or _nobody)


class _Work:
    def __init__(self, chunk: TableChunk, tables: Sequence[Table], output: Output, mode: str) -> None:
        self._chunk = chunk
        self._table = tables[chunk.table]
        self._output = output
        self._mode = mode
        chosen = record_filters(output, tables)[chunk.table]
        self._runner = RecordRunner(chosen)
        self._check = RowCheck(self._table)
        self._template = _template(self._table.columns)
        self._report = TableReport(chunk.first, chunk.count, frames_in=chunk.count, fingerprint=fingerprint())
        self._sizes: list[int] = []
        self._keys: list[int] = []
        self._pairs: list[int] = []
        self._records: list[bytes] = []

    def run(self, on_frame: Callable[[int], None]) -> Result:
        seconds = self._report.seconds
        rows = iter(Rows(self._chunk, self._check, self._report))
        while True:
            begun = perf_counter()
            batch = list(islice(rows, BATCH))
            parsed = perf_counter()
            kept = self._kept(batch)
            filtered = perf_counter()
            self._write(kept)
            seconds.decode += parsed - begun
            seconds.filter += filtered - parsed
            seconds.encode += perf_counter() - filtered
            on_frame(batch[-1][0] + 1 if batch else self._chunk.count)
            if not batch:
                return self._result()

    def _kept(self, batch: list[Row]) -> list[Row]:
        if self._check.has_aliases:
            self._pair(batch)
        report, first = self._report, self._chunk.first
        if self._mode == Mode.BYPASS:
            report.fallback += [Fallback(first + place, "", BYPASSED) for place, _ in batch]
            return batch
        if self._mode == Mode.DROP:
            report.lost += [Lost(first + place, DROPPED) for place, _ in batch]
            return []
        if not self._runner:
            return batch
        return [row for row in batch if self._keeps(row)]

    def _pair(self, batch: Iterable[Row]) -> None:
        """Note both numbers of each link, kept or not: the movie's, and the one by which ratings know it."""
        key, alias = self._check.key, self._check.alias
        for _, cells in batch:
            self._pairs += (key(cells), alias(cells))

    def _keeps(self, row: Row) -> bool:
        place, cells = row
        try:
            return self._runner.keeps(dict(zip(self._table.columns, cells, strict=True)))
        except RecordError as error:
            index = self._chunk.first + place
            if self._output.on_error == OnError.FAIL:
                raise ProcessingFailed([index], error.filter_name, error.trace) from error
            self._report.tell_failure(index, error.filter_name, error.trace)
            cause = last_line(error.trace)[:MAX_ERROR_LENGTH]
            if self._output.on_error == OnError.DROP:
                self._report.lost.append(Lost(index, f"{error.filter_name}: {cause}"))
                return False
            self._report.fallback.append(Fallback(index, error.filter_name, cause))
            return True

    def _write(self, rows: Sequence[Row]) -> None:
        key, template = self._check.key, self._template
        written = [(template % tuple(map(encode_basestring, cells))).encode() for _, cells in rows]
        self._records += written
        self._sizes += map(len, written)
        self._keys += [key(cells) for _, cells in rows]

    def _result(self) -> Result:
        report = self._report
        report.frames_out = len(self._records)
        records = b"".join(self._records)
        keys, pairs = i64s(self._keys), i64s(self._pairs)
        packed = TableResult(self._chunk.table, report, u32s(self._sizes), keys, pairs, records).pack()
        return Result(
            payload=packed,
            fingerprint=report.fingerprint,
            frames_in=report.frames_in,
            frames_out=report.frames_out,
            fallback_frames=len(report.fallback),
            lost_frames=len(report.lost),
            damaged_frames=0,
            content=_content(keys, pairs, records),
        )


def _template(columns: Sequence[str]) -> str:
    """Return the text of a record's JSON object, with %s for each value, and the separator behind it."""
    pairs = ", ".join(f"{encode_basestring(column).replace('%', '%%')}: %s" for column in columns)
    return f"{{{pairs}}}{SEPARATOR.decode()}"


def _content(*parts: bytes) -> int:
    """Return a checksum of what two workers must agree in. The report beside it is left out, because it has times."""
    hashed = xxhash.xxh3_64()
    for part in parts:
        hashed.update(part)
    return hashed.intdigest() >> 1


def _nobody(_done: int) -> None:
    """Do nothing: nobody wants to know how far the work is."""
