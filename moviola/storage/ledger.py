"""Facts on disk: a SQLite file in WAL mode, with one transaction for each turn of the loop.

What was executed is durable after `commit`: it survives the death of the process always, and a power cut with `fsync`.
The file belongs to one process. Beside it lies a reserve of disk space. It is given up when the disk is full, so that
the turn in which the disk became full can still be recorded, and set aside again as soon as there is room.

Bytes on a disk may be damaged, and SQLite does not notice. So rows have checksums (moviola/storage/seals.py), and all
rows are checked when the file is opened. If some are damaged, the file is written anew without them, and the old file
is kept beside it.
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
"""Memory for SQLite's page cache, in KiB. A ledger is read at the start and then appended to, so it needs little; with
SQLite's default of 2 MiB the process would grow as its ledger does."""

RESERVE_BYTES: Final = 1024 * 1024
"""Disk space kept for the last turns on a full disk: 256 pages of 4 KiB, of which a turn writes a handful."""

MAX_WAL_BYTES: Final = 8 * 1024 * 1024
"""Bytes that SQLite's log keeps after a turn that needed more: twice the size that it usually has."""

TIGHT_INTERVAL_S: Final = 1.0
"""Seconds between attempts to set the reserve aside again while the disk is full."""

DAMAGED: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""The exceptions that a damaged file causes. UnicodeDecodeError comes when SQLite's message quotes damaged bytes."""

_DEFINITIONS: Final = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"

_FACTS = "CREATE TABLE fact (name TEXT PRIMARY KEY, value, seal BLOB) WITHOUT ROWID"

Row = Mapping[str, Any]
"""A row of a table: values by column."""

RowCheck = Callable[[Row], str]
"""A function that returns a damaged row's name, for people, and "" for a row that is not damaged."""

MAX_NAMED: Final = 20
"""Damaged rows that a log line names, so that it stays readable."""

log = logging.getLogger(__name__)


class Ledger:
    """The tables of one program, in a SQLite file.

    Args:
        path: the file; its folder is made if it is missing.
        schema: the CREATE statements, run once when the file is new.
        version: the schema's version; a file of another version is refused.
        checks: for each table, the check of its rows.
        fsync: make each commit survive a power cut.
        clock: returns monotonic seconds.

    Raises:
        LedgerInUse: another process has the file open.
        LedgerUnusable: the file has another version, is damaged, is not a ledger, or cannot be opened.
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
        """Return True if there is something to commit."""
        return bool(self._replayable)

    @property
    def is_tight(self) -> bool:
        """Return True while the disk is full and the reserve is in use: write only what must be written."""
        return self._restore_at is not None

    def next_deadline(self) -> float | None:
        """Return by when `commit` should be called, by the clock; None if there is no need.

        It then tries to set the reserve aside again, or gives free space back.
        """
        return min((at for at in (self._restore_at, self._shrinker.due_at) if at is not None), default=None)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement in the turn's transaction.

        Args:
            sql: the statement, with `?` for parameters.
            parameters: their values.

        Raises:
            LedgerUnusable: the file is damaged.
        """
        try:
            if not self._replayable:
                self._connection.execute("BEGIN")
            self._replayable.append((sql, parameters))
            self._connection.execute(sql, parameters)
        except DAMAGED as error:
            raise self._unusable(error) from error

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT, including what this turn executed. Raises LedgerUnusable as `execute` does."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except DAMAGED as error:
            raise self._unusable(error) from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT one by one, for tables that should not be in memory as a whole.

        The tables may not be changed before the iteration has ended. Raises LedgerUnusable as `execute` does.
        """
        try:
            yield from self._connection.execute(sql, parameters)
        except DAMAGED as error:
            raise self._unusable(error) from error

    def commit(self) -> None:
        """Make the turn durable; set the reserve aside again if that is due.

        Raises:
            LedgerFull: there is no room on the disk, even with the reserve. Memory and disk differ now: end the
            process. LedgerGone: the file was removed or replaced.
            LedgerUnusable: the file is damaged.
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
        """Return the value kept under a name; None if there is none. Raises LedgerUnusable if it is damaged."""
        for found, value, mark in self.query("SELECT name, value, seal FROM fact"):
            if mark != seal(found, value):
                raise self._unusable(f"its value of {found} is damaged")
            if found == name:
                return value
        return None

    def set_fact(self, name: str, value: str | int | float | bytes) -> None:
        """Keep a value under a name, instead of the one before. Raises LedgerUnusable as `execute` does."""
        self.execute("INSERT OR REPLACE INTO fact VALUES (?, ?, ?)", (name, value, seal(name, value)))

    def raise_epoch(self) -> int:
        """Raise the number of the program's start by one, and return it; the first is 1. Raises as `commit` does.

        It is durable when this returns.
        """
        epoch = int(self.fact("epoch") or 0) + 1
        self.set_fact("epoch", epoch)
        self.commit()
        return epoch

    def close(self) -> None:
        """Close the file. What was not committed is lost."""
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
            f"{self.path} cannot be used as a ledger: {error}; move it away to start with a new one, and submit "
            "unfinished jobs again."
        )

    def _check_files(self) -> None:
        for file in self._files:
            try:
                there = os.stat(file)
            except FileNotFoundError:
                if file not in self._identities:
                    continue  # nothing was ever written there
                raise LedgerGone(
                    f"{file} was removed while it was in use: what was recorded in it is lost. Start again, and "
                    "submit unfinished jobs again."
                ) from None
            if self._identities.setdefault(file, (there.st_dev, there.st_ino)) != (there.st_dev, there.st_ino):
                raise LedgerGone(
                    f"{file} was replaced while it was in use: what was recorded since is lost. Start again, and "
                    "submit unfinished jobs again."
                )

    def _set_damaged_aside(self, checks: Mapping[str, RowCheck], schema: str, version: int) -> bool:
        """Write the ledger anew without its damaged rows. Return False if there are none; otherwise the connection is
        closed."""
        damaged = [what for table, check in checks.items() for row in self._rows(table) if (what := check(row))]
        if not damaged:
            return False
        kept, fresh = self.path.with_name(self.path.name + ".damaged"), self.path.with_name(self.path.name + ".new")
        named = ", ".join(damaged[:MAX_NAMED]) + (" …" if len(damaged) > MAX_NAMED else "")
        log.error("%s is damaged; these are left out: %s. The old file is kept as %s.", self.path, named, kept)
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
        """Yield a table's rows one by one; all at once would take more memory than the program otherwise needs."""
        try:
            found = self._connection.execute(f"SELECT * FROM {table}")
            names = [one[0] for one in found.description]
            for row in found:
                yield dict(zip(names, row, strict=True))
        except DAMAGED as error:
            self._connection.close()
            raise self._unusable(error) from None

    def _commit_from_reserve(self, error: sqlite3.OperationalError) -> None:
        """Execute the turn again with the room of the reserve, after SQLite could not commit it."""
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
            raise LedgerFull(f"{self.path} has no room for the turn: {error}, and with the reserve: {again}") from error

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
    """Make a ledger under another name first, so that a file with the ledger's name is always complete."""
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
    """Raise DatabaseError if the tables differ from `schema`; their definitions may be damaged like any other bytes."""
    if connection.execute(_DEFINITIONS).fetchall() != _definitions(schema):
        raise sqlite3.DatabaseError("its tables are not those of this program")


@cache
def _definitions(schema: str) -> list[tuple[str, str, str]]:
    """Return what SQLite says of tables made by `schema`."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        _make_tables(fresh, schema)
        return fresh.execute(_DEFINITIONS).fetchall()


def _remove_log(path: Path) -> None:
    """Remove logs that an older file of this name left; SQLite would take them for a part of the new one."""
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
        raise sqlite3.DatabaseError(f"it has version {found}, and this program needs version {version}")
    connection.execute("BEGIN IMMEDIATE")  # takes the lock for as long as the connection lives
    connection.execute("COMMIT")
    [(said,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if said != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({said.splitlines()[-1]})")
