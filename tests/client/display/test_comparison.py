"""What people see of a comparison, in terminals of several widths."""

from __future__ import annotations

import io

import pytest

from client.display.comparison import doing, print_comparison, view_of
from moviola.comparison.records import Mode
from moviola.comparison.scoreboard import Scoreboard
from moviola.display.terminal import Terminal
from tests.comparison.requests import request, taken


def board() -> Scoreboard:
    """All modes, two rounds of each after one to warm up: nothing is played yet."""
    made = Scoreboard(request(*Mode, iterations=2, warm_ups=1), cores=2)
    made.subject("record", 60, 4)
    return made


def played() -> Scoreboard:
    """The same, played to its end; threads are twice as fast."""
    made = board()
    for number in (0, 1, 2):
        for mode in Mode:
            made.begin(mode, number)
            made.end(taken(number, 1000.0 if mode is Mode.THREADS else 2000.0), {"blur": "0123456789abcdef"})
    return made


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (100, "mode workers seconds fastest slowest speed-up CPU s memory"),
        (78, "mode workers seconds fastest slowest speed-up CPU s memory"),
        (77, "mode workers seconds speed-up CPU s memory"),
        (59, "mode seconds speed-up CPU s memory"),
        (50, "mode seconds speed-up CPU s memory"),
    ],
)
def test_no_name_or_number_is_broken_in_a_narrow_terminal(width: int, headings: str) -> None:
    told = io.StringIO()
    print_comparison(Terminal(file=told, width=width), played().comparison())
    lines = told.getvalue().splitlines()
    table = lines.index(next(line for line in lines if "speed-up" in line))
    assert " ".join(lines[table].split()) == headings
    assert [line.split()[0] for line in lines[table + 2 : table + 6]] == [*Mode]
    assert [line.split()[0] for line in lines if "records/s" in line] == [*Mode]
    assert all("2.00" in line or "1.00" in line for line in lines[table + 2 : table + 6])
    assert "All 12 results are equal: blur 0123456789ab." in " ".join(lines)


def test_it_is_said_what_is_done_now() -> None:
    made = board()
    assert doing(made.comparison()) == "beginning"
    made.begin(Mode.THREADS, 0)
    assert doing(made.comparison()) == "threads, warming up"
    made.begin(Mode.PROCESSES, 2)
    made.progress(0.5)
    view = view_of(made.comparison())
    assert (view.name, view.frames_done, view.frames_wanted, view.unit) == ("processes, 2 of 2", 30, 720, "record")
