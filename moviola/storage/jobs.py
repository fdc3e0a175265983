"""The table of jobs, which both ledgers have: what was asked for, and what changes. Both parts are sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from moviola.storage.ledger import Ledger, Row, RowCheck
from moviola.storage.seals import is_sealed, sealed, unsealed

_OR_UPDATE: Final = "ON CONFLICT (job) DO UPDATE SET fixed = excluded.fixed, record = excluded.record"


class SavedJob(NamedTuple):
    """One row: a job's id, what was asked for, and what changes."""

    job: str
    fixed: dict[str, Any]
    record: dict[str, Any]


class JobTable:
    """The rows of a ledger's table `job`, whose columns are `number, job, fixed, record`.

    Args:
        ledger: its schema has the table, and `job_check` looks after its rows.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def save(self, job: str, record: dict[str, Any], fixed: dict[str, Any] | None = None) -> None:
        """Write what changed of a job; with `fixed` a new one, or a known one whose `fixed` changed as well."""
        if fixed is not None:
            values = (job, sealed(_fixed(job), fixed), sealed(_record(job), record))
            self._ledger.execute(f"INSERT INTO job (job, fixed, record) VALUES (?, ?, ?) {_OR_UPDATE}", values)
        else:
            self._ledger.execute("UPDATE job SET record = ? WHERE job = ?", (sealed(_record(job), record), job))

    def forget(self, job: str) -> None:
        """Delete a job's row; do nothing when there is none."""
        self._ledger.execute("DELETE FROM job WHERE job = ?", (job,))

    def read(self, job: str) -> SavedJob | None:
        """Return what is saved of one job, None when there is no such job. Raises ValueError when it is damaged."""
        rows = self._ledger.query("SELECT job, fixed, record FROM job WHERE job = ?", (job,))
        return _saved(rows[0]) if rows else None

    def all(self) -> Iterator[SavedJob]:
        """Yield all jobs, oldest first. No job may be saved meanwhile. Raises ValueError for a damaged one."""
        yield from map(_saved, self._ledger.rows("SELECT job, fixed, record FROM job ORDER BY number"))


def job_check(advice: str = "") -> RowCheck:
    """Return the check of the table's rows. `advice` is what a person is told to do about a damaged one."""

    def damage(row: Row) -> str:
        job = row["job"]
        is_whole = is_sealed(_fixed(job), row["fixed"]) and is_sealed(_record(job), row["record"])
        return "" if is_whole else f"job {job}{advice}"

    return damage


def _saved(row: tuple[Any, ...]) -> SavedJob:
    job, fixed, record = row
    return SavedJob(job, unsealed(_fixed(job), fixed), unsealed(_record(job), record))


def _fixed(job: str) -> str:
    return f"job {job}"


def _record(job: str) -> str:
    return f"record of job {job}"
