"""The records that are kept as one CSV table, written as they come."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import BinaryIO
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moviola.media.table.bundle import SEPARATOR, TableResult
from moviola.media.table.schema import Table


class CsvRows:
    """Writes a line of columns, and a row for each record that stays. Quoted as RFC 4180 has it, lines end in \\n."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._crc = self.size = 0
        self._write([list(table.columns)])

    def add(self, _name: str, result: TableResult, stays: NDArray[np.bool_]) -> int:
        """Write the records that stay; return how many."""
        stops = np.cumsum(np.frombuffer(result.sizes, "<u4").astype(np.int64))
        rows = []
        for place in np.flatnonzero(stays).tolist():
            start = int(stops[place - 1]) if place else 0
            record = bytes(result.records[start : int(stops[place]) - len(SEPARATOR)])
            rows.append([cell for _, cell in json.loads(record, object_pairs_hook=list)])
        self._write(rows)
        return len(rows)

    def close(self) -> None:
        """Do nothing: behind its last row a CSV table has no end to be written."""

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written."""
        return self._hash.hexdigest()

    def take_crc(self) -> int:
        """Return the CRC-32 of what was written since it was asked for last."""
        crc, self._crc = self._crc, 0
        return crc

    def _write(self, rows: list[list[str]]) -> None:
        # The writer quotes only those line ends that its own has, and CR ends a line for readers just as LF does.
        lines = csv.writer(_Handed(), lineterminator="\r\n")
        data = "".join(lines.writerow(row).removesuffix("\r\n") + "\n" for row in rows).encode()
        self._hash.update(data)
        self._crc = crc32(data, self._crc)
        self._file.write(data)
        self.size += len(data)


class _Handed:
    """A file that keeps nothing: `writerow` returns what `write` does, which is the row as text."""

    def write(self, text: str) -> str:
        return text
