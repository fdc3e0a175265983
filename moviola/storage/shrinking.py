"""Space that was freed in a ledger's file, given back to the file system a little at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

KEPT_FREE_PAGES: Final = 256
"""Free pages that stay in the file, 1 MiB of them: what jobs that come and go use again at once."""

STEP_PAGES: Final = 256
"""Pages given back at once. Each may have to be moved: some milliseconds, in which the loop stands still."""

STEP_INTERVAL_S: Final = 0.1
"""Between two steps: nine tenths of the time are the program's, and 10 MiB a second come free."""

RETRY_S: Final = 5.0
"""After a step for which a full disk had no room: pages that move are written before the old ones go."""


class Shrinker:
    """Shrinks the file of a connection whose `auto_vacuum` is INCREMENTAL.

    Args:
        connection: in WAL mode, in autocommit between transactions.
        clock: monotonic seconds.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection, self._clock = connection, clock
        self.due_at: float | None = None  # of the next step
        self.look()

    def look(self) -> None:
        """Notice, after a commit, that there is much to give back."""
        if self.due_at is None and self._free_pages() > KEPT_FREE_PAGES:
            self.due_at = self._clock() + STEP_INTERVAL_S

    def work(self) -> None:
        """Give some of it back, if that is due; outside of a transaction only."""
        if self.due_at is None or self._clock() < self.due_at:
            return
        try:
            self.due_at = self._clock() + STEP_INTERVAL_S if self._step() else None
        except sqlite3.OperationalError:
            self.due_at = self._clock() + RETRY_S

    def _step(self) -> bool:
        """Return whether there is more to do."""
        before = self._free_pages()
        self._connection.executescript(f"PRAGMA incremental_vacuum({min(STEP_PAGES, before)})")  # steps through it all
        left = self._free_pages()
        if KEPT_FREE_PAGES < left < before:
            return True
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # now the file itself gets shorter
        return False

    def _free_pages(self) -> int:
        return int(self._connection.execute("PRAGMA freelist_count").fetchone()[0])
