"""The tasks of one track: which are queued, which are in flight, which are stored.

A queue keeps the next index, a heap of returned ones and a bitmap of stored ones; only tasks in flight are objects. So
a job of 100 000 chunks costs a few bitmaps until its tasks move.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

from moviola.base.vocabulary import LeasePhase
from moviola.wire.bitmap import Bitmap
from moviola.wire.schema import Lease
from moviola.wire.transitions import changed

from .chain import Part
from .states import TASK_TRANSITIONS, TaskState
from .stream import Stream

MAX_CANDIDATES: Final = 16
"""Returned tasks that are looked at for one free worker. A worker that may not get any of so many is a sick one."""

LOOK_AHEAD: Final = 8
"""Of so many chunks the longest goes first, so that a short one is left to fill up the end of the job (longest
processing time first: Graham, SIAM Journal on Applied Mathematics, 1969). Few, so that results come about in order."""


@dataclass(slots=True, eq=False)
class LeaseRecord:
    """A worker's right to a task, or, of a chain that is shared among workers, to a part of it."""

    lease: Lease
    worker: str
    job: str
    track: int
    index: int
    part: Part  # of the task, and how it is done
    tag: bytes  # what proves it, see moviola/wire/lease_tags.py
    handed_out_at: float
    progress_at: float
    phase: str = LeasePhase.WAITING
    frames: int = 0
    steps: int = 0
    is_lost: bool = False  # with its worker; whose fault that was may be told later
    revoked: bool = False  # it holds credit until the worker answers, and nothing else
    assets_sent: frozenset[str] = frozenset()  # over the worker's present connection
    is_adopted: bool = False  # and how far it is has not been told yet


@dataclass(slots=True, eq=False)
class InFlight:
    """A task in flight: ASSIGNED while a lease is alive, then DELIVERED until the aggregator's word, or until that is
    not awaited any longer (see Ownership.expire_deliveries)."""

    first_handed_out_at: float  # since it was queued last
    leases: dict[Lease, LeaseRecord]
    state: TaskState = TaskState.ASSIGNED
    delivered_at: float = 0.0  # the time for which its aggregator could not say anything is not counted


class TaskQueue:
    """See the module. Whoever changes it does so here; `count` tasks are queued, `stored` holds the stored ones.

    Each queued task is in one of three places: in `_returned`; in `_ahead`, with the first fresh ones, which lie within
    LOOK_AHEAD of each other; or at `_next` or behind it, where nothing was looked at yet.

    Args:
        stream: whose chunks the tasks are of; it tells of those that come and go.
        troubled: tasks that failed or were lost before; while they are queued they are among the returned ones.
        on_change: called after each change that leaves a task to be looked at: one is queued that was not, say.
        on_progress: called instead where a task moved on as it is expected to.
    """

    __slots__ = (
        "_ahead",
        "_next",
        "_on_change",
        "_on_progress",
        "_returned",
        "_returned_heap",
        "_stream",
        "_troubled",
        "count",
        "delivered_count",
        "in_flight",
        "stored",
        "stored_frames",
    )

    def __init__(
        self,
        stream: Stream,
        troubled: Collection[int],
        on_change: Callable[[], None],
        on_progress: Callable[[], None],
    ) -> None:
        self._stream, self._troubled = stream, troubled
        self._on_change, self._on_progress = on_change, on_progress
        stream.queues.append(self)
        self.stored = Bitmap()
        self.stored_frames = 0
        self.in_flight: dict[int, InFlight] = {}
        self.count = 0
        self.delivered_count = 0  # in flight, and only the aggregator's word is awaited
        self._returned: set[int] = set()
        self._returned_heap: list[int] = []  # of these, and of some that are not returned any more
        self._ahead: dict[int, int] = {}  # the frames of fresh ones that were looked at, by index, in order
        self._next = 0  # fresh ones from here on were not looked at

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────

    def state_of(self, index: int) -> TaskState:
        """Return the one state of a task."""
        if index in self.stored:
            return TaskState.STORED
        flight = self.in_flight.get(index)
        if flight is not None:
            return flight.state
        return TaskState.QUEUED if index in self._stream.here else TaskState.ABSENT

    def holds_all(self, count: int) -> bool:
        """Return whether each of the first `count` tasks is stored, as the store sees it."""
        if self.stored.count < count:
            return False
        if self.stored.end <= count:
            return self.stored.count == count
        wanted = (1 << count) - 1
        return int.from_bytes(self.stored.to_wire(), "little") & wanted == wanted

    @property
    def has_returned(self) -> bool:
        """Return whether tasks are queued that were handed out before, or whose chunks came late."""
        return bool(self._returned)

    def first(self) -> int | None:
        """Return an index that is queued: the lowest of those that came back, else the lowest fresh one."""
        if not self.count:
            return None
        if self._returned:
            return self._first_returned()
        self._look_ahead()
        return next(iter(self._ahead), None)

    def candidates(self, begun: Container[int]) -> Iterator[int]:
        """Yield what may be handed out now: what is `begun` comes first, for its end gives room back; then what came
        back; then a fresh one, the longest of the next few. Further ones are for workers that may not get those (they
        failed on them before, or offer another part of the chain)."""
        if self._returned:
            if begun:
                order = heapq.nsmallest(MAX_CANDIDATES, self._returned, key=lambda index: (index not in begun, index))
                yield from order
            else:
                yield self._first_returned()
                yield from heapq.nsmallest(MAX_CANDIDATES, self._returned)[1:]
        self._look_ahead()
        if self._ahead:
            yield self._longest()

    def next_alike(self) -> int:
        """Return the first of the candidates, where any worker may get any of them: nothing is begun or failed."""
        if self._returned:
            return self._first_returned()
        self._look_ahead()
        return self._longest()

    def _longest(self) -> int:
        """Return the longest of the fresh tasks looked at; the lowest of equal ones."""
        return max(self._ahead, key=self._ahead.__getitem__)

    def _first_returned(self) -> int:
        heap = self._returned_heap
        while heap[0] not in self._returned:
            heapq.heappop(heap)
        return heap[0]

    def _look_ahead(self) -> None:
        """Look at the fresh tasks that come within a few of the first one."""
        ahead, here = self._ahead, self._stream.here
        end = next(iter(ahead), inf) + LOOK_AHEAD
        while self._next < end:
            index = here.first_not_in(self.stored, self._next)
            if index is None:
                self._next = max(self._next, here.end)
                return
            if index >= end:
                self._next = index
                return
            self._next = index + 1
            if index not in self.in_flight and index not in self._returned:
                ahead[index] = self._stream.frames_of(index)
                end = min(end, index + LOOK_AHEAD)

    # ── chunks come and go ───────────────────────────────────────────────────────────────────────────────────────

    def chunk_came(self, index: int, frames_before: int) -> None:
        """Queue the task of a chunk that has come; if it is stored, count its frames instead, of which `frames_before`
        are counted already."""
        if index in self.stored:
            self.stored_frames += self._stream.frames_of(index) - frames_before
        elif index not in self.in_flight:
            self.count += 1
            if index in self._troubled:
                self._return(index)
            elif index < self._next:
                self._came_late(index)
        self._on_change()

    def _came_late(self, index: int) -> None:
        """Place a fresh task whose chunk came after later ones had been looked at."""
        first = next(iter(self._ahead), None)
        if first is not None and index >= first + LOOK_AHEAD:
            self._next = index  # too far ahead to be looked at yet: `_next` had gone on to a later one that was here
        elif first is not None and first < index:
            self._ahead[index] = self._stream.frames_of(index)
            self._ahead = dict(sorted(self._ahead.items()))
        else:
            self._return(index)

    def chunk_went(self, index: int, frames_lost: int = 0) -> None:
        """Take the task of a chunk that is gone out of the queue; if it is stored, count `frames_lost` frames less."""
        if index in self.stored:
            self.stored_frames -= frames_lost
        elif index not in self.in_flight:
            self._leave_queue(index)
        self._on_change()

    def chunks_went(self) -> None:
        """No chunk is here any more. What is stored stays stored; its frames are counted again as chunks come again."""
        self.stored_frames = 0
        self._look_anew()

    # ── tasks move ───────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, record: LeaseRecord, now: float) -> None:
        """A task goes into flight, or gets one more lease."""
        index, lease = record.index, record.lease
        flight = self.in_flight.get(index)
        if flight is None:
            self._leave_queue(index)
            self.in_flight[index] = InFlight(now, {lease: record})
        else:
            flight.leases[lease] = record
            self._set_state(flight, TaskState.ASSIGNED)
        self._on_progress()

    def begin_passing(self, index: int, now: float) -> None:
        """A queued chunk is passed on without a lease: only the aggregator's word is awaited."""
        self._leave_queue(index)
        flight = self.in_flight[index] = InFlight(now, {}, delivered_at=now)
        self._set_state(flight, TaskState.DELIVERED)
        self._on_progress()

    def advance(self, record: LeaseRecord, now: float) -> None:
        """A worker says that it has got on with a lease."""
        record.progress_at = now
        self._on_progress()

    def end_lease(self, record: LeaseRecord, now: float, *, delivered: bool) -> bool:
        """A lease is over: with the last one the task is DELIVERED, or goes back to the front of the queue. Return
        False where it was over already."""
        flight = self.in_flight.get(record.index)
        if flight is None or flight.leases.pop(record.lease, None) is None:
            return False
        if not flight.leases and not delivered:
            self.put_back(record.index)
        elif not flight.leases:
            self._set_state(flight, changed(TASK_TRANSITIONS, flight.state, TaskState.DELIVERED))
            flight.delivered_at = now
        self._on_progress()
        return True

    def put_back(self, index: int) -> None:
        """A task in flight goes back to the front of the queue."""
        if self._land(index) is None:
            return
        if index in self._stream.here and index not in self.stored:
            self.count += 1
            self._return(index)
        self._on_change()

    def put_first(self, index: int) -> None:
        """Put a task that is in trouble before the fresh ones, if it is queued."""
        if self.state_of(index) is TaskState.QUEUED and index not in self._returned:
            self._ahead.pop(index, None)
            self._return(index)

    def store(self, index: int) -> InFlight | None:
        """Note that a task is stored now; return its flight, if it had one."""
        flight = self._land(index)
        if flight is None and index in self._stream.here:
            self._leave_queue(index)
        self.stored.add(index)
        self.stored_frames += self._stream.frames_of(index)
        if flight is None:
            self._on_change()
        else:
            self._on_progress()
        return flight

    def hold(self, stored: Bitmap) -> list[LeaseRecord]:
        """Take the aggregator's word on what is stored; return leases that have become pointless."""
        self.stored = stored
        self.stored_frames = self._stream.frames_among(stored)
        pointless: list[LeaseRecord] = []
        for index, flight in list(self.in_flight.items()):
            if index in stored:
                pointless += flight.leases.values()
                self._land(index)
            elif flight.state is TaskState.DELIVERED:
                self._land(index)
                self._returned.add(index)
        self._look_anew()  # what was thought stored may not be: this costs one pass
        return pointless

    def forget_results(self) -> None:
        """Nothing is stored any more."""
        self.stored, self.stored_frames = Bitmap(), 0
        self._look_anew()

    def _look_anew(self) -> None:
        self._next = 0
        self._ahead.clear()
        first = (*self._returned, *self._troubled)
        self._returned = {one for one in first if self.state_of(one) is TaskState.QUEUED}
        self._returned_heap = sorted(self._returned)
        self.count = self._count()
        self._on_change()

    def _set_state(self, flight: InFlight, state: TaskState) -> None:
        """The only writer of a flight's state after its beginning."""
        self.delivered_count += (state is TaskState.DELIVERED) - (flight.state is TaskState.DELIVERED)
        flight.state = state

    def _land(self, index: int) -> InFlight | None:
        """A task is in flight no more; return its flight, if it had one."""
        flight = self.in_flight.pop(index, None)
        if self.delivered_count and flight is not None and flight.state is TaskState.DELIVERED:
            self.delivered_count -= 1
        return flight

    def _count(self) -> int:
        flying = sum(index in self._stream.here and index not in self.stored for index in self.in_flight)
        return self._stream.here.count_not_in(self.stored) - flying

    def _leave_queue(self, index: int) -> None:
        """Take a task out of the queue. The caller knows that it is queued: its chunk is here, and it is neither stored
        nor in flight."""
        self.count -= 1
        if index in self._returned:
            self._returned.discard(index)
        else:
            self._ahead.pop(index, None)  # a fresh one; it may have been looked at

    def _return(self, index: int) -> None:
        self._returned.add(index)
        heapq.heappush(self._returned_heap, index)

    # ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────

    def undelivered(self, limit_s: float, now: float) -> list[int]:
        """Return the tasks that were delivered more than `limit_s` ago and are not known to be stored."""
        return [
            index
            for index, flight in self.in_flight.items()
            if flight.state is TaskState.DELIVERED and now - flight.delivered_at > limit_s
        ]

    def await_deliveries(self, now: float) -> None:
        """Wait for the aggregator's word on what was delivered as long as if it had been delivered now."""
        for flight in self.in_flight.values():
            flight.delivered_at = now

    def live_frames(self) -> int:
        """Return the frames done of tasks in flight. A frame counts when the last of its filters is done.

        A delivered task counts whole: its worker may say so before its aggregator does, and what a person sees
        should not go back in between.
        """
        done = 0
        for index, flight in self.in_flight.items():
            most = 0 if flight.leases else self._stream.frames_of(index)
            for record in flight.leases.values():
                if record.part.is_last and record.frames > most:
                    most = record.frames
            done += most
        return done

    def validate(self) -> None:
        """Raise AssertionError where a task has two states, or a queued one cannot be found."""
        here = self._stream.here
        queued = {index for index in here if index not in self.stored and index not in self.in_flight}
        ahead = list(self._ahead)
        assert self.count == len(queued), (self.count, queued)
        assert set(ahead) | self._returned <= queued, (ahead, self._returned, queued)
        assert not set(ahead) & self._returned, (ahead, self._returned)
        assert ahead == sorted(set(ahead)), ahead
        assert self._returned >= {index for index in self._troubled if index in queued}, (self._returned, queued)
        assert queued <= set(ahead) | self._returned | {one for one in queued if one >= self._next}
        assert self.stored_frames == self._stream.frames_among(self.stored)
        delivered = [flight for flight in self.in_flight.values() if flight.state is TaskState.DELIVERED]
        assert self.delivered_count == len(delivered), (self.delivered_count, delivered)
        for index, flight in self.in_flight.items():
            assert index not in self.stored, f"{index} is in flight and stored"
            assert bool(flight.leases) == (flight.state is TaskState.ASSIGNED), (index, flight)
