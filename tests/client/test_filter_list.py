"""`--list-filters` for people: wrapped on a terminal, whole lines elsewhere."""

from __future__ import annotations

import io

import pytest

from client.filter_list import print_filters
from moviola.display.terminal import Terminal
from moviola.filters import registry
from moviola.filters.schema import FilterSchema, Parameter

GLOW = FilterSchema(
    "glow",
    "makes bright places brighter, and what lies around them, for as long as there is anything left of them",
    (
        Parameter("radius", "int", 7, "how far", minimum=1, maximum=100, unit="px"),
        Parameter("share", "float", 0.5, "", minimum=0.0, maximum=1.0),
    ),
    requires=("radius or share",),
)
DETECT = FilterSchema("detect", "finds things", label="gpu")


def printed(offered: dict[str, tuple[FilterSchema, int | None]], *, width: int = 0) -> str:
    file = io.StringIO()
    print_filters(Terminal(file=file, force_terminal=bool(width), width=width or 80, color_system=None), offered)
    return file.getvalue()


def test_a_whole_line_for_everything_elsewhere() -> None:
    assert printed({"glow": (GLOW, 1)}) == (
        f"glow  {GLOW.summary} (1 worker)\n    radius  1..100 px (7): how far\n    share   0.0..1.0 (0.5)\n"
        "    needs  radius or share\n"
    )


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_missing(width: int) -> None:
    offered: dict[str, tuple[FilterSchema, int | None]] = {
        name: (schema, None) for name, schema in registry.schemas().items()
    }
    text = printed(offered, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == printed(offered).split()


def test_a_filter_that_asks_for_a_label_says_which() -> None:
    assert printed({"detect": (DETECT, 0)}) == "detect  finds things (0 workers)\n    asks for  a worker labelled gpu\n"
