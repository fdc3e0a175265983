"""Takes the records of a chunk apart, and tells which are malformed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from media.errors import BundleError
from media.table.bundle import TableChunk
from media.table.report import TableReport
from media.table.scan import RECORD_SIZE_MAX
from media.table.schema import RowCheck

csv.field_size_limit(RECORD_SIZE_MAX)  # of this process; what a chunk holds is below it

_BAD_BYTES = re.compile("[\udc80-\udcff]")  # what "surrogateescape" makes of bytes that are not UTF-8


@dataclass(frozen=True, slots=True)
class Row:
    """A record without fault; `place` counts all records of the chunk."""

    place: int
    cells: list[str]


class Rows:
    """The whole records of a chunk in order; what is wrong with the others goes into the report."""

    def __init__(self, chunk: TableChunk, check: RowCheck, report: TableReport) -> None:
        self._chunk = chunk
        self._check = check
        self._report = report
        self._text, self._is_text = _decoded(bytes(chunk.data))

    def __iter__(self) -> Iterator[Row]:
        """Raise BundleError when the chunk is not what a splitter makes."""
        chunk, report, fault = self._chunk, self._report, self._check.fault
        broken = iter(chunk.broken)
        next_broken = next(broken, None)
        reader = csv.reader(io.StringIO(self._text, newline=""))
        place = passed = 0
        line = chunk.line
        while place < chunk.count:
            if next_broken is not None and next_broken[0] == place:
                report.tell_malformed(chunk.record + place, next_broken[1], next_broken[2])
                next_broken = next(broken, None)
                passed += 1
            else:
                cells = self._next(reader)
                why = fault(cells)
                if why:
                    report.tell_malformed(chunk.record + place, line, why)
                else:
                    if not self._is_text:
                        cells = self._mended(cells, place, line)
                    yield Row(place, cells)
            place += 1
            line = chunk.line + reader.line_num + passed
        if next(reader, None) is not None:
            raise BundleError(f"the chunk has more than the {chunk.count} records that it promises")

    def _next(self, reader: Iterator[list[str]]) -> list[str]:
        try:
            return next(reader)
        except (StopIteration, csv.Error) as error:
            raise BundleError(f"the chunk has not the {self._chunk.count} records that it promises") from error

    def _mended(self, cells: list[str], place: int, line: int) -> list[str]:
        bad = sum(len(_BAD_BYTES.findall(cell)) for cell in cells)
        if not bad:
            return cells
        what = "byte is no UTF-8: it stands" if bad == 1 else "bytes are no UTF-8: they stand"
        self._report.tell_mended(self._chunk.record + place, line, f"{bad} {what} as U+FFFD")
        return [cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for cell in cells]


def _decoded(data: bytes) -> tuple[str, bool]:
    """The text, and whether all of it is some."""
    try:
        return data.decode(), True
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape"), False
