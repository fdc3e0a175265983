"""What docs/FILTERS.md shows is true: its example works as printed, and its table is of today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moviola.filters import registry
from moviola.filters.chain import parse_chain
from moviola.filters.checking import check
from tests.filters.frames import picture_of, texture
from tools.filter_table import PAGE, written


def test_the_documented_example_works_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 10
    path = tmp_path / "negative.py"
    path.write_text(example)
    assert check.main([str(path)]) == check.KEPT
    (negative,) = registry.make_chain(parse_chain("negative:strength=1"))
    picture = picture_of(texture(), "yuvj444p")
    sums = negative.apply(picture, ()).gray.astype(int) + picture.gray
    assert abs(sums - 255).max() <= 2


def test_the_table_of_filters_is_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "docs/FILTERS.md is stale: run python -m tools.filter_table"


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no lines"):
        written("# Filters\n")
