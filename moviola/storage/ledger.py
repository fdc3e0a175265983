"""Facts on disk: a SQLite file in WAL mode, one transaction a loop turn.

What was executed is durable after `commit`: against the death of the process always, against a power cut with
`fsync`. The file belongs to one process. A reserve of disk space lies beside it, which is given up when the disk is
full, so that the turn in which it became full can still be recorded, and set aside again as soon as there is room.

Bytes on a disk may be damaged, and SQLite believes them. So rows are sealed (moviola/storage/seals.py) and all looked
at when the file is opened: a damaged one costs itself. The file is then written anew without it, and kept as it was
beside.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

from moviola.storage.errors import LedgerFull, LedgerGone, LedgerInUse, LedgerUnusable
from moviola.storage.privacy import close_to_others, create_private, make_private_folder
from moviola.storage.seals import seal
from moviola.storage.shrinking import Shrinker

CACHE_KIB: Final = 512
"""Pages that SQLite keeps: it is written to at the tables' ends, and read at the start. Its own 2 MiB would make a
process grow for as long as its ledger does."""

RESERVE_BYTES: Final = 1024 * 1024
"""Disk space kept for the last turns of a full disk: some hundred pages of 4 KiB, a turn writes a handful."""

MAX_WAL_BYTES: Final = 8 * 1024 * 1024
"""What SQLite's log keeps of its size once a turn that needed more is over: twice what it usually grows to."""

TIGHT_INTERVAL_S: Final = 1.0
"""How often a full disk is asked whether there is room for the reserve again."""

DAMAGED: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What a damaged file raises. Where SQLite's own words quote damaged bytes, Python cannot decode them."""

_DEFINITIONS: Final = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"

_FACTS = "CREATE TABLE fact (name TEXT PRIMARY KEY, value, seal BLOB) WITHOUT ROWID"

Row = Mapping[str, Any]

RowCheck = Callable[[Row], str]
"""What a row of a table is called where it is damaged, for people; "" where it is whole."""

MAX_NAMED: Final = 20
"""Damaged rows that are named one by one."""

log = logging.getLogger(__name__)


class Ledger:
    """One program's tables.

    Args:
        path: of the file; its folder is made when it is missing.
        schema: the CREATE statements, run once when the file is new.
        version: of this schema; a file of another version is refused.
        checks: of each table's rows.
        fsync: let each commit reach the disk itself.
        clock: monotonic seconds.

    Raises:
        LedgerInUse: another process has it open.
        LedgerUnusable: it is of another version, damaged, no ledger, or out of reach.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        version: int,
        *,
        checks: Mapping[str, RowCheck] | None = None,
        fsync: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._files = (path, path.with_name(path.name + "-wal"))
        self._identities: dict[Path, tuple[int, int]] = {}
        self._clock = clock
        self._reserve = path.with_name(path.name + ".reserve")
        self._replayable: list[tuple[str, Sequence[Any]]] = []
        self._connection = self._opened(schema, version, fsync)
        if self._set_damaged_aside(checks or {}, schema, version):
            self._connection = self._opened(schema, version, fsync)
        self._shrinker = Shrinker(self._connection, clock)
        self._restore_at: float | None = None
        self._restore_reserve()

    @property
    def is_dirty(self) -> bool:
        """True when there is something to commit."""
        return bool(self._replayable)

    @property
    def is_tight(self) -> bool:
        """The disk is full and the reserve in use: nothing more should be written than must be."""
        return self._restore_at is not None

    def next_deadline(self) -> float | None:
        """When `commit` should come at the latest, by the clock: it tries then to set the reserve aside again, or gives
        free space back."""
        return min((at for at in (self._restore_at, self._shrinker.due_at) if at is not None), default=None)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Changes something; the turn's transaction is begun when there is none. Raises LedgerUnusable."""
        try:
            if not self._replayable:
                self._connection.execute("BEGIN")
            self._replayable.append((sql, parameters))
            self._connection.execute(sql, parameters)
        except DAMAGED as error:
            raise self._unusable(error) from error

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, what this turn executed included. Raises LedgerUnusable."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except DAMAGED as error:
            raise self._unusable(error) from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT one by one, for tables that are not to lie in memory as a whole. What it reads may
        not be changed before it has ended. Raises LedgerUnusable."""
        try:
            yield from self._connection.execute(sql, parameters)
        except DAMAGED as error:
            raise self._unusable(error) from error

    def commit(self) -> None:
        """Makes the turn durable, and restores the reserve when it was used and that is due.

        Raises:
            LedgerFull: the disk has no room, not even in the reserve. Memory and disk differ now: end the process.
            LedgerGone: the file was removed or replaced.
        """
        if self._replayable:
            self._check_files()
            try:
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._commit_from_reserve(error)
            except DAMAGED as error:
                raise self._unusable(error) from error
            self._replayable = []
            self._shrinker.look()
        self._shrinker.work()
        if self._restore_at is not None and self._clock() >= self._restore_at:
            self._restore_reserve()

    def discard(self) -> None:
        """Undo what was executed since the last commit."""
        if self._replayable:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._replayable = []

    def fact(self, name: str) -> Any:
        """A single value kept under a name; None when there is none. Raises LedgerUnusable when it is damaged."""
        for found, value, mark in self.query("SELECT name, value, seal FROM fact"):
            if mark != seal(found, value):
                raise self._unusable(f"what it says of {found} is damaged")
            if found == name:
                return value
        return None

    def set_fact(self, name: str, value: str | int | float | bytes) -> None:
        self.execute("INSERT OR REPLACE INTO fact VALUES (?, ?, ?)", (name, value, seal(name, value)))

    def raise_epoch(self) -> int:
        """One more than at the last start, from 1 on; durable when this returns."""
        epoch = int(self.fact("epoch") or 0) + 1
        self.set_fact("epoch", epoch)
        self.commit()
        return epoch

    def close(self) -> None:
        """Closes the file; what was not committed is gone."""
        self._connection.close()

    # ── opening, and a full disk ─────────────────────────────────────────────────────────────────────────────────

    def _opened(self, schema: str, version: int, fsync: bool) -> sqlite3.Connection:
        path = self.path
        try:
            make_private_folder(path.parent)
            if not path.exists():
                _create(path, schema, version)
            elif path.stat().st_size == 0:
                raise sqlite3.DatabaseError("it is empty")
            close_to_others(path)
            connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
            connection.text_factory = lambda data: data.decode(errors="replace")
            try:
                _prepare(connection, version, fsync)
                _check_schema(connection, schema)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if "locked" in str(error):
                raise LedgerInUse(
                    f"{path.parent} is in use by another process: stop that one, or give this one another --state."
                ) from None
            raise self._unusable(error) from None
        except OSError as error:
            raise LedgerUnusable(f"{path} cannot be opened: {error.strerror or error}.") from None
        return connection

    def _unusable(self, error: object) -> LedgerUnusable:
        return LedgerUnusable(
            f"{self.path} cannot be used as a ledger: {error}; move it away to begin anew, unfinished jobs are then to "
            "be sent again."
        )

    def _check_files(self) -> None:
        for file in self._files:
            try:
                there = os.stat(file)
            except FileNotFoundError:
                if file not in self._identities:
                    continue  # nothing was ever written there
                raise LedgerGone(
                    f"{file} was removed while it was in use: what was recorded in it is lost. Start again, and send "
                    "unfinished jobs again."
                ) from None
            if self._identities.setdefault(file, (there.st_dev, there.st_ino)) != (there.st_dev, there.st_ino):
                raise LedgerGone(
                    f"{file} was replaced while it was in use: what was recorded since is lost. Start again, and send "
                    "unfinished jobs again."
                )

    def _set_damaged_aside(self, checks: Mapping[str, RowCheck], schema: str, version: int) -> bool:
        """Writes the ledger anew without damaged rows, if there are any; then the connection is closed."""
        damaged = [what for table, check in checks.items() for row in self._rows(table) if (what := check(row))]
        if not damaged:
            return False
        kept, fresh = self.path.with_name(self.path.name + ".damaged"), self.path.with_name(self.path.name + ".new")
        named = ", ".join(damaged[:MAX_NAMED]) + (" …" if len(damaged) > MAX_NAMED else "")
        log.error("%s is damaged, and goes on without: %s. As it was, it is %s.", self.path, named, kept)
        fresh.unlink(missing_ok=True)
        _write_new(fresh, schema, version)
        with closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
            copy.execute("BEGIN")
            for table, check in {**checks, "fact": _whole}.items():
                for row in self._rows(table):
                    if not check(row):
                        marks = ", ".join("?" * len(row))
                        copy.execute(f"INSERT INTO {table} VALUES ({marks})", tuple(row.values()))
            copy.execute("COMMIT")
        self._connection.close()
        self.path.replace(kept)
        fresh.replace(self.path)
        _remove_log(self.path)
        return True

    def _rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield a table's rows one by one: all of them at once would be the most memory that the program ever takes."""
        try:
            found = self._connection.execute(f"SELECT * FROM {table}")
            names = [one[0] for one in found.description]
            for row in found:
                yield dict(zip(names, row, strict=True))
        except DAMAGED as error:
            self._connection.close()
            raise self._unusable(error) from None

    def _commit_from_reserve(self, error: sqlite3.OperationalError) -> None:
        """SQLite has rolled the turn back, or is about to: it is executed again with the reserve's room."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if os.path.exists(self._reserve):
                self._reserve.unlink()
            self._restore_at = self._clock() + TIGHT_INTERVAL_S
            self._connection.execute("BEGIN")
            for sql, parameters in self._replayable:
                self._connection.execute(sql, parameters)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as again:
            raise LedgerFull(f"{self.path} could not record the turn: {error}, then {again}") from error

    def _restore_reserve(self) -> None:
        try:
            if not self._reserve.exists() or self._reserve.stat().st_size < RESERVE_BYTES:
                self._reserve.unlink(missing_ok=True)
                with os.fdopen(create_private(self._reserve), "wb") as file:
                    file.write(bytes(RESERVE_BYTES))
            self._restore_at = None
        except OSError:
            self._reserve.unlink(missing_ok=True)
            self._restore_at = self._clock() + TIGHT_INTERVAL_S


def _whole(_row: Row) -> str:
    return ""


def _create(path: Path, schema: str, version: int) -> None:
    """Makes a ledger under another name first: whoever finds one finds a whole one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    _write_new(fresh, schema, version)
    _remove_log(path)
    fresh.replace(path)


def _write_new(path: Path, schema: str, version: int) -> None:
    os.close(create_private(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded while the file is new; see shrinking.py
        connection.execute("BEGIN")
        _make_tables(connection, schema)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection, schema: str) -> None:
    connection.execute(_FACTS)
    for statement in filter(None, (part.strip() for part in schema.split(";"))):
        connection.execute(statement)


def _check_schema(connection: sqlite3.Connection, schema: str) -> None:
    """Raise DatabaseError when the tables are not those of `schema`: their definitions are bytes of the file, too."""
    if connection.execute(_DEFINITIONS).fetchall() != _definitions(schema):
        raise sqlite3.DatabaseError("its tables are not those that this program makes")


@cache
def _definitions(schema: str) -> list[tuple[str, str, str]]:
    """Return what SQLite says of tables made by `schema`."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        _make_tables(fresh, schema)
        return fresh.execute(_DEFINITIONS).fetchall()


def _remove_log(path: Path) -> None:
    """SQLite would take what another file of this name had left behind for a part of this one."""
    for ending in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection, version: int, fsync: bool) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'NORMAL'}")
    connection.execute(f"PRAGMA journal_size_limit = {MAX_WAL_BYTES}")
    connection.execute("PRAGMA cache_spill = OFF")  # a full disk is met in COMMIT and nowhere else
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != version:
        raise sqlite3.DatabaseError(f"it is of version {found}, this program writes version {version}")
    connection.execute("BEGIN IMMEDIATE")  # takes the lock for as long as the connection lives
    connection.execute("COMMIT")
    [(said,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if said != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({said.splitlines()[-1]})")
