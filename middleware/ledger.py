"""What the middleware keeps on disk: jobs and which chunks are spooled where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from moviola.storage.crashes import count_crash, crashes
from moviola.storage.jobs import JobTable, job_check
from moviola.storage.ledger import Ledger, Row
from moviola.storage.seals import is_sealed, seal, sealed, unsealed
from moviola.storage.spool import Location, is_location

from .job_record import JobRecord
from .job_request import JobRequest

VERSION: Final = 2

SCHEMA: Final = """
CREATE TABLE job (
    number INTEGER PRIMARY KEY,  -- the order of submission
    job TEXT NOT NULL UNIQUE,
    fixed BLOB NOT NULL,         -- sealed: what was asked for, see middleware/job_request.py
    record BLOB NOT NULL         -- sealed: what changes, see middleware/job_record.py
);
CREATE TABLE chunk (
    job TEXT NOT NULL,
    stream INTEGER NOT NULL,
    number INTEGER NOT NULL,
    frame_count INTEGER NOT NULL,
    xxh3 BLOB NOT NULL,          -- 8 bytes, big-endian: SQLite's integers are signed
    segment INTEGER,             -- NULL: given up for room, and stored at the aggregator
    offset INTEGER NOT NULL,
    size INTEGER NOT NULL,
    seal BLOB NOT NULL,          -- of all but where it is: what lies there has its own checksum
    PRIMARY KEY (job, stream, number)
) WITHOUT ROWID;
CREATE TABLE filter (
    number INTEGER PRIMARY KEY,  -- the order in which they were announced
    name TEXT NOT NULL UNIQUE,
    schema BLOB NOT NULL         -- sealed msgpack, see moviola/filters/schema.py
);
CREATE TABLE store (
    number INTEGER PRIMARY KEY,  -- the order in which they were first seen
    store TEXT NOT NULL UNIQUE,  -- an aggregator's
    name TEXT NOT NULL,
    digest BLOB NOT NULL,        -- SHA-256 of the token that it was first seen with
    seal BLOB NOT NULL
)
"""


class MiddlewareLedger:
    """The middleware's tables. Changes are durable after `commit`."""

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        job = job_check(JobRequest.from_wire, JobRecord.from_wire, advice=", which is to be submitted again")
        checks = {"job": job, "chunk": _damaged_chunk, "filter": _damaged_filter, "store": _damaged_store}
        self._ledger = Ledger(path, SCHEMA, VERSION, checks=checks, fsync=fsync)
        self._ledger.execute("DELETE FROM chunk WHERE job NOT IN (SELECT job FROM job)")  # of a job whose row is lost
        self._ledger.commit()
        self._jobs = JobTable(self._ledger)
        self.forget_job = self._jobs.forget
        self.commit = self._ledger.commit
        self.close = self._ledger.close
        self.next_deadline = self._ledger.next_deadline

    @property
    def is_dirty(self) -> bool:
        """True when there is something to commit."""
        return self._ledger.is_dirty

    def crashes(self) -> dict[str, int]:
        """Return how often the middleware ended over which job."""
        return crashes(self._ledger)

    def count_crash(self, jobs: Iterable[str]) -> None:
        """Discard what this turn changed, and count a crash of each of these jobs."""
        count_crash(self._ledger, jobs)

    def raise_epoch(self) -> int:
        """Begin a new epoch and return its number, one more than at the last start; leases carry it."""
        return self._ledger.raise_epoch()

    def save_job(self, job: str, record: JobRecord, request: JobRequest | None = None) -> None:
        """Write what changed of a job; what was asked for only where it is new or has changed as well."""
        self._jobs.save(job, record.to_wire(), None if request is None else request.to_wire())

    def job(self, job: str) -> tuple[JobRequest, JobRecord] | None:
        """Return what was asked for with a job, and what changed of it; None if there is none. Raises ValueError for a
        damaged row."""
        saved = self._jobs.read(job)
        return None if saved is None else (JobRequest.from_wire(saved.fixed), JobRecord.from_wire(saved.record))

    def jobs(self) -> Iterator[tuple[str, JobRequest, JobRecord]]:
        """Yield all jobs, oldest first. No job may be saved meanwhile. Raises ValueError for a damaged row."""
        for job, fixed, record in self._jobs.all():
            yield job, JobRequest.from_wire(fixed), JobRecord.from_wire(record)

    def add_chunk(self, job: str, stream: int, index: int, frame_count: int, xxh3: int, location: Location) -> None:
        values = (job, stream, index, frame_count, xxh3.to_bytes(8, "big"))
        values_sql = "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._ledger.execute(values_sql, (*values, *location, seal(*values)))

    def give_up_chunk(self, job: str, stream: int, index: int) -> None:
        """Record that a chunk was given up: it was here, but is not in the spool any more."""
        where = "job = ? AND stream = ? AND number = ?"
        self._ledger.execute(f"UPDATE chunk SET segment = NULL WHERE {where}", (job, stream, index))

    def forget_chunk(self, job: str, stream: int, index: int) -> None:
        self._ledger.execute("DELETE FROM chunk WHERE job = ? AND stream = ? AND number = ?", (job, stream, index))

    def forget_chunks(self, job: str) -> None:
        self._ledger.execute("DELETE FROM chunk WHERE job = ?", (job,))

    def save_filter(self, name: str, schema: bytes) -> None:
        """Write a filter's schema, as the newest."""
        self._ledger.execute(
            "INSERT OR REPLACE INTO filter (name, schema) VALUES (?, ?)", (name, sealed(_filter(name), schema))
        )

    def forget_filter(self, name: str) -> None:
        self._ledger.execute("DELETE FROM filter WHERE name = ?", (name,))

    def filters(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the schema of every filter, the oldest first."""
        for name, schema in self._ledger.query("SELECT name, schema FROM filter ORDER BY number"):
            yield name, unsealed(_filter(name), schema)

    def save_store(self, store: str, name: str, digest: bytes) -> None:
        """Writes what is known of an aggregator's store; a known one keeps its place."""
        change = "ON CONFLICT (store) DO UPDATE SET name = excluded.name, seal = excluded.seal"
        values = (store, name, digest, seal(store, name, digest))
        self._ledger.execute(f"INSERT INTO store (store, name, digest, seal) VALUES (?, ?, ?, ?) {change}", values)

    def forget_store(self, store: str) -> None:
        self._ledger.execute("DELETE FROM store WHERE store = ?", (store,))

    def stores(self) -> Iterator[tuple[str, str, bytes]]:
        """(store, name, digest), first seen first."""
        yield from self._ledger.query("SELECT store, name, digest FROM store ORDER BY number")

    def chunks(self) -> Iterator[tuple[str, int, int, int, int, Location | None]]:
        """(job, stream, index, frame_count, xxh3, location) of every chunk; no location for one that was given up."""
        columns = "job, stream, number, frame_count, xxh3, segment, offset, size"
        for job, stream, index, frames, xxh3, segment, offset, size in self._ledger.rows(
            f"SELECT {columns} FROM chunk ORDER BY job, stream, number"
        ):
            location = None if segment is None else Location(segment, offset, size)
            yield job, stream, index, frames, int.from_bytes(xxh3, "big"), location


def _filter(name: str) -> str:
    return f"filter {name}"


def _damaged_chunk(row: Row) -> str:
    told = [row[name] for name in ("job", "stream", "number", "frame_count", "xxh3")]
    where = (row["segment"], row["offset"], row["size"])
    whole = row["seal"] == seal(*told) and is_location(0 if where[0] is None else where[0], *where[1:])
    return "" if whole else f"chunk {row['number']} of stream {row['stream']} of job {row['job']}"


def _damaged_filter(row: Row) -> str:
    return "" if is_sealed(_filter(row["name"]), row["schema"]) else f"filter {row['name']}"


def _damaged_store(row: Row) -> str:
    told = (row["store"], row["name"], row["digest"])
    return "" if row["seal"] == seal(*told) else f"what is known of store {row['store']}"
