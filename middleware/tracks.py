"""The tracks of a job, and the tasks of a track.

A track keeps the next index, a heap of returned indexes and a bitmap of stored ones; only tasks in flight are objects.
So a job of 100 000 chunks costs two bitmaps until its tasks move.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from base.build_path import BuildPath, extended, matches
from middleware.chains import Chain, Intermediate, Needs, Pace
from middleware.states import TASK_TRANSITIONS, TaskState
from wire.bitmap import Bitmap
from wire.schema import Lease
from wire.transitions import changed

MAX_LATENCIES: Final = 4096
"""Hand-out-to-stored times kept a track, evenly spaced over its chunks: 16 KiB when sent, of 64 outputs 1 MiB; a p99 of
so many is between 41 and 42 of them."""

MAX_CANDIDATES: Final = 16
"""Returned tasks looked at for one free worker; more of them than this that it may not get are a sick worker."""

LOOK_AHEAD: Final = 8
"""Of so many chunks the longest goes first, so that a short one is left to fill up the end of the job (longest
processing time first: Graham, SIAM Journal on Applied Mathematics, 1969). Few, so that results come about in order."""


@dataclass(slots=True, eq=False)
class LeaseRecord:
    """A worker's right to a task, or, of a chain that is shared among workers, to one `stage` of it."""

    lease: Lease
    worker: str
    job: str
    track: int
    index: int
    mode: str
    stage: range
    is_last: bool  # of the chain's stages: a result comes of it
    fingerprint: BuildPath  # of what comes of it: the build of each step, those done before included
    tag: bytes  # what proves it, see wire/lease_tags.py
    handed_out_at: float
    progress_at: float
    phase: str = "waiting"
    frames: int = 0
    steps: int = 0
    is_lost: bool = False  # with its worker; whose fault that was may be told later
    revoked: bool = False  # it holds credit until the worker answers, and nothing else
    assets_sent: set[str] = field(default_factory=set)  # over the worker's present connection


@dataclass(slots=True, eq=False)
class Flight:
    """A task in flight: ASSIGNED while a lease is alive, then DELIVERED until the aggregator's word, or until that is
    not awaited any longer (see Ownership.expire_deliveries)."""

    state: TaskState
    first_handed_out_at: float  # since it was queued last
    delivered_at: float = 0.0  # the time for which its aggregator could not say anything is not counted
    leases: dict[Lease, LeaseRecord] = field(default_factory=dict)


@dataclass(slots=True)
class Trouble:
    """What went wrong with one task so far."""

    failures: list[dict[str, Any]] = field(default_factory=list)  # attributed ones: worker, cause
    losses: int = 0  # since its job was last paused for them
    retry: Literal["", "failure", "loss"] = ""  # why its next hand-out is one

    @property
    def failed_on(self) -> set[str]:
        return {failure["worker"] for failure in self.failures}


class Track:
    """What one output, or one passthrough stream, brings to the aggregator.

    Args:
        number: the track's number within the job.
        stream: the source stream its chunks are of.
        chain: of filters; without steps for a passthrough track.
    """

    def __init__(self, number: int, stream: int, chain: Chain) -> None:
        self.number, self.stream, self.chain = number, stream, chain
        self.needs: Needs = chain.needs(chain.whole) if chain.steps else frozenset()
        self.stored = Bitmap()
        self.stored_frames = 0
        self.flights: dict[int, Flight] = {}
        self.troubles: dict[int, Trouble] = {}
        self.intermediates: dict[int, Intermediate] = {}
        self.staged_bytes = 0  # of all of them
        self.whole_only = ""  # why its chain must not be shared among workers after all
        self.fallback_frames = self.lost_frames = self.damaged_frames = 0
        self.retries = self.losses = self.duplicates = 0
        self.fingerprint: BuildPath = ()  # of all its results in this owner epoch; chosen when the first is asked for
        self.begun_at: dict[int, float] = {}  # the first hand-out of tasks that are not stored
        self.latencies_ms: list[float] = []  # of every `_latency_step`th task that was stored
        self._latency_step, self._latency_count = 1, 0
        self.paces: dict[int, Pace] = {}  # by the step with which a stage ends
        self._next = 0
        self._returned: list[int] = []  # a heap of what `_next` has passed
        self._in_returned: set[int] = set()

    @property
    def is_passthrough(self) -> bool:
        return not self.chain.steps

    def state_of(self, index: int, have: Bitmap) -> TaskState:
        """The one state of a task."""
        if index in self.stored:
            return TaskState.STORED
        if index in self.flights:
            return self.flights[index].state
        return TaskState.QUEUED if index in have else TaskState.ABSENT

    def holds_all(self, count: int) -> bool:
        """True when each of the first `count` tasks is stored, as its store sees it."""
        if self.stored.end <= count:
            return self.stored.count == count
        wanted = (1 << count) - 1
        return int.from_bytes(self.stored.to_wire(), "little") & wanted == wanted

    def queued_count(self, have: Bitmap) -> int:
        """How many tasks are queued."""
        return have.count_not_in(self.stored) - sum(index in have for index in self.flights)

    def queued(self, have: Bitmap) -> int | None:
        """An index that is queued: the lowest of those that came back, else the lowest fresh one; None without any."""
        while self._returned:
            if self.state_of(self._returned[0], have) is TaskState.QUEUED:
                return self._returned[0]
            self._in_returned.discard(heapq.heappop(self._returned))
        return self._fresh(have)

    def _fresh(self, have: Bitmap) -> int | None:
        """Passes over what is absent at no cost: a chunk that comes behind `_next` comes back by `chunk_came`."""
        while (index := have.first_not_in(self.stored, self._next)) is not None:
            self._next = index
            if self._is_fresh(index, have):
                return index
            self._next += 1
        self._next = max(self._next, have.end)
        return None

    def _is_fresh(self, index: int, have: Bitmap) -> bool:
        return index not in self._in_returned and self.state_of(index, have) is TaskState.QUEUED

    def _longest(self, have: Bitmap, frame_counts: Mapping[int, int]) -> int | None:
        """Of the next few fresh tasks; the lowest of equal ones."""
        first = self._fresh(have)
        if first is None:
            return None
        ahead = range(first, min(first + LOOK_AHEAD, have.end))
        return max((one for one in ahead if self._is_fresh(one, have)), key=lambda index: frame_counts.get(index, 0))

    def candidates(self, have: Bitmap, frame_counts: Mapping[int, int]) -> list[int]:
        """What may be handed out now: what is begun comes first, for its end gives room back; then what came back; then
        a fresh one. Further ones are for workers that may not get those (they failed on them before, or offer another
        part of the chain)."""
        if self.queued(have) is None:
            return []
        begun = self.intermediates
        returned = heapq.nsmallest(MAX_CANDIDATES, self._in_returned, key=lambda index: (index not in begun, index))
        queued = [index for index in returned if self.state_of(index, have) is TaskState.QUEUED]
        fresh = self._longest(have, frame_counts)
        return queued if fresh is None else [*queued, fresh]

    def assign(self, record: LeaseRecord, have: Bitmap, now: float, *, adopted: bool = False) -> None:
        """A lease on a task, queued or in flight already, begins; or one goes on that was thought lost."""
        index = record.index
        self.begun_at.setdefault(index, now)
        self._count_retry(index, adopted=adopted)
        flight = self.flights.get(index)
        if flight is None:
            changed(TASK_TRANSITIONS, self.state_of(index, have), TaskState.ASSIGNED)
            flight = self.flights[index] = Flight(TaskState.ASSIGNED, now)
        flight.leases[record.lease] = record
        flight.state = TaskState.ASSIGNED

    def lose(self, index: int) -> Trouble:
        """A lease was lost with its worker, or what it brought on its way."""
        trouble = self.troubles.setdefault(index, Trouble())
        trouble.losses += 1
        trouble.retry = "loss"
        return trouble

    def fail(self, record: LeaseRecord) -> Trouble:
        """A lease ended with a failure of its task; if it was lost, that is why."""
        trouble = self.troubles.setdefault(record.index, Trouble())
        if record.is_lost and trouble.retry != "loss":
            self.losses -= 1  # it was handed out again before that was known
        else:
            trouble.retry = "failure"
        return trouble

    def _count_retry(self, index: int, *, adopted: bool) -> None:
        """What a failure or a loss costs is the next hand-out, and nothing if none follows."""
        trouble = self.troubles.get(index)
        if trouble is None or not trouble.retry:
            return
        if adopted:
            trouble.losses -= trouble.retry == "loss"
        else:
            self.retries += 1
            self.losses += trouble.retry == "loss"
        trouble.retry = ""

    def begin_passing(self, index: int, now: float) -> None:
        """A passthrough chunk has been sent to the aggregator."""
        self._count_retry(index, adopted=False)
        self.flights[index] = Flight(TaskState.DELIVERED, now, now)

    def end_lease(self, record: LeaseRecord, now: float, *, delivered: bool) -> None:
        """A lease is over: with the last one the task is DELIVERED, or goes back to the front of the queue."""
        flight = self.flights.get(record.index)
        if flight is None or flight.leases.pop(record.lease, None) is None or flight.leases:
            return
        if delivered:
            flight.state = changed(TASK_TRANSITIONS, flight.state, TaskState.DELIVERED)
            flight.delivered_at = now
        else:
            self.put_back(record.index)

    def put_back(self, index: int) -> None:
        """A task goes back to the front of the queue."""
        self.flights.pop(index, None)
        self._return(index)

    def chunk_came(self, index: int) -> None:
        """A chunk arrived. If the pointer has passed its index, it was missing before."""
        if index < self._next:
            self._return(index)

    def _return(self, index: int) -> None:
        if index not in self._in_returned:
            self._in_returned.add(index)
            heapq.heappush(self._returned, index)

    def store(self, index: int, frames: int, now: float) -> Flight | None:
        """A task is stored; returns its flight, if it had one. Nothing changes when it was stored already."""
        if not self.stored.add(index):
            return None
        self.stored_frames += frames
        begun_at = self.begun_at.pop(index, None)
        if begun_at is not None:
            self._note_latency((now - begun_at) * 1000)
        flight = self.flights.pop(index, None)
        if flight is not None:
            self.pace(len(self.chain.steps)).add(now - flight.first_handed_out_at)
        return flight

    def _note_latency(self, milliseconds: float) -> None:
        """Keeps an even sample: once there are too many, half of them go, and half as many are kept from then on."""
        if self._latency_count % self._latency_step == 0:
            self.latencies_ms.append(milliseconds)
        self._latency_count += 1
        if len(self.latencies_ms) > MAX_LATENCIES:
            del self.latencies_ms[1::2]
            self._latency_step *= 2

    def live_frames(self) -> int:
        """Frames done of tasks in flight. A frame counts when the last of its filters is."""
        return sum(
            max((record.frames for record in flight.leases.values() if record.is_last), default=0)
            for flight in self.flights.values()
        )

    def undelivered(self, limit_s: float, now: float) -> list[int]:
        """Return the tasks that were delivered more than `limit_s` ago and are not known to be stored."""
        return [
            index
            for index, flight in self.flights.items()
            if flight.state is TaskState.DELIVERED and now - flight.delivered_at > limit_s
        ]

    def await_deliveries(self, now: float) -> None:
        """Wait for the aggregator's word on what was delivered as long as if it had been delivered now."""
        for flight in self.flights.values():
            flight.delivered_at = now

    # ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────

    def begun(self, index: int, mode: str) -> Intermediate | None:
        """What is done of a task, for a worker that would go on in this mode; None where it begins with its chunk."""
        found = self.intermediates.get(index)
        if found is None or found.mode != mode or not matches(found.fingerprint, self.fingerprint):
            return None
        return found

    def fingerprint_of(self, index: int, mode: str, own: str, stage: range) -> BuildPath:
        """Return the build of each step that is done once a worker of the build `own` has done `stage` of a task."""
        begun = self.begun(index, mode)
        return extended(() if begun is None else begun.fingerprint, own, len(stage))

    def takes(self, fingerprint: BuildPath) -> bool:
        """Return whether a result of these builds, one for each step, is like the others."""
        return matches(fingerprint, self.fingerprint)

    def forget_results(self) -> None:
        """They are lost: the next one is the first."""
        self.stored, self.stored_frames = Bitmap(), 0
        self.fingerprint = ()
        self.fallback_frames = self.lost_frames = self.damaged_frames = 0

    def hand_on(self, record: LeaseRecord, size: int, now: float) -> list[LeaseRecord]:
        """A stage is done, and what came of it is kept. Returns the leases that have nothing more to bring: that one
        first. With none left the task is at the front of the queue."""
        flight, step = self.flights[record.index], record.stage.stop
        self.pace(step).add(now - flight.first_handed_out_at)
        self.drop_begun(record.index)
        self.intermediates[record.index] = Intermediate(record.mode, record.fingerprint, size)
        self.staged_bytes += size
        done = [one for one in flight.leases.values() if one.stage.stop <= step]
        for one in done:
            del flight.leases[one.lease]
        if not flight.leases:
            self.put_back(record.index)
        return sorted(done, key=lambda one: one is not record)

    def drop_begun(self, index: int) -> bool:
        """What is done of a task is not needed any more; whether there was anything."""
        found = self.intermediates.pop(index, None)
        self.staged_bytes -= 0 if found is None else found.size
        return found is not None

    def drop_all_begun(self) -> None:
        """Every task begins with its chunk again."""
        self.intermediates.clear()
        self.staged_bytes = 0

    def pace(self, step: int) -> Pace:
        """Of stages that end with this step."""
        return self.paces.setdefault(step, Pace())

    def hold(self, stored: Bitmap, frame_counts: dict[int, int]) -> list[LeaseRecord]:
        """The aggregator's word on what is stored, after a reconnection. Returns leases that have become pointless."""
        self.stored = stored
        self.stored_frames = sum(count for index, count in frame_counts.items() if index in stored)
        pointless: list[LeaseRecord] = []
        for index, flight in list(self.flights.items()):
            if index in stored:
                pointless += flight.leases.values()
                del self.flights[index]
            elif flight.state is TaskState.DELIVERED:
                self.put_back(index)
        self.begun_at = {index: at for index, at in self.begun_at.items() if index not in stored}
        self._next = 0  # what was thought stored may not be: look at everything again, which costs one pass
        return pointless
