"""Crashes are counted in the ledger, by job, and what the turn had changed is not kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from moviola.storage.crashes import MAX_COUNTED, at_work, count_crash, crashes
from moviola.storage.ledger import Ledger

SCHEMA = "CREATE TABLE thing (name TEXT)"


def test_counting_discards_the_turn_and_survives(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", SCHEMA, 1)
    ledger.execute("INSERT INTO thing VALUES ('half')")
    count_crash(ledger, ["a", "b"])
    count_crash(ledger, ["a"])
    ledger.close()
    again = Ledger(tmp_path / "ledger", SCHEMA, 1)
    assert crashes(again) == {"b": 1, "a": 2}
    assert again.query("SELECT * FROM thing") == []
    count_crash(again, map(str, range(2 * MAX_COUNTED)))
    assert len(crashes(again)) == MAX_COUNTED
    again.close()


def test_what_the_code_was_at_is_found_in_the_innermost_frame_that_knows() -> None:
    def inner(thing: float) -> None:
        raise ValueError(thing)

    def outer(number: complex) -> None:
        inner(2.5)

    with pytest.raises(ValueError, match=r"2\.5") as raised:
        outer(1j)
    assert at_work(raised.value, float) == [2.5]
    assert at_work(raised.value, complex) == [1j]
    assert at_work(raised.value, frozenset) == []
