"""The table of what became of files: for a terminal, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fidelity.said import Answer
from tests.fidelity.verdicts import Fate, Verdict

ASPECTS: Final = (
    "frames", "times", "duration", "sound", "subtitles", "tags", "chapters", "colour", "side data", "field order",
    "geometry", "other streams",
)  # fmt: skip

MAX_TEXT: Final = 260
"""Characters of a cell: a sentence fits."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one file."""

    source: Path
    answer: Answer
    verdicts: Sequence[Verdict]

    @property
    def fate(self) -> Fate:
        """The worst of its aspects."""
        fates = {each.fate for each in self.verdicts}
        order = (Fate.LOST, Fate.REFUSED, Fate.SAID)
        return next((fate for fate in order if fate in fates), Fate.KEPT)

    def lines(self) -> list[str]:
        """Return what a terminal shows of it: one line, and one for each aspect that was not kept."""
        output = self.answer.outputs[0].suffix if self.answer.outputs else ""
        head = f"{self.fate.value:<14} {self.answer.state or self.answer.status!s:<8} {self.source} {output}"
        return [
            head,
            *(f"    {each.aspect}: {each}" for each in self.verdicts if each.fate not in (Fate.KEPT, Fate.NOTHING)),
        ]


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, what was lost silently, and the counts."""
    text = f"{counts(rows)}\n\n"
    silent = [row for row in rows if row.fate is Fate.LOST]
    text += "## Lost silently\n\n" + ("".join(_listed(row) for row in silent) or "Nothing.\n")
    text += "\n## All\n\n" + _line(["file", "state", "output", *ASPECTS]) + _line(["---"] * (len(ASPECTS) + 3))
    return text + "".join(_row(row) for row in rows)


def counts(rows: Sequence[Row]) -> str:
    """Return how many files there are of each fate."""
    found = Counter(row.fate for row in rows)
    return f"{len(rows)} files: " + ", ".join(f"{found[fate]} {fate.value}" for fate in Fate if found[fate])


def _listed(row: Row) -> str:
    told = "; ".join(f"**{each.aspect}** {each.text}" for each in row.verdicts if each.fate is Fate.LOST)
    return f"- `{row.source.parent.name}/{row.source.name}`: {_cell(told)}\n"


def _row(row: Row) -> str:
    by_aspect = {each.aspect: each for each in row.verdicts}
    output = row.answer.outputs[0].suffix if row.answer.outputs else ""
    if "all" in by_aspect:
        return _line([_name(row), row.answer.state, output, str(by_aspect["all"]), *[""] * (len(ASPECTS) - 1)])
    cells = [str(by_aspect[name]) if name in by_aspect else str(Fate.NOTHING) for name in ASPECTS]
    return _line([_name(row), row.answer.state, output, *cells])


def _name(row: Row) -> str:
    return f"{row.source.parent.name}/{row.source.name}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(each) for each in cells) + " |\n"


def _cell(text: str) -> str:
    short = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    return short.replace("|", "\\|").replace("\n", " ")
