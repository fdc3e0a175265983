from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from moviola.filters import registry
from moviola.filters.checking import check
from moviola.filters.checking.contract import CHECKS

GOOD = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Good(Filter):
    name, summary = "good", "hands the picture on"
    def apply(self, picture, earlier):
        return picture

@dataclass(frozen=True)
class Wrong(Filter):
    name, summary = "wrong", "makes another size"
    def apply(self, picture, earlier):
        return picture.blank(8, 8)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_loaded", {})
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def run(*arguments: object) -> tuple[int, str]:
    printed = io.StringIO()
    status = check.main([str(each) for each in arguments], Console(file=printed, width=200))
    return status, printed.getvalue()


def test_a_broken_promise_is_told_beside_the_ticks(plugin: Path) -> None:
    status, printed = run(plugin)
    assert status == check.BROKEN
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line[:4] in ("good", "wron")}
    assert rows["good"] == ["✓"] * len(CHECKS)
    assert rows["wrong"].count("✗") >= 2
    assert "✗ wrong, size: apply makes 8x8 and output_size says 160x120, of a 160x120 yuv420p picture" in printed
    assert all(f"{check.name}: {check.promise}" in printed for check in CHECKS)


def test_one_filter_alone(plugin: Path) -> None:
    status, printed = run(plugin, "--filter", "good")
    assert status == check.KEPT
    assert "wrong" not in printed


def test_a_built_in_filter_alone() -> None:
    status, printed = run("--filter", "identity")
    assert (status, printed.count("✓")) == (check.KEPT, len(CHECKS))


def test_filters_of_records_are_tried_without_pictures() -> None:
    status, printed = run("--filter", "where")
    assert (status, printed.count("–")) == (check.KEPT, sum(each.pictures for each in CHECKS))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "defines no filter"),
        ("import nothing_there", "cannot be loaded: ModuleNotFoundError"),
        (f"{GOOD}\nraise SystemExit(0)", "cannot be loaded: SystemExit: 0: it ends the program that loads it"),
    ],
)
def test_a_file_without_filters_is_told(text: str, words: str, plugin: Path) -> None:
    plugin.write_text(text)
    status, printed = run(plugin)
    assert status == check.NOTHING
    assert words in printed


def test_a_filter_that_ends_the_program_keeps_no_promise(plugin: Path) -> None:
    plugin.write_text(GOOD.replace("return picture.blank(8, 8)", "raise SystemExit(0)"))
    status, printed = run(plugin, "--filter", "wrong")
    assert status == check.BROKEN
    assert "apply raised SystemExit: 0 (line" in printed


def test_an_unknown_filter_is_told() -> None:
    status, printed = run("--filter", "sharpn")
    assert status == check.NOTHING
    assert 'there is no filter "sharpn"; did you mean "sharpen"?' in printed
