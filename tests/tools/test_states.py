"""The page of state diagrams is drawn from the code, and is fresh."""

from __future__ import annotations

from tools import states


def test_the_page_is_fresh() -> None:
    assert states.PAGE.read_text() == states.page(), "run: python -m tools.states"


def test_every_table_knows_all_its_states() -> None:
    for title, _, table in states.tables():
        known = set(next(iter(table)).__class__.__members__.values())
        assert set(table) == known, title
        assert all(set(following) <= known for following in table.values()), title
