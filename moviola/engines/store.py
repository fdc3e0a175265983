"""The results of one job on an engine, on the disk of the machine that started the job, until its files are there.

An engine drops what it holds when the process that asked for it ends. So each result is written here as it comes, its
payload first and then its row, and the same command finds them when it is typed again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import xxhash

from moviola.base.failures import MAX_FAILURES_OF_JOB, Failure
from moviola.base.job_statistics import JobStatistics
from moviola.base.mapped import Malformed
from moviola.engines.errors import EngineFailed
from moviola.engines.run import Counts
from moviola.media.cluster_statistics import ResultFacts, cluster_statistics
from moviola.media.computing import Computed
from moviola.media.manifest.records import Maker
from moviola.media.metrics import ClusterStatistics
from moviola.media.spliced import Spliced
from moviola.storage.errors import LedgerInUse, SpoolFull, StorageError
from moviola.storage.ledger import Ledger, Row
from moviola.storage.seals import seal, sealed, unsealed
from moviola.storage.spool import Location, Spool, is_location

VERSION: Final = 1

MAX_SIZE: Final = 1024**4
"""The spool's limit for the results of one job, in bytes: no disk is expected to have more room. If the disk is full,
its own error says so."""

MAX_JOBS: Final = 20
"""Jobs whose results are kept, the newest, this one included. They wait for their command to be typed again, which may
never happen."""

KEPT_S: Final = 7 * 24 * 3600
"""How long the results of a job are kept after the last one came."""

SCHEMA: Final = """
CREATE TABLE result (
    output INTEGER NOT NULL,
    number INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    size INTEGER NOT NULL,
    xxh3 BLOB NOT NULL,          -- 8 bytes, big-endian: SQLite's integers are signed
    worker TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    stored_unix_s REAL NOT NULL,
    seal BLOB NOT NULL,          -- of all but where it is: what lies there has its own checksum
    PRIMARY KEY (output, number)
) WITHOUT ROWID;
CREATE TABLE failure (
    number INTEGER PRIMARY KEY,
    told BLOB NOT NULL           -- sealed
)
"""

_KEY: Final = "results"
_NAME: Final = "ledger.sqlite"
_ROWS: Final = "SELECT output, number, segment, offset, size, xxh3, worker, attempt, frames, stored_unix_s FROM result"


class _Row(NamedTuple):
    """One stored result."""

    location: Location
    xxh3: bytes
    maker: Maker
    frames: int
    stored_unix_s: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Identifies results that may stand in one output: they have the job's key (the same source content, outputs and
    plugins) and the build that made them in common."""

    key: str
    build: str


class StoredResults:
    """Results in a folder (moviola.media.local.Kept); `with` closes it.

    Results of another build than the identity's are forgotten, and so are damaged ones.

    Args:
        root: the folder with a folder for each job.
        identity: of this job's results.
        job: its id, for metrics.
        outputs: names of the outputs.
        counts: of each output's tasks, as `moviola.engines.run.Run` keeps them.
        fresh: forget what is there.

    Raises:
        EngineFailed: another process has the job in hand, or the folder cannot be used.
        OSError: as the disk does.
    """

    def __init__(
        self, root: Path, identity: Identity, job: str, outputs: Sequence[str], counts: Sequence[Counts], *, fresh: bool
    ) -> None:
        self.folder = root / identity.key
        _prune(root, self.folder)
        self._job, self._outputs, self._counts = job, outputs, counts
        self._began_at = time.monotonic()
        self._ledger = self._opened()
        self._rows: dict[tuple[int, int], _Row] = {}
        self.forgotten = ""
        """Why some results that were here are not any more; empty where that is not so."""
        try:
            self._spool = Spool(self.folder / "spool", limit_bytes=MAX_SIZE)
            self._recover(identity.build, fresh=fresh)
        except BaseException:
            self._ledger.close()
            raise
        self.found = len(self._rows)
        """How many results were here when it was opened."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()
        self._ledger.close()

    def __len__(self) -> int:
        return len(self._rows)

    def remove(self) -> None:
        """Remove the folder, because the job's files are there. Call it when this is closed."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # ── as run_local uses it ─────────────────────────────────────────────────────────────────────────────────────

    def holds(self, output: int, index: int) -> bool:
        """As in Kept."""
        return (output, index) in self._rows

    def keep(self, computed: Computed) -> None:
        """Store a result, unless there is one of the same chunk and output already. When this returns, it survives the
        end of this process. Raise EngineFailed where there is no room."""
        place = (computed.output, computed.index)
        if place in self._rows:
            self._counts[computed.output].duplicates += 1
            return
        try:
            location = self._spool.append(_KEY, computed.payload)
            xxh3 = xxhash.xxh3_64_digest(computed.payload)
            row = _Row(location, xxh3, computed.maker, computed.frame_count, time.time())  # noqa: TID251 - is told
            told = (*place, *location, xxh3, *computed.maker, computed.frame_count, row.stored_unix_s)
            self._ledger.execute(f"INSERT INTO result VALUES ({'?, ' * 10}?)", (*told, _seal(told)))
            self._ledger.commit()
        except (OSError, SpoolFull, StorageError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise EngineFailed(f"the results cannot be kept in {self.folder} ({reason}); make room there") from error
        self._rows[place] = row

    def payloads(self, output: int) -> Iterable[bytes]:
        """As in Kept. Iterating raises EngineFailed where a result is not what was stored."""
        return _Payloads(self, output)

    def maker(self, output: int, index: int) -> Maker:
        """As in Kept."""
        return self._rows[output, index].maker

    def statistics(self, output: int, spliced: Spliced) -> ClusterStatistics:
        """As in Kept."""
        rows = self._of(output)
        chunks = spliced.account.chunks
        facts = [
            ResultFacts(row.maker.worker, row.frames, row.stored_unix_s, chunk.latency_ms / 1000)
            for row, chunk in zip(rows, chunks, strict=False)
        ]
        told = JobStatistics(
            time.monotonic() - self._began_at,
            [each.retries for each in self._counts],
            [each.losses for each in self._counts],
            [each.latencies_ms for each in self._counts],
            self._failures(),
        )
        duplicates = self._counts[output].duplicates
        return cluster_statistics(output, duplicates, facts, told, self._job, self._outputs[output])

    def note(self, failure: Failure) -> None:
        """Write a failure of a whole task down. Raise EngineFailed where there is no room."""
        try:
            self._ledger.execute("INSERT INTO failure (told) VALUES (?)", (sealed("failure", failure.to_wire()),))
            self._ledger.commit()
        except StorageError as error:
            raise EngineFailed(f"a failure cannot be written down in {self.folder}: {error}") from error

    def read(self, output: int, index: int) -> bytes:
        """Return a stored result. Raise EngineFailed where it is not what was stored."""
        row = self._rows[output, index]
        try:
            payload = self._spool.read(row.location)
        except OSError as error:
            raise EngineFailed(f"{self.folder} cannot be read: {error}; start this again") from error
        if xxhash.xxh3_64_digest(payload) != row.xxh3:
            name = self._outputs[output]
            raise EngineFailed(f"chunk {index} of {name} was damaged in {self.folder}; start this again to redo it")
        return payload

    def indexes(self, output: int) -> list[int]:
        """Return the chunks whose results are here, in order."""
        return sorted(index for number, index in self._rows if number == output)

    def _of(self, output: int) -> list[_Row]:
        return [self._rows[output, index] for index in self.indexes(output)]

    # ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _opened(self) -> Ledger:
        checks = {"result": _damaged, "failure": _damaged_failure}
        try:
            return Ledger(self.folder / _NAME, SCHEMA, VERSION, checks=checks)
        except LedgerInUse:
            raise EngineFailed(
                f"this job is being done already, by a process that has {self.folder} in use; wait for it, or end it"
            ) from None
        except StorageError as error:
            raise EngineFailed(str(error)) from error

    def _recover(self, build: str, *, fresh: bool) -> None:
        known, ledger = self._ledger.fact("build"), self._ledger
        if known is not None and (fresh or known != build):
            count = len(ledger.query("SELECT number FROM result"))
            if count and not fresh:
                self.forgotten = f"{count} results that are here are of another build ({known}), and are made again"
            ledger.execute("DELETE FROM result")
            ledger.execute("DELETE FROM failure")
        ledger.set_fact("build", build)
        for output, number, segment, offset, size, xxh3, *maker, frames, stored in ledger.query(_ROWS):
            location = Location(segment, offset, size)
            self._rows[output, number] = _Row(location, xxh3, Maker(*maker), frames, stored)
        lost = set(self._spool.recover({_KEY: [row.location for row in self._rows.values()]}).get(_KEY, ()))
        damaged = [place for place, row in self._rows.items() if row.location in lost or not self._is_whole(row)]
        for place in damaged:
            location = self._rows.pop(place).location
            ledger.execute("DELETE FROM result WHERE output = ? AND number = ?", place)
            if location not in lost:
                self._spool.free_location(location)
        if damaged:
            self.forgotten = f"{len(damaged)} results in {self.folder} are damaged, and are made again"
        ledger.commit()

    def _is_whole(self, row: _Row) -> bool:
        try:
            return xxhash.xxh3_64_digest(self._spool.read(row.location)) == row.xxh3
        except OSError:
            return False

    def _failures(self) -> list[Failure]:
        rows = self._ledger.query(f"SELECT told FROM failure ORDER BY number LIMIT {MAX_FAILURES_OF_JOB}")
        return [Failure.from_wire(unsealed("failure", told)) for (told,) in rows]


class _Payloads:
    """Iterates over an output's results from the beginning each time: a splice may have to begin again."""

    def __init__(self, stored: StoredResults, output: int) -> None:
        self._stored, self._output = stored, output

    def __iter__(self) -> Iterator[bytes]:
        for index in self._stored.indexes(self._output):
            yield self._stored.read(self._output, index)


def _seal(told: Sequence[Any]) -> bytes:
    output, number, _segment, _offset, _size, *rest = told
    return seal(output, number, *rest)


def _damaged(row: Row) -> str:
    told = [row[name] for name in _ROWS.removeprefix("SELECT ").removesuffix(" FROM result").split(", ")]
    is_good = is_location(row["segment"], row["offset"], row["size"]) and row["seal"] == _seal(told)
    return "" if is_good else f"result {row['number']} of output {row['output']}"


def _damaged_failure(row: Row) -> str:
    try:
        Failure.from_wire(unsealed("failure", row["told"]))
    except (ValueError, Malformed):
        return f"failure {row['number']}"
    return ""


def _prune(root: Path, own: Path) -> None:
    """Remove results of other jobs: those that are older than KEPT_S, and the oldest beyond MAX_JOBS."""
    try:
        others = [folder for folder in root.iterdir() if folder.is_dir() and folder != own]
        ages = sorted((time.time() - _last_change(folder), folder) for folder in others)  # noqa: TID251 - of files
    except OSError:
        return
    for place, (age, folder) in enumerate(ages):
        if age > KEPT_S or place >= MAX_JOBS - 1:
            shutil.rmtree(folder, ignore_errors=True)


def _last_change(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.glob(f"{_NAME}*")), default=folder.stat().st_mtime)
