"""Gives space that was freed in a ledger's file back to the file system, a little at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

KEPT_FREE_PAGES: Final = 256
"""Free pages that stay in the file, 1 MiB of them, because new jobs use them again at once."""

STEP_PAGES: Final = 256
"""Pages given back at once. Each may have to be moved, which takes some milliseconds and blocks the loop."""

STEP_INTERVAL_S: Final = 0.1
"""Seconds between two steps: about nine tenths of the time stay for the program, and 10 MiB a second are freed."""

RETRY_S: Final = 5.0
"""Seconds to wait after a step failed because the disk is full: pages are moved before the old ones are freed."""


class Shrinker:
    """Shrinks the file of a SQLite connection whose `auto_vacuum` is INCREMENTAL.

    Args:
        connection: in WAL mode, and in autocommit between transactions.
        clock: returns monotonic seconds.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection, self._clock = connection, clock
        self.due_at: float | None = None  # of the next step
        self.look()

    def look(self) -> None:
        """Set a time for the next step if more than KEPT_FREE_PAGES are free. Call it after a commit."""
        if self.due_at is None and self._free_pages() > KEPT_FREE_PAGES:
            self.due_at = self._clock() + STEP_INTERVAL_S

    def work(self) -> None:
        """Give some pages back if a step is due. Call it outside of a transaction only."""
        if self.due_at is None or self._clock() < self.due_at:
            return
        try:
            self.due_at = self._clock() + STEP_INTERVAL_S if self._step() else None
        except sqlite3.OperationalError:
            self.due_at = self._clock() + RETRY_S

    def _step(self) -> bool:
        """Give some pages back. Return True if there are more."""
        before = self._free_pages()
        self._connection.executescript(f"PRAGMA incremental_vacuum({min(STEP_PAGES, before)})")  # steps through it all
        left = self._free_pages()
        if KEPT_FREE_PAGES < left < before:
            return True
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # now the file itself gets shorter
        return False

    def _free_pages(self) -> int:
        return int(self._connection.execute("PRAGMA freelist_count").fetchone()[0])
