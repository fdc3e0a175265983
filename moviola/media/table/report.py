"""What happened to the records of one chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from moviola.media.report import Report

# Of a chunk so many malformed records are told one by one; all are counted.
MAX_TOLD = 1_000


class BadRecord(NamedTuple):
    """What is wrong with a record: its number within its file, and that of its line, both from 1."""

    record: int
    line: int
    why: str


@dataclass(slots=True)
class TableReport(Report):
    """`malformed` are records that are left out, `mended` those that are kept though some of their bytes were no text;
    each the first MAX_TOLD of their count."""

    malformed: list[BadRecord] = field(default_factory=list)
    malformed_count: int = 0
    mended: list[BadRecord] = field(default_factory=list)
    mended_count: int = 0

    def tell_malformed(self, record: int, line: int, why: str) -> None:
        """Count a record that is left out, and list it if it is among the first."""
        self.malformed_count += 1
        if len(self.malformed) < MAX_TOLD:
            self.malformed.append(BadRecord(record, line, why))

    def tell_mended(self, record: int, line: int, why: str) -> None:
        """Count a record that is kept, but not as it was, and list it if it is among the first."""
        self.mended_count += 1
        if len(self.mended) < MAX_TOLD:
            self.mended.append(BadRecord(record, line, why))
