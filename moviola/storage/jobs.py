"""The table of jobs in a ledger: for each job what was asked for, and what changes. Both parts have checksums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from moviola.base.mapped import Map
from moviola.storage.ledger import Ledger, Row, RowCheck
from moviola.storage.seals import is_sealed, sealed, unsealed

_OR_UPDATE: Final = "ON CONFLICT (job) DO UPDATE SET fixed = excluded.fixed, record = excluded.record"


Read = Callable[[Map], object]
"""A function that returns the record in a column. It raises ValueError where there is none."""


class SavedJob(NamedTuple):
    """One row of the table.

    Attributes:
        job: the job's id.
        fixed: what was asked for.
        record: what changes while the job goes on.
    """

    job: str
    fixed: Map
    record: Map


class JobTable:
    """Reads and writes a ledger's table `job`, whose columns are `number, job, fixed, record`.

    Args:
        ledger: a ledger whose schema has this table, and whose checks include `job_check`.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def save(self, job: str, record: Map, fixed: Map | None = None) -> None:
        """Write what changed of a job.

        Args:
            job: the job's id.
            record: what changes.
            fixed: what was asked for; only for a new job, or if this changed as well.

        Raises:
            LedgerUnusable: the ledger's file is damaged.
        """
        if fixed is not None:
            values = (job, sealed(_fixed(job), fixed), sealed(_record(job), record))
            self._ledger.execute(f"INSERT INTO job (job, fixed, record) VALUES (?, ?, ?) {_OR_UPDATE}", values)
        else:
            self._ledger.execute("UPDATE job SET record = ? WHERE job = ?", (sealed(_record(job), record), job))

    def forget(self, job: str) -> None:
        """Delete a job's row; do nothing if there is none. Raises LedgerUnusable."""
        self._ledger.execute("DELETE FROM job WHERE job = ?", (job,))

    def read(self, job: str) -> SavedJob | None:
        """Return the row of one job; None if there is none.

        Raises:
            ValueError: the row is damaged.
            LedgerUnusable: the ledger's file is damaged.
        """
        rows = self._ledger.query("SELECT job, fixed, record FROM job WHERE job = ?", (job,))
        return _saved(rows[0]) if rows else None

    def all(self) -> Iterator[SavedJob]:
        """Yield the rows of all jobs, oldest first. No job may be saved meanwhile.

        Raises:
            ValueError: a row is damaged.
            LedgerUnusable: the ledger's file is damaged.
        """
        yield from map(_saved, self._ledger.rows("SELECT job, fixed, record FROM job ORDER BY number"))


def job_check(fixed: Read, record: Read, advice: str = "") -> RowCheck:
    """Return the check of the table's rows.

    Args:
        fixed: reads what was asked for.
        record: reads what changes.
        advice: added to the name of a damaged job, to tell a person what to do.
    """

    def can_read(row: Row) -> bool:
        try:
            fixed(unsealed(_fixed(row["job"]), row["fixed"]))
            record(unsealed(_record(row["job"]), row["record"]))
        except ValueError:
            return False
        return True

    def damage(row: Row) -> str:
        job = row["job"]
        is_whole = is_sealed(_fixed(job), row["fixed"]) and is_sealed(_record(job), row["record"])
        return "" if is_whole and can_read(row) else f"job {job}{advice}"

    return damage


def _saved(row: tuple[Any, ...]) -> SavedJob:
    job, fixed, record = row
    return SavedJob(job, unsealed(_fixed(job), fixed), unsealed(_record(job), record))


def _fixed(job: str) -> str:
    return f"job {job}"


def _record(job: str) -> str:
    return f"record of job {job}"
