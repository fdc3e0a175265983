"""Takes the records of a chunk apart, and tells which are malformed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from moviola.media.errors import BundleError
from moviola.media.table.bundle import TableChunk
from moviola.media.table.report import TableReport
from moviola.media.table.scan import MAX_RECORD_SIZE
from moviola.media.table.schema import RowCheck

csv.field_size_limit(MAX_RECORD_SIZE)  # of this process; what a chunk holds is below it

_BAD_BYTES = re.compile("[\udc80-\udcff]")  # what "surrogateescape" makes of bytes that are not UTF-8


Row = tuple[int, list[str]]
"""The place of a record without fault, counted over all records of its chunk, and its cells."""


class Rows:
    """The whole records of a chunk in order; what is wrong with the others goes into the report."""

    def __init__(self, chunk: TableChunk, check: RowCheck, report: TableReport) -> None:
        self._chunk = chunk
        self._check = check
        self._report = report
        self._text, self._is_text = _decoded(bytes(chunk.data))
        self._broken = chunk.broken[::-1]  # the next one is the last

    def __iter__(self) -> Iterator[Row]:
        """Yield the records without fault, and report the others. Raise BundleError if the chunk is not what a
        splitter makes."""
        chunk, report, fault = self._chunk, self._report, self._check.fault
        reader = csv.reader(io.StringIO(self._text, newline=""))
        place = self._tell_broken(0)
        lines_before = chunk.line + place
        try:
            for cells in reader:
                why = fault(cells)
                if why:
                    report.tell_malformed(chunk.record + place, lines_before, _as_text(why))  # it quotes a cell
                else:
                    if not self._is_text:
                        cells = self._mended(cells, place, lines_before)
                    yield place, cells
                place += 1
                if self._broken:
                    place = self._tell_broken(place)
                lines_before = chunk.line + reader.line_num + len(chunk.broken) - len(self._broken)
        except csv.Error as error:
            raise BundleError(f"the chunk's records cannot be told apart: {error}") from error
        if place != chunk.count or self._broken:
            raise BundleError(f"the chunk has {place} records and promises {chunk.count}")

    def _tell_broken(self, place: int) -> int:
        """Report the broken records that come next, and return the place behind them."""
        while self._broken and self._broken[-1][0] == place:
            _, line, why = self._broken.pop()
            self._report.tell_malformed(self._chunk.record + place, line, why)
            place += 1
        return place

    def _mended(self, cells: list[str], place: int, line: int) -> list[str]:
        bad = sum(len(_BAD_BYTES.findall(cell)) for cell in cells)
        if not bad:
            return cells
        what = "byte is not UTF-8: it becomes" if bad == 1 else "bytes are not UTF-8: they become"
        self._report.tell_mended(self._chunk.record + place, line, f"{bad} {what} U+FFFD")
        return [_as_text(cell) for cell in cells]


def _decoded(data: bytes) -> tuple[str, bool]:
    """Return data as text, and whether all of it is UTF-8."""
    try:
        return data.decode(), True
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape"), False


def _as_text(text: str) -> str:
    """Return a text with U+FFFD for each byte that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
