"""How tests wait."""

from __future__ import annotations

import pytest

from tests.waiting import until


def test_the_value_is_returned_after_as_many_turns_as_it_takes() -> None:
    turns: list[int] = []
    assert until(lambda: turns[2:], "three turns", turn=lambda: turns.append(len(turns))) == [2]
    assert turns == [0, 1, 2]


def test_what_holds_already_takes_no_turn() -> None:
    assert until(lambda: "here", "what is here", timeout_s=0, turn=lambda: pytest.fail("a turn")) == "here"


@pytest.mark.parametrize("what", ["the end", lambda: "the end"])
def test_what_does_not_come_in_time_is_told(what: object) -> None:
    now = [100.0]

    def turn() -> None:
        now[0] += 1.0

    with pytest.raises(AssertionError, match="waited 3 s in vain: the end"):
        until(lambda: False, what, 3, turn=turn, clock=lambda: now[0])
    assert now == [103.0]
