"""Facts on disk: a SQLite file in WAL mode, one transaction a loop turn.

What was executed is durable after `commit`: against the death of the process always, against a power cut with
`fsync`. The file belongs to one process. A reserve of disk space lies beside it, which is given up when the disk is
full, so that the turn in which it became full can still be recorded, and set aside again as soon as there is room.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from storage.errors import LedgerFull, LedgerInUse, LedgerUnusable
from storage.shrinking import Shrinker

CACHE_KIB: Final = 512
"""Pages that SQLite keeps: it is written to at the tables' ends, and read at the start. Its own 2 MiB would make a
process grow for as long as its ledger does."""

RESERVE_BYTES: Final = 1024 * 1024
"""Disk space kept for the last turns of a full disk: some hundred pages of 4 KiB, a turn writes a handful."""

MAX_WAL_BYTES: Final = 8 * 1024 * 1024
"""What SQLite's log keeps of its size once a turn that needed more is over: twice what it usually grows to."""

TIGHT_INTERVAL_S: Final = 1.0
"""How often a full disk is asked whether there is room for the reserve again."""

_FACTS = "CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value) WITHOUT ROWID"


class Ledger:
    """One program's tables.

    Args:
        path: of the file; its folder is made when it is missing.
        schema: the CREATE statements, run once when the file is new.
        version: of this schema; a file of another version is refused.
        fsync: let each commit reach the disk itself.
        clock: monotonic seconds.

    Raises:
        LedgerInUse: another process has it open.
        LedgerUnusable: it is of another version, no ledger, or out of reach.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        version: int,
        *,
        fsync: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._clock = clock
        self._reserve = path.with_name(path.name + ".reserve")
        self._replayable: list[tuple[str, Sequence[Any]]] = []
        self._connection = self._opened(path, schema, version, fsync)
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
        """Changes something; the turn's transaction is begun when there is none."""
        if not self._replayable:
            self._connection.execute("BEGIN")
        self._replayable.append((sql, parameters))
        self._connection.execute(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, what this turn executed included."""
        return self._connection.execute(sql, parameters).fetchall()

    def commit(self) -> None:
        """Makes the turn durable, and restores the reserve when it was used and that is due.

        Raises:
            LedgerFull: the disk has no room, not even in the reserve. Memory and disk differ now: end the process.
        """
        if self._replayable:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._commit_from_reserve(error)
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
        """A single value kept under a name; None when there is none."""
        rows = self.query("SELECT value FROM fact WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def set_fact(self, name: str, value: str | int | float | bytes) -> None:
        self.execute(
            "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

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

    def _opened(self, path: Path, schema: str, version: int, fsync: bool) -> sqlite3.Connection:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
            try:
                _prepare(connection, schema, version, fsync)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise LedgerInUse(
                    f"{path.parent} is in use by another process: stop that one, or give this one another --state."
                ) from None
            raise LedgerUnusable(f"{path} cannot be used as a ledger: {error}; move it away to begin anew.") from None
        except OSError as error:
            raise LedgerUnusable(f"{path} cannot be opened: {error.strerror or error}.") from None
        return connection

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
                self._reserve.write_bytes(bytes(RESERVE_BYTES))
            self._restore_at = None
        except OSError:
            self._reserve.unlink(missing_ok=True)
            self._restore_at = self._clock() + TIGHT_INTERVAL_S


def _prepare(connection: sqlite3.Connection, schema: str, version: int, fsync: bool) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded while the file is new; see shrinking.py
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'NORMAL'}")
    connection.execute(f"PRAGMA journal_size_limit = {MAX_WAL_BYTES}")
    connection.execute("PRAGMA cache_spill = OFF")  # a full disk is met in COMMIT and nowhere else
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found not in (0, version):
        raise sqlite3.DatabaseError(f"it is of version {found}, this program writes version {version}")
    connection.execute("BEGIN IMMEDIATE")  # takes the lock for as long as the connection lives
    if found == 0:
        connection.execute(_FACTS)
        for statement in filter(None, (part.strip() for part in schema.split(";"))):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("COMMIT")
