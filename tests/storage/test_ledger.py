"""The ledger on a real disk, its lock, its version, and a disk that is full."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from moviola.storage.errors import LedgerFull, LedgerGone, LedgerInUse, LedgerUnusable
from moviola.storage.ledger import TIGHT_INTERVAL_S, Ledger, Row

SCHEMA = "CREATE TABLE word (text TEXT PRIMARY KEY); CREATE TABLE other (number INTEGER)"
VERSION = 3


def opened(folder: Path) -> Ledger:
    return Ledger(folder / "state" / "ledger.sqlite", SCHEMA, VERSION)


def words(ledger: Ledger) -> list[str]:
    return [row[0] for row in ledger.query("SELECT text FROM word ORDER BY text")]


def put(ledger: Ledger, *texts: str) -> None:
    for text in texts:
        ledger.execute("INSERT INTO word VALUES (?)", (text,))


def test_a_turn_is_there_after_commit_and_not_before(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    assert not ledger.is_dirty
    put(ledger, "one", "two")
    ledger.commit()
    put(ledger, "three")
    assert ledger.is_dirty
    assert words(ledger) == ["one", "three", "two"]
    ledger.close()
    again = opened(tmp_path)
    assert words(again) == ["one", "two"]
    again.close()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "state").glob("ledger.sqlite*"))


def test_what_is_deleted_is_given_back_to_the_file_system_in_small_steps(tmp_path: Path) -> None:
    now = 100.0
    ledger = Ledger(tmp_path / "state" / "ledger.sqlite", SCHEMA, VERSION, clock=lambda: now)
    empty = _size(tmp_path)
    for number in range(40):
        put(ledger, f"{number}" * 400_000)
        ledger.commit()
    put(ledger, "kept")
    ledger.commit()
    full = _size(tmp_path)
    assert full > 20 * 1024 * 1024
    ledger.execute("DELETE FROM word WHERE text != 'kept'")
    ledger.commit()
    steps = 0
    while (due := ledger.next_deadline()) is not None:
        now = max(now, due)
        if not steps % 3:
            put(ledger, f"meanwhile {steps}")
        ledger.commit()
        steps += 1
        assert steps < 1000
    assert steps > 10, "all at once would keep the loop waiting"
    assert _size(tmp_path) - empty < 2 * 1024 * 1024
    ledger.close()
    again = opened(tmp_path)
    assert "kept" in words(again)
    again.close()


def test_what_was_free_at_the_end_is_given_back_after_the_next_start(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    put(ledger, "long" * 2_000_000)
    ledger.commit()
    ledger.execute("DELETE FROM word")
    ledger.commit()
    ledger.close()
    again = opened(tmp_path)
    assert again.next_deadline() is not None
    again.close()


def _write_and_die(folder: Path) -> None:
    ledger = opened(folder)
    put(ledger, "committed")
    ledger.commit()
    put(ledger, "not")
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(tmp_path,))
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    ledger = opened(tmp_path)
    assert words(ledger) == ["committed"]
    ledger.close()


def test_the_epoch_grows_with_every_start(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        ledger = opened(tmp_path)
        assert ledger.raise_epoch() == expected
        ledger.close()


def test_facts_are_kept_and_replaced(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    assert ledger.fact("store") is None
    ledger.set_fact("store", "a")
    ledger.set_fact("store", "b")
    assert ledger.fact("store") == "b"
    ledger.close()


def test_a_second_process_is_told_in_one_sentence(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    with pytest.raises(LedgerInUse, match="in use by another process"):
        opened(tmp_path)
    put(ledger, "undisturbed")
    ledger.commit()
    ledger.close()
    opened(tmp_path).close()


def test_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(LedgerUnusable, match="it has version 3, and this program needs version 4"):
        Ledger(tmp_path / "state" / "ledger.sqlite", SCHEMA, 4)
    opened(tmp_path).close()


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.sqlite").write_text("a text that somebody put here" * 100)
    with pytest.raises(LedgerUnusable, match="not a database; move it away"):
        opened(tmp_path)
    with pytest.raises(LedgerUnusable, match="cannot be opened"):
        Ledger(tmp_path / "state" / "ledger.sqlite" / "under a file", SCHEMA, VERSION)


class FullDisk:
    """A connection whose commits fail for want of room until `refusals` are used up, as SQLite's do: rolled back."""

    def __init__(self, connection: sqlite3.Connection, refusals: int) -> None:
        self._connection, self.refusals = connection, refusals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if sql == "COMMIT" and self.refusals:
            self.refusals -= 1
            self._connection.execute("ROLLBACK")
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(sql, parameters)


def no_room(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_turn_that_fills_the_disk_is_recorded_from_the_reserve(tmp_path: Path) -> None:
    now = [100.0]
    ledger = Ledger(tmp_path / "state" / "ledger.sqlite", SCHEMA, VERSION, clock=lambda: now[0])
    reserve = tmp_path / "state" / "ledger.sqlite.reserve"
    assert reserve.stat().st_size > 0
    ledger._connection = FullDisk(ledger._connection, 1)  # type: ignore[assignment]
    put(ledger, "one", "two")
    ledger.commit()
    assert ledger.is_tight
    assert not reserve.exists()
    ledger.commit()
    assert ledger.next_deadline() == 100 + TIGHT_INTERVAL_S
    now[0] = 100 + TIGHT_INTERVAL_S
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moviola.storage.ledger.create_private", no_room)
        ledger.commit()
    assert ledger.next_deadline() == 100 + 2 * TIGHT_INTERVAL_S
    now[0] = 100 + 2 * TIGHT_INTERVAL_S
    ledger.commit()
    assert not ledger.is_tight
    assert ledger.next_deadline() is None
    assert reserve.stat().st_size > 0
    ledger._connection.refusals = 1
    put(ledger, "three")
    ledger.commit()  # a second full disk is met as the first one was
    ledger.close()
    again = opened(tmp_path)
    assert words(again) == ["one", "three", "two"]
    again.close()


def test_a_turn_that_cannot_be_recorded_at_all_is_not_passed_over(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger._connection = FullDisk(ledger._connection, 2)  # type: ignore[assignment]
    put(ledger, "one")
    with pytest.raises(LedgerFull, match="has no room for the turn"):
        ledger.commit()
    ledger.close()
    again = opened(tmp_path)
    assert words(again) == []
    again.close()


# ── files that are not what they were ────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_row_costs_itself_and_the_file_is_kept_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def check(row: Row) -> str:
        return "" if row["text"] != "bad" else "the word bad"

    ledger = opened(tmp_path)
    put(ledger, "good", "bad", "better")
    ledger.set_fact("epoch", 7)
    ledger.commit()
    ledger.close()
    path = tmp_path / "state" / "ledger.sqlite"
    again = Ledger(path, SCHEMA, VERSION, checks={"word": check})
    assert words(again) == ["better", "good"]
    assert again.fact("epoch") == 7
    assert "the word bad" in caplog.text
    assert str(path) in caplog.text
    put(again, "new")
    again.commit()
    again.close()
    with closing(sqlite3.connect(path.with_name("ledger.sqlite.damaged"))) as kept:
        assert len(kept.execute("SELECT * FROM word").fetchall()) == 3


def test_an_empty_file_an_older_one_and_a_damaged_fact_are_said_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.sqlite"
    path.parent.mkdir()
    path.touch()
    with pytest.raises(LedgerUnusable, match=f"{path} .* it is empty; move it away"):
        opened(tmp_path)
    path.unlink()
    ledger = opened(tmp_path)
    ledger.set_fact("epoch", 7)
    ledger.commit()
    ledger.close()
    with pytest.raises(
        LedgerUnusable,
        match=f"{path} .* has version {VERSION}, and this program needs .*; move it away",
    ):
        Ledger(path, SCHEMA, VERSION + 1)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE fact SET value = 6")
        other.commit()
    with pytest.raises(LedgerUnusable, match=f"{path} .* epoch is damaged; move it away"):
        opened(tmp_path).raise_epoch()


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_gone_while_it_is_in_use_is_noticed(tmp_path: Path, name: str, is_replaced: bool) -> None:
    ledger = opened(tmp_path)
    put(ledger, "one")
    ledger.commit()
    path = tmp_path / "state" / name
    path.rename(tmp_path / "elsewhere")
    if is_replaced:
        path.write_bytes((tmp_path / "elsewhere").read_bytes())
    put(ledger, "two")
    with pytest.raises(LedgerGone, match=str(path)):
        ledger.commit()
    ledger.close()


def test_what_a_ledger_that_was_moved_away_left_behind_is_no_part_of_a_new_one(tmp_path: Path) -> None:
    def leave() -> None:
        _write_and_die(tmp_path)

    child = multiprocessing.get_context("fork").Process(target=leave)
    child.start()
    child.join(30)
    path = tmp_path / "state" / "ledger.sqlite"
    assert path.with_name("ledger.sqlite-wal").stat().st_size
    path.unlink()
    assert words(opened(tmp_path)) == []


def test_all_that_is_kept_is_its_users_own(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        ledger = opened(tmp_path)
        put(ledger, "one")
        ledger.commit()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
            "ledger.sqlite": "0o600", "ledger.sqlite-wal": "0o600", "ledger.sqlite.reserve": "0o600",
        }  # fmt: skip
        ledger.close()
        (folder / "ledger.sqlite").chmod(0o644)
        opened(tmp_path).close()
        assert (folder / "ledger.sqlite").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
