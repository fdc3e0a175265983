"""What the aggregator keeps on disk: jobs, and which results are stored where."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moviola.base.mapped import Map
from moviola.storage.crashes import count_crash, crashes
from moviola.storage.jobs import JobTable, job_check
from moviola.storage.ledger import Ledger, Row
from moviola.storage.seals import seal
from moviola.storage.spool import Location, is_location
from moviola.wire.errors import ProtocolError
from moviola.wire.tokens import new_token

from .events import Keep
from .jobs import FixedPart, JobRecord

VERSION: Final = 2

SCHEMA: Final = """
CREATE TABLE job (
    number INTEGER PRIMARY KEY,  -- the order in which they came
    job TEXT NOT NULL UNIQUE,
    fixed BLOB NOT NULL,         -- sealed: name, user, owner_epoch, lease_key, and source, outputs without files yet
    record BLOB NOT NULL         -- sealed: what changes, see aggregator/jobs.py
);
CREATE TABLE result (
    job TEXT NOT NULL,
    track INTEGER NOT NULL,
    number INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    size INTEGER NOT NULL,
    xxh3 BLOB NOT NULL,          -- 8 bytes, big-endian: SQLite's integers are signed
    worker TEXT NOT NULL,        -- empty for a chunk that was passed on
    frames INTEGER NOT NULL,     -- that came out
    stored_unix_s REAL NOT NULL,
    seal BLOB NOT NULL,          -- of all but where it is: what lies there has its own checksum
    PRIMARY KEY (job, track, number)
) WITHOUT ROWID
"""


_RESULTS: Final = "SELECT job, track, number, segment, offset, size, xxh3, worker, frames, stored_unix_s FROM result"


@dataclass(slots=True)
class StoredResult:
    """One row of `result`."""

    job: str
    track: int
    index: int
    location: Location
    xxh3: int
    worker: str
    frames: int
    stored_unix_s: float


class AggregatorLedger:
    """The aggregator's tables. Changes are durable after `commit`."""

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        checks = {"job": job_check(FixedPart.from_wire, _read_record), "result": _damaged_result}
        self._ledger = Ledger(path, SCHEMA, VERSION, checks=checks, fsync=fsync)
        self._ledger.execute("DELETE FROM result WHERE job NOT IN (SELECT job FROM job)")  # of a job whose row is lost
        self._ledger.commit()
        self.jobs = JobTable(self._ledger)
        self.commit = self._ledger.commit
        self.close = self._ledger.close
        self.next_deadline = self._ledger.next_deadline

    @property
    def is_tight(self) -> bool:
        """The disk is full and the reserve in use: nothing more should be written than must be."""
        return self._ledger.is_tight

    @property
    def is_dirty(self) -> bool:
        """True when there is something to commit."""
        return self._ledger.is_dirty

    def crashes(self) -> dict[str, int]:
        """Return how often the aggregator ended over which job."""
        return crashes(self._ledger)

    def count_crash(self, jobs: Iterable[str]) -> None:
        """Discard what this turn changed, and count a crash of each of these jobs."""
        count_crash(self._ledger, jobs)

    def raise_epoch(self) -> int:
        """Begin a new epoch and return its number."""
        return self._ledger.raise_epoch()

    def store_id(self) -> str:
        """Return the id of this store. It is made once and kept as long as the results beside it, so a new id means
        that nothing of before is here any more."""
        return self._made_once("store", lambda: secrets.token_hex(8))

    def store_token(self) -> str:
        """Return the secret by which the middleware knows this store; made once, with the store's id."""
        return self._made_once("store token", new_token)

    def _made_once(self, name: str, make: Callable[[], str]) -> str:
        known = self._ledger.fact(name)
        if known is None:
            known = make()
            self._ledger.set_fact(name, known)
            self._ledger.commit()
        return str(known)

    # ── results ──────────────────────────────────────────────────────────────────────────────────────────────────

    def add_result(self, keep: Keep, location: Location, stored_unix_s: float) -> None:
        """Record a result and where its payload lies in the spool."""
        frames = keep.frames.get("frames_in", 0)  # what the worker went through, whatever the filters left of it
        told = (keep.job, keep.track, keep.index)
        more = (keep.xxh3.to_bytes(8, "big"), keep.worker, frames, float(stored_unix_s))
        values = (*told, *location, *more, seal(*told, *more))
        self._ledger.execute("INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def forget_result(self, job: str, track: int, index: int) -> None:
        """Delete the record of one result."""
        self._ledger.execute("DELETE FROM result WHERE job = ? AND track = ? AND number = ?", (job, track, index))

    def forget_results(self, job: str) -> None:
        """Delete the records of all results of a job."""
        self._ledger.execute("DELETE FROM result WHERE job = ?", (job,))

    def results(self, job: str | None = None) -> Iterator[StoredResult]:
        """Yield what is stored of one job, or of all; by job, track and index. No result may change meanwhile."""
        where, values = ("", ()) if job is None else ("WHERE job = ?", (job,))
        return map(_stored, self._ledger.rows(f"{_RESULTS} {where} ORDER BY job, track, number", values))

    def result(self, job: str, track: int, index: int) -> StoredResult:
        """Return what is stored of one chunk. There must be something."""
        where = "WHERE job = ? AND track = ? AND number = ?"
        [row] = self._ledger.query(f"{_RESULTS} {where}", (job, track, index))
        return _stored(row)


def _stored(row: tuple[Any, ...]) -> StoredResult:
    job, track, index, segment, offset, size, xxh3, *rest = row
    return StoredResult(job, track, index, Location(segment, offset, size), int.from_bytes(xxh3, "big"), *rest)


def _read_record(data: Map) -> JobRecord:
    """Return what a row has of a job that changes. Raises ValueError where it has none."""
    try:
        return JobRecord.from_wire(data)
    except ProtocolError as error:  # of what was told the middleware
        raise ValueError(error.text) from error


def _damaged_result(row: Row) -> str:
    told = [row[name] for name in ("job", "track", "number", "xxh3", "worker", "frames", "stored_unix_s")]
    whole = row["seal"] == seal(*told) and is_location(row["segment"], row["offset"], row["size"])
    return "" if whole else f"chunk {row['number']} of track {row['track']} of job {row['job']}"
