"""Who did which task of a job, and when: what the middleware keeps of it, tells and saves."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import field
from struct import Struct
from typing import Final, NamedTuple

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name
from moviola.base.vocabulary import SpanOutcome

ROW: Final = Struct("<HHIddB")
"""A row, little-endian: the worker's place in `workers`, the track, the chunk, when the task was handed out and when
that lease ended (s, by the clock of `zero_s`), and the place of its outcome in OUTCOMES."""

MAX_SPANS: Final = 16_384
"""Rows of one job: one for each of 10 000 frames that are a chunk of their own, and 6 000 more. 400 KiB in memory;
packed, as they are told and saved, mostly a quarter of that, of the 4 MiB that a header may have."""

MAX_ROWS_BYTES: Final = 2 * MAX_SPANS * ROW.size
"""The most bytes that packed rows may be unpacked to: twice MAX_SPANS rows, because rows of tasks in flight come behind
those that ended."""

OUTCOMES: Final = tuple(SpanOutcome)
"""By the number in a row."""

NUMBERS: Final = {outcome: number for number, outcome in enumerate(OUTCOMES)}
"""The number in a row, by outcome."""


class Row(NamedTuple):
    """One lease: times are those of the middleware's clock, in seconds; numbers of another making are as they came."""

    worker: int
    track: int
    chunk: int
    handed_out_at: float
    ended_at: float
    outcome: int


@record
class JobTimeline(Mapped):
    """Who did which task of a job, and when.

    Attributes:
        workers: the names of those that had tasks of it.
        rows: zlib of rows of 25 bytes, as docs/PROTOCOL.md describes them, in the order in which the leases ended.
        zero_s (s): what the clock of the rows showed when the job was submitted.
        until_s (s): what it showed when the timeline was told, or the job was over.
        left_out (rows): that are not among them: beyond 16 384, of tasks that went well every second one goes.
        is_whole: what was done before this life of the middleware, or before the job was begun again, is among them.
    """

    workers: list[Name] = field(default_factory=list)
    rows: bytes = b""
    zero_s: float = 0.0
    until_s: float = 0.0
    left_out: int = 0
    is_whole: bool = True

    def unpacked(self) -> Iterator[Row]:
        """Yield the rows. Raises ValueError where there are none in these bytes, or too many."""
        unpacker = zlib.decompressobj()
        try:
            rows = unpacker.decompress(self.rows, MAX_ROWS_BYTES) if self.rows else b""
        except zlib.error as error:
            raise ValueError(f"the rows of a timeline cannot be unpacked: {error}") from error
        if unpacker.unconsumed_tail or len(rows) % ROW.size:
            raise ValueError(f"a timeline has more than {2 * MAX_SPANS} rows, or an incomplete one")
        return map(Row._make, ROW.iter_unpack(rows))


def packed(rows: bytes | bytearray) -> bytes:
    """Return rows as a JobTimeline has them."""
    return zlib.compress(rows, 1)
