"""Who did which task of a job, and when: a row for each lease, for as long as the job is known.

A row is written when a lease ends, by whoever ends it; those of leases that go on are added when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from moviola.base.timeline import MAX_SPANS, NUMBERS, ROW, JobTimeline, packed
from moviola.base.vocabulary import LeasePhase, SpanOutcome

from .task_queue import LeaseRecord

MAX_TIMELINE_WORKERS: Final = 4096
"""Names of workers in one timeline: twice what a middleware takes at a time. What others did is left out."""

FULL: Final = MAX_SPANS * ROW.size
"""Bytes of the rows of ended leases."""

_STORED: Final = NUMBERS[SpanOutcome.STORED]


class Timeline:
    """The rows of one job, see `JobTimeline`. Beyond MAX_SPANS every second row of a task that went well goes, so that
    those that are left are spread evenly over the job; those of trouble go only where they alone are too many."""

    __slots__ = ("_numbers", "_rows", "_step", "_went_well", "is_whole", "left_out")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # by a worker's name: its place among them
        self._rows = bytearray()
        self._went_well = 0  # leases, since there is no room for all of them
        self._step = 1  # every so many of them is kept
        self.left_out = 0
        self.is_whole = True

    def note(self, lease: LeaseRecord, ended_at: float, outcome: SpanOutcome) -> None:
        """Write down that a lease has ended."""
        if self._step > 1 or len(self._rows) >= FULL or (number := self._numbers.get(lease.worker)) is None:
            self._note_if_room(lease, ended_at, outcome)
        else:  # in as few steps as can be: each task comes here
            self._rows += ROW.pack(number, lease.track, lease.index, lease.handed_out_at, ended_at, NUMBERS[outcome])

    def told(self, zero_s: float, in_flight: Iterable[LeaseRecord], now: float) -> JobTimeline:
        """Return it as it is now.

        Args:
            zero_s (s): the time of the job's submission, by the clock of `now`.
            in_flight: leases that go on.
        """
        rows = bytearray(self._rows)
        for lease in in_flight:
            number = self._number_of(lease.worker)
            if number is not None:
                outcome = SpanOutcome.WAITING if lease.phase == LeasePhase.WAITING else SpanOutcome.RUNNING
                rows += _row(number, lease, now, outcome)
        return JobTimeline([*self._numbers], packed(rows), zero_s, now, self.left_out, self.is_whole)

    def _note_if_room(self, lease: LeaseRecord, ended_at: float, outcome: SpanOutcome) -> None:
        """Write down that a lease has ended. It is left out if there is no room for its worker's name, or if it went
        well and only some of those are kept."""
        number, went_well = self._number_of(lease.worker), outcome is SpanOutcome.STORED
        self._went_well += went_well
        if number is None or (went_well and self._went_well % self._step):
            self.left_out += 1
            return
        self._rows += _row(number, lease, ended_at, outcome)
        if len(self._rows) > FULL:
            self._thin_out()

    def _number_of(self, worker: str) -> int | None:
        """Return a worker's place among the names, the last where it is new; None where there are too many."""
        if len(self._numbers) >= MAX_TIMELINE_WORKERS:
            return self._numbers.get(worker)
        return self._numbers.setdefault(worker, len(self._numbers))

    def _thin_out(self) -> None:
        """Leave out every second row of what went well, and where that is not enough, of all."""
        rows = [self._rows[at : at + ROW.size] for at in range(0, len(self._rows), ROW.size)]
        kept, count = [], 0
        for row in rows:
            is_stored = row[-1] == _STORED
            count += is_stored
            if not is_stored or count % 2:
                kept.append(row)
        if len(kept) > MAX_SPANS * 3 // 4:
            kept = kept[::2]
        self._step *= 2
        self.left_out += len(rows) - len(kept)
        self._rows = bytearray().join(kept)


def _row(number: int, lease: LeaseRecord, ended_at: float, outcome: SpanOutcome) -> bytes:
    """Return the row of a lease of the worker that has this number."""
    return ROW.pack(number, lease.track, lease.index, lease.handed_out_at, ended_at, NUMBERS[outcome])
