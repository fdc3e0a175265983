"""Joins the results of all chunks into one JSON file: a list for each table, of the records kept, in source order.

Movies come first, then links (moviola/media/table/schema.py), so that one pass is enough: a record that belongs to a
movie is written or left out as it comes. What stays in memory is a number for each movie that is kept, and for each of
its links.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moviola.media.account import MAX_LISTED, Account
from moviola.media.manifest.writer import NOTHING, ManifestWriter
from moviola.media.material import Files, Output, Source, header
from moviola.media.spliced import Details, Spliced
from moviola.media.table.bundle import SEPARATOR, TableResult
from moviola.media.table.csv_rows import CsvRows
from moviola.media.table.naming import CSV, JSON, result_suffix
from moviola.media.table.report import BadRecord, TableReport
from moviola.media.table.schema import KINDS, NO_KEY, Table, TableSplice, only_table

_Numbers = NDArray[np.int64]


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
    manifest: ManifestWriter = NOTHING,
) -> Spliced:
    """Write `<output>_results.json`, or `.csv` where that is asked for, from result payloads in index order; they are
    read once, one at a time.

    The digest is the SHA-256 of that file. The records of chunks that are left out, or whose payload is empty, count as
    lost. Raise SpliceError when results are not in order, BundleError for a broken payload, OSError when the disk does
    not take it.
    """
    name = output.name + result_suffix(output.encoder)
    with files.partial(name).open("wb") as file:
        return _Splicer(file, source, output, manifest).run(name, results)


@dataclass(slots=True)
class _TableCount:
    """What became of one file's records. `unmatched` were kept by the filters, but their movie was not."""

    table: Table
    records_in: int = 0
    records_out: int = 0
    malformed: int = 0
    mended: int = 0
    unmatched: int = 0

    def facts(self) -> Details:
        return {
            "table": self.table.name,
            "file": self.table.file,
            "records_in": self.records_in,
            "records_out": self.records_out,
            "malformed": self.malformed,
            "mended": self.mended,
            "unmatched": self.unmatched,
        }


class _BadRecord(NamedTuple):
    """A record of a file about which the metrics tell."""

    file: str
    record: int
    line: int
    why: str


class _Splicer:
    def __init__(self, file: BinaryIO, source: Source, output: Output, manifest: ManifestWriter) -> None:
        self._manifest, self._told_size = manifest, 0
        told = header(TableSplice, source.splice)
        self._frame_count, tables = told.frame_count, told.tables
        self._counts = [_TableCount(table) for table in tables]
        self._format = output.encoder.container or JSON
        self._lists: _JsonLists | CsvRows
        if output.encoder.container == CSV:
            self._lists = CsvRows(file, only_table(tables))
        else:
            self._lists = _JsonLists(file, list(dict.fromkeys(table.name for table in tables)))
        self._join = _Join({table.kind for table in tables})
        self._account = Account()
        self._malformed: list[_BadRecord] = []
        self._mended: list[_BadRecord] = []

    def run(self, name: str, results: Iterable[bytes]) -> Spliced:
        for index, payload in enumerate(results):
            if payload:
                self._add(index, TableResult.unpack(payload))
        self._lists.close()
        self._account.close(self._frame_count)
        self._say()
        counts = self._counts
        return Spliced(
            account=self._account,
            digest=self._lists.digest,
            main=name,
            details={
                "container": self._format,
                "size": self._lists.size,
                "tables": [each.facts() for each in counts],
            },
            troubles={
                "malformed": [each._asdict() for each in self._malformed],
                "malformed_count": sum(each.malformed for each in counts),
                "mended": [each._asdict() for each in self._mended],
                "mended_count": sum(each.mended for each in counts),
            },
        )

    def _add(self, index: int, result: TableResult) -> None:
        count, report = self._counts[result.table], result.report
        stays = self._join.stays(count.table.kind, result)
        report.frames_out = self._lists.add(count.table.name, result, stays)
        self._account.add(report)
        self._tell_manifest(index, report)
        count.records_in += report.frames_in
        count.records_out += report.frames_out
        count.unmatched += len(stays) - report.frames_out
        count.malformed += report.malformed_count
        count.mended += report.mended_count
        _list(self._malformed, count.table.file, report.malformed)
        _list(self._mended, count.table.file, report.mended)

    def _tell_manifest(self, index: int, report: TableReport) -> None:
        """Tell the manifest where the records of a chunk stand: from the end of the chunk before on."""
        self._manifest.chunk(index, report)
        start, self._told_size = self._told_size, self._lists.size
        self._manifest.part(report.frames_out, start, self._lists.size - start, self._lists.take_crc())

    def _say(self) -> None:
        warn = self._account.warn
        for each in self._counts:
            told = next((entry for entry in self._malformed if entry.file == each.table.file), None)
            if each.malformed and told:
                is_one = each.malformed == 1
                warn(
                    f"{each.table.file}: {each.malformed} of {each.records_in} records {'is' if is_one else 'are'} "
                    f"malformed and left out, {'at' if is_one else 'the first at'} line {told.line}: {told.why}"
                )
            if each.mended:
                warn(f"{each.table.file}: {each.mended} records have bytes that are not UTF-8: they become U+FFFD")
        if self._join.twins:
            warn(f"{self._join.twins} movies that are kept have the same id as another one: each record stays")


def _list(entries: list[_BadRecord], file: str, more: list[BadRecord]) -> None:
    told = [_BadRecord(file, *each) for each in more]
    entries += told[: MAX_LISTED - len(entries)]


@dataclass(slots=True)
class _Join:
    """Decides which records stay, by the movies that were kept before them."""

    kinds: set[str]
    _movies: array[int] = field(default_factory=lambda: array("q"))
    _links: array[int] = field(default_factory=lambda: array("q"))
    _kept_movies: _Numbers | None = None
    _kept_links: _Numbers | None = None

    @property
    def twins(self) -> int:
        """Return how many of the movies kept have the same number as one kept before them."""
        return len(self._movies) - len(self._known())

    def stays(self, kind: str, result: TableResult) -> NDArray[np.bool_]:
        """Return for each record of a result whether it stays; those of movies all do, and are remembered."""
        keys = np.frombuffer(result.keys, "<i8").astype(np.int64)
        if kind == "movies":
            self._movies.frombytes(keys.tobytes())
        if kind not in KINDS or kind == "movies" or "movies" not in self.kinds:
            return np.ones(len(keys), np.bool_)
        if kind == "links":
            self._pair(np.frombuffer(result.pairs, "<i8").astype(np.int64).reshape(-1, 2))
        by_link = kind == "ratings" and "links" in self.kinds
        return _among(keys, self._ratings_known() if by_link else self._known())

    def _known(self) -> _Numbers:
        """Return the numbers of the movies kept, sorted, each once."""
        if self._kept_movies is None:
            self._kept_movies = np.unique(np.frombuffer(self._movies, np.int64))
        return self._kept_movies

    def _pair(self, pairs: _Numbers) -> None:
        kept = pairs[_among(pairs[:, 0], self._known()), 1]
        self._links.frombytes(kept.tobytes())

    def _ratings_known(self) -> _Numbers:
        """Return the numbers by which ratings know the movies kept, sorted, each once."""
        if self._kept_links is None:
            self._kept_links = np.unique(np.frombuffer(self._links, np.int64))
        return self._kept_links


def _among(keys: _Numbers, known: _Numbers) -> NDArray[np.bool_]:
    """Return for each key whether it is in `known`, which is sorted."""
    if not len(known):
        return np.zeros(len(keys), np.bool_)
    places = np.searchsorted(known, keys)
    found: NDArray[np.bool_] = (known[np.minimum(places, len(known) - 1)] == keys) & (keys != NO_KEY)
    return found


class _JsonLists:
    """A JSON object of lists in a file, written as records come; those of a list come one after the other."""

    def __init__(self, file: BinaryIO, names: list[str]) -> None:
        self._file = file
        self._names = names
        self._place = -1  # of the list that is open
        self._is_first = True
        self._hash = hashlib.sha256()
        self._crc = self.size = 0
        self._write(b"{")

    def add(self, name: str, result: TableResult, stays: NDArray[np.bool_]) -> int:
        """Write the records that stay, and return how many they are."""
        self._open_until(self._names.index(name))
        stops = np.cumsum(np.frombuffer(result.sizes, "<u4").astype(np.int64))
        for first, last in _runs(stays):
            start = int(stops[first - 1]) if first else 0
            stop = int(stops[last]) - len(SEPARATOR)
            self._write(b"\n" if self._is_first else SEPARATOR)
            self._write(result.records[start:stop])
            self._is_first = False
        return int(np.count_nonzero(stays))

    def close(self) -> None:
        self._open_until(len(self._names))
        self._write(b"\n}\n")

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def take_crc(self) -> int:
        """The CRC-32 of what was written since it was asked for last."""
        crc, self._crc = self._crc, 0
        return crc

    def _open_until(self, place: int) -> None:
        """Close the list that is open, and open the one at `place`. Lists between them had no record, and are written
        empty."""
        while self._place < place:
            if self._place >= 0:
                self._write(b"]" if self._is_first else b"\n]")
            self._place += 1
            self._is_first = True
            if self._place < len(self._names):
                opening = json.dumps(self._names[self._place], ensure_ascii=False)
                self._write(f"{',' if self._place else ''}\n{opening}: [".encode())

    def _write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self._crc = crc32(data, self._crc)
        self._file.write(data)
        self.size += len(data)


def _runs(stays: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of consecutive records that stay."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], stays, [False])).astype(np.int8)))
    for first, behind in edges.reshape(-1, 2).tolist():
        yield first, behind - 1
