"""What becomes of each thing of a source: kept, changed or lost, with the reason, known before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Text

MAX_FINDINGS: Final = 200
"""Findings of one source, or of one of its outputs: each is a sentence that people read, and all travel with the
submission. What is beyond is counted."""


class Fate(StrEnum):
    """What becomes of a thing of the source."""

    KEPT = "kept"
    CHANGED = "changed"
    LOST = "lost"


@record
class Trait(Mapped):
    """One thing that a source is.

    Attributes:
        name: what is told, in a word or two: "frame rate".
        value: what it is, for people: "30000/1001 = 29.97 a second, constant".
    """

    name: Text
    value: Text


@record
class Finding(Mapped):
    """What becomes of one thing of a source.

    Attributes:
        subject: the thing, as the beginning of a sentence: "stream 2 (subtitle, webvtt)", "field order".
        fate: whether it is kept.
        reason: the rest of the sentence, with the way out where there is one: "is left out: an MP4 file cannot hold
            it; a name that ends in .mkv keeps it".
        output: the name of the only output that it is true of; empty where it is true of all.
    """

    subject: Text
    fate: Fate
    reason: Text
    output: Text = ""

    @property
    def sentence(self) -> str:
        """Return what a person is told, without the output's name."""
        return f"{self.subject} {self.reason}"


def sentences(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the sentence of each finding that is not kept, each sentence once."""
    yield from dict.fromkeys(each.sentence for each in findings if each.fate is not Fate.KEPT)


def bounded(findings: Iterable[Finding], limit: int = MAX_FINDINGS) -> list[Finding]:
    """Return at most `limit` findings; of more, the worst, and a last one that says how many are missing."""
    found = list(findings)
    if len(found) <= limit:
        return found
    found.sort(key=lambda each: _SEVERITY[each.fate])
    kept, rest = found[: limit - 1], found[limit - 1 :]
    return [*kept, Finding(f"{len(rest)} more things", rest[0].fate, "are like these, and are not listed")]


_SEVERITY: Final = {Fate.LOST: 0, Fate.CHANGED: 1, Fate.KEPT: 2}
