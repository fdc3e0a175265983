"""What happened to the records of one chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moviola.media.report import Report

# Of a chunk so many malformed records are told one by one; all are counted.
MAX_TOLD = 1_000


@dataclass(slots=True)
class TableReport(Report):
    """`malformed` lists [number of the record within its file, number of its line, why] of records that are left out,
    `mended` the same of those that are kept though some of their bytes were no text; each the first MAX_TOLD of their
    count."""

    malformed: list[list[Any]] = field(default_factory=list)
    malformed_count: int = 0
    mended: list[list[Any]] = field(default_factory=list)
    mended_count: int = 0

    def tell_malformed(self, record: int, line: int, why: str) -> None:
        """A record that is left out."""
        self.malformed_count += 1
        if len(self.malformed) < MAX_TOLD:
            self.malformed.append([record, line, why])

    def tell_mended(self, record: int, line: int, why: str) -> None:
        """A record that is kept, but not as it was."""
        self.mended_count += 1
        if len(self.mended) < MAX_TOLD:
            self.mended.append([record, line, why])
