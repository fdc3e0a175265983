"""Shares of the tests: nothing is lost, modules of long ones are whole, and every process begins with some."""

from __future__ import annotations

import pytest

from tests.shares import dealt

LONG = [f"road{module}::{number}" for module in range(5) for number in range(3)]
QUICK = [f"unit{module}::{number}" for module in range(10) for number in range(4)]


def shares(processes: int) -> list[list[str]]:
    made = dealt(
        QUICK[:20] + LONG + QUICK[20:], processes, lambda item: item.partition("::")[0], lambda item: item in LONG
    )
    size = len(made) // processes
    starts = range(0, size * processes, size)
    return [made[start : start + size if start != starts[-1] else None] for start in starts]


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_each_share_begins_with_whole_modules_of_long_ones(processes: int) -> None:
    found = shares(processes)
    assert sorted(item for share in found for item in share) == sorted(LONG + QUICK)
    for share in found:
        long = [item for item in share if item in LONG]
        assert long
        assert share[: len(long)] == long
        assert len(long) % 3 == 0
        assert [item for item in LONG if item in share] == long, "their order is kept"
        assert [item for item in QUICK if item in share] == share[len(long) :]


def test_more_long_ones_than_a_share_has_room_for_are_all_there() -> None:
    assert sorted(dealt(LONG, 4, lambda item: item.partition("::")[0], lambda _: True)) == sorted(LONG)
