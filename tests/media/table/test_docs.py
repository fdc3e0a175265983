"""docs/TABLES.md tells of these tables, and its example works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from moviola.filters import registry
from moviola.media.table.schema import KINDS
from tests.media.table.tables import MOVIES, movie, output, run, write

DOCS = Path(__file__).parents[3] / "docs" / "TABLES.md"


def test_the_documented_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    plugin = tmp_path / "long.py"
    plugin.write_text(example)
    assert registry.load_plugin(plugin) == ("long",)
    path = write(tmp_path / "movies.csv", MOVIES, [movie(id=1, runtime="95.0"), movie(id=2, runtime="181.0")])
    result, _ = run([path], output("long:minutes=180"), tmp_path)
    assert [found["id"] for found in json.loads(result.read_bytes())["movies"]] == ["2"]


def test_every_kind_of_table_and_what_tells_it_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| .*\|$", DOCS.read_text().partition("## What is kept")[0], re.MULTILINE)
    assert [name for name, _ in rows] == list(KINDS)
    for name, told in rows:
        assert set(re.findall(r"`(\w+)`", told)) == frozenset().union(*KINDS[name].marks)
