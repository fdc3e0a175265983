"""Writes the tables of docs/EVENTS.md from the code: `python -m tools.events`.

The page is written by hand, but for its blocks, which end with `<!-- end -->`: `<!-- kinds -->` is the table of all
kinds (moviola/session/event_kinds.py), `<!-- fields -->` that of the fields (moviola/session/cluster_events.py).
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Final

from moviola.session.cluster_events import ClusterEvent
from moviola.session.event_kinds import MEANINGS
from tools.protocol import meanings

PAGE: Final = Path(__file__).parents[1] / "docs" / "EVENTS.md"

JSON_NAMES: Final = {"unix_s": "time", "is_caught_up": "caught_up"}
"""Fields that are called otherwise in JSON."""


def kinds() -> str:
    """Return the Markdown table of all kinds."""
    return "\n".join(["| kind | when |", "|---|---|", *(f"| `{kind}` | {text} |" for kind, text in MEANINGS.items())])


def event_fields() -> str:
    """Return the Markdown table of an event's fields."""
    told = meanings(ClusterEvent)
    rows = [
        f"| `{field.name}` | `{JSON_NAMES.get(field.name, field.name)}` | {told[field.name][1]} |"
        for field in fields(ClusterEvent)
    ]
    return "\n".join(["| in Python | in JSON | meaning |", "|---|---|---|", *rows])


def page(text: str) -> str:
    """Return the page with its blocks as the code has them."""
    for name, made in (("kinds", kinds()), ("fields", event_fields())):
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        text = f"{before}{mark}{made}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"wrote {PAGE}")
