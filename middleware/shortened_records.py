"""What is told of a job to people and tools, within bounds: shortened, never refused.

What comes from an aggregator, or from a ledger of an earlier version, may be of any size; a record of it must fit into
a message, together with those of a thousand other jobs.
"""

from __future__ import annotations

from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.wire.limits import KIB
from moviola.wire.shortened import fitted_record

MAX_REASON: Final = 2000
"""Characters of why a job is as it is."""

MAX_DETAILS_SIZE: Final = 256 * KIB
"""Bytes of what was asked for and what failed, of one job that somebody looks at."""

MAX_SUMMARIES_SIZE: Final = 256 * KIB
MIN_SUMMARY_SIZE: Final = 4 * KIB
"""Bytes of what all outputs of a job came to, and what each of them may have however many there are: what is counted,
the names and the digest have less than 1 KiB."""

MAX_SUMMARIES: Final = 64
"""Outputs of which is told, as many as a job has (MAX_OUTPUTS)."""

MAX_FILES: Final = 512
"""Files that are announced: an output has up to five, and a job one."""

MAX_FILE_SIZE: Final = KIB
"""Bytes of a file's entry: name, size and checksum."""


def summaries(outputs: list[OutputSummary]) -> list[OutputSummary]:
    """Return what outputs came to, each cut to its share of what may be told."""
    share = max(MIN_SUMMARY_SIZE, MAX_SUMMARIES_SIZE // max(len(outputs), 1))
    return [fitted_record(one, share) for one in outputs[:MAX_SUMMARIES]]


def files(entries: list[FinishedFile]) -> list[FinishedFile]:
    """Return the files of a job as they are announced."""
    return [fitted_record(one, MAX_FILE_SIZE) for one in entries[:MAX_FILES]]
