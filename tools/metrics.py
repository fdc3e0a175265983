"""Writes the table of docs/METRICS.md of what a gateway tells Prometheus: `python -m tools.metrics`.

The page is written by hand, but for the block between `<!-- gateway -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "METRICS.md"

_BLOCK: Final = re.compile(r"(<!-- gateway -->\n).*?\n<!-- end -->", re.DOTALL)


def page(text: str) -> str:
    """Return the text of the page with a fresh table."""
    return _BLOCK.sub(lambda found: f"{found[1]}{table()}\n<!-- end -->", text)


def table() -> str:
    """Return the table of all metrics: their names as a query has them, types, labels and meanings."""
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *_rows()])


def _rows() -> Iterator[str]:
    for family in import_module("moviola.web.metrics").described():
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = ", ".join(f"`{label}`" for label in _labels(family))
        yield f"| `{name}` | {family.type} | {labels} | {family.documentation.rstrip('.')} |"


def _labels(family: Any) -> list[str]:
    found = {label for sample in family.samples for label in sample.labels} - {"le"}
    return sorted(found)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"wrote {PAGE}")
