"""The example in docs/FILTERS.md is a filter that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filters import registry
from filters.chain import parse_chain
from tests.filters.frames import picture_of, texture

DOCS = Path(__file__).parents[2] / "docs" / "FILTERS.md"


def test_the_documented_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    path = tmp_path / "negative.py"
    path.write_text(example)
    assert registry.load_plugin(path) == ("negative",)
    (negative,) = registry.make_chain(parse_chain("negative:strength=1"))
    picture = picture_of(texture(), "yuvj444p")
    sums = negative.apply(picture, ()).gray.astype(int) + picture.gray
    assert abs(sums - 255).max() <= 2


def test_every_built_in_filter_and_parameter_is_documented() -> None:
    text = DOCS.read_text()
    for name, schema in registry.schemas().items():
        (row,) = re.findall(rf"^\| `{name}` \|.*$", text, re.MULTILINE)
        assert all(f"`{parameter.name}`" in row for parameter in schema.parameters)
