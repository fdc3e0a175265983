"""The table of jobs: what was saved is read, one job or all of them, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from moviola.base.mapped import Map
from moviola.storage.jobs import JobTable, SavedJob, job_check
from moviola.storage.ledger import Ledger

SCHEMA = "CREATE TABLE job (number INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE, fixed BLOB NOT NULL, record BLOB)"


def _read(data: Map) -> Map:
    if "odd" in data:
        raise ValueError("odd")
    return data


def opened(folder: Path, advice: str = "") -> Ledger:
    return Ledger(folder / "ledger.sqlite", SCHEMA, 1, checks={"job": job_check(_read, _read, advice)})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = opened(tmp_path)
    yield made
    made.close()


def test_jobs_are_read_as_they_were_saved_the_oldest_first(ledger: Ledger) -> None:
    table = JobTable(ledger)
    table.save("b", {"state": "running"}, {"name": "one"})
    table.save("a", {"state": "running"}, {"name": "two"})
    table.save("b", {"state": "done"})
    ledger.commit()
    assert list(table.all()) == [
        SavedJob("b", {"name": "one"}, {"state": "done"}),
        SavedJob("a", {"name": "two"}, {"state": "running"}),
    ]
    table.save("b", {"state": "again"}, {"name": "three"})
    assert [one.job for one in table.all()] == ["b", "a"], "a known job keeps its place"
    assert table.read("b") == SavedJob("b", {"name": "three"}, {"state": "again"}), "also before the commit"
    assert table.read("c") is None
    table.forget("b")
    table.forget("c")
    assert [one.job for one in table.all()] == ["a"]


def test_a_row_of_another_job_is_not_believed(tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """Each part is sealed with what it is of, so that no two can change places."""
    table = JobTable(ledger)
    for job in ("a", "b", "c"):
        table.save(job, {"record": job}, {"fixed": job})
    ledger.commit()
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE job SET record = (SELECT record FROM job WHERE job = 'b') WHERE job = 'a'")
        connection.execute("UPDATE job SET record = fixed WHERE job = 'c'")
    again = opened(tmp_path, ", which is to be submitted again")
    assert [one.job for one in JobTable(again).all()] == ["b"]
    assert "job a, which is to be submitted again, job c, which" in caplog.text
    again.close()


@pytest.mark.parametrize("odd", [({"odd": 1}, {"name": "a"}), ({"state": "done"}, {"odd": 1})], ids=["record", "fixed"])
def test_a_row_that_is_no_job_is_set_aside(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture, odd: tuple[Map, Map]
) -> None:
    """What another version wrote, say: sealed, and not what this one reads."""
    table = JobTable(ledger)
    table.save("a", *odd)
    table.save("b", {"state": "done"}, {"name": "b"})
    ledger.commit()
    ledger.close()
    again = opened(tmp_path, ", which is to be submitted again")
    assert [one.job for one in JobTable(again).all()] == ["b"]
    assert "job a, which is to be submitted again" in caplog.text
    again.close()
