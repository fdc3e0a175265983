"""The document of traps names tests that there are, at least one for each trap."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")

ROWS: Final = [
    line
    for line in (ROOT / "docs" / "FIDELITY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| trap ")
]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_a_trap_is_held_by_tests_that_there_are(row: str) -> None:
    _, trap, done, tests, _ = row.split("|")
    assert trap.strip()
    assert done.strip()
    named = _TEST.findall(tests)
    assert named, f"no test holds: {trap.strip()}"
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert name in names_in(path), f"{path} has no {name}"


def test_there_are_traps() -> None:
    assert len(ROWS) > 30
