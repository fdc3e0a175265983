"""A job, its tracks, and the tasks of a track.

A track keeps the next index, a heap of returned indexes and a bitmap of stored ones; only tasks in flight are objects.
So a job of 100 000 chunks costs two bitmaps until its tasks move.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any, Final

from middleware.states import FINAL, JOB_TRANSITIONS, TASK_TRANSITIONS, JobState, TaskState
from wire.bitmap import Bitmap
from wire.schema import Lease
from wire.transitions import changed

MAX_LATENCIES: Final = 100_000
"""Hand-out-to-stored times kept a track: 400 KB; percentiles of longer jobs are over the first so many chunks."""

MAX_CANDIDATES: Final = 16
"""Returned tasks looked at for one free worker; more of them than this that it may not get are a sick worker."""

Needs = frozenset[str]
"""What a worker must offer: the filters of the chain, and `kind:` with the kind of material."""


@dataclass(slots=True, eq=False)
class LeaseRecord:
    """A worker's right to a task."""

    lease: Lease
    worker: str
    job: str
    track: int
    index: int
    mode: str
    handed_out_at: float
    progress_at: float
    phase: str = "waiting"
    frames: int = 0
    steps: int = 0
    revoked: bool = False  # it holds credit until the worker answers, and nothing else


@dataclass(slots=True, eq=False)
class Flight:
    """A task in flight: ASSIGNED while a lease is alive, then DELIVERED until the aggregator's word."""

    state: TaskState
    first_handed_out_at: float
    leases: dict[Lease, LeaseRecord] = field(default_factory=dict)


@dataclass(slots=True)
class Trouble:
    """What went wrong with one task so far."""

    failures: list[dict[str, Any]] = field(default_factory=list)  # attributed ones: worker, cause
    losses: int = 0

    @property
    def failed_on(self) -> set[str]:
        return {failure["worker"] for failure in self.failures}


class Track:
    """What one output, or one passthrough stream, brings to the aggregator.

    Args:
        number: the track's number within the job.
        stream: the source stream its chunks are of.
        needs: empty for a passthrough track.
    """

    def __init__(self, number: int, stream: int, needs: Needs) -> None:
        self.number, self.stream, self.needs = number, stream, needs
        self.stored = Bitmap()
        self.stored_frames = 0
        self.flights: dict[int, Flight] = {}
        self.troubles: dict[int, Trouble] = {}
        self.fallback_frames = self.lost_frames = self.damaged_frames = 0
        self.retries = self.duplicates = 0
        self.refused_fingerprints: set[str] = set()
        self.latencies_ms: list[float] = []
        self.task_seconds = 0.0  # sum over stored tasks, for their mean
        self._next = 0
        self._returned: list[int] = []

    @property
    def is_passthrough(self) -> bool:
        return not self.needs

    def state_of(self, index: int, have: Bitmap) -> TaskState:
        """The one state of a task."""
        if index in self.stored:
            return TaskState.STORED
        if index in self.flights:
            return self.flights[index].state
        return TaskState.QUEUED if index in have else TaskState.ABSENT

    def queued_count(self, have: Bitmap) -> int:
        """How many tasks are queued."""
        here, stored = (int.from_bytes(bits.to_wire(), "little") for bits in (have, self.stored))
        return (here & ~stored).bit_count() - sum(index in have for index in self.flights)

    def queued(self, have: Bitmap) -> int | None:
        """The index to hand out next; None when nothing is queued. Returned tasks come first, the lowest first."""
        while self._returned:
            if self.state_of(self._returned[0], have) is TaskState.QUEUED:
                return self._returned[0]
            heapq.heappop(self._returned)
        return self._fresh(have)

    def _fresh(self, have: Bitmap) -> int | None:
        while self._next < have.end:
            if self.state_of(self._next, have) is TaskState.QUEUED:
                return self._next
            self._next += 1  # a chunk that is absent comes back by `chunk_came`
        return None

    def candidates(self, have: Bitmap) -> list[int]:
        """What may be handed out now: the first is `queued`, further ones are for workers that may not get that one
        (it failed on them before)."""
        first = self.queued(have)
        if first is None or not self._returned:
            return [] if first is None else [first]
        returned = heapq.nsmallest(MAX_CANDIDATES, set(self._returned))
        fresh = self._fresh(have)
        queued = [index for index in returned if self.state_of(index, have) is TaskState.QUEUED]
        return queued if fresh is None or fresh in queued else [*queued, fresh]

    def assign(self, record: LeaseRecord, have: Bitmap, now: float) -> None:
        """A lease on a task, queued or in flight already, begins."""
        index = record.index
        flight = self.flights.get(index)
        if flight is None:
            changed(TASK_TRANSITIONS, self.state_of(index, have), TaskState.ASSIGNED)
            flight = self.flights[index] = Flight(TaskState.ASSIGNED, now)
        flight.leases[record.lease] = record
        flight.state = TaskState.ASSIGNED

    def begin_passing(self, index: int, now: float) -> None:
        """A passthrough chunk has been sent to the aggregator."""
        self.flights[index] = Flight(TaskState.DELIVERED, now)

    def end_lease(self, record: LeaseRecord, *, delivered: bool) -> None:
        """A lease is over: with the last one the task is DELIVERED, or goes back to the front of the queue."""
        flight = self.flights.get(record.index)
        if flight is None or flight.leases.pop(record.lease, None) is None or flight.leases:
            return
        if delivered:
            flight.state = changed(TASK_TRANSITIONS, flight.state, TaskState.DELIVERED)
        else:
            self.put_back(record.index)

    def put_back(self, index: int) -> None:
        """A task goes back to the front of the queue."""
        self.flights.pop(index, None)
        heapq.heappush(self._returned, index)
        self._next += index == self._next

    def chunk_came(self, index: int) -> None:
        """A chunk arrived. If the pointer has passed its index, it was missing before."""
        if index < self._next:
            heapq.heappush(self._returned, index)

    def store(self, index: int, frames: int, now: float) -> Flight | None:
        """A task is stored; returns its flight, if it had one. Nothing changes when it was stored already."""
        if not self.stored.add(index):
            return None
        self.stored_frames += frames
        flight = self.flights.pop(index, None)
        if flight is not None:
            seconds = now - flight.first_handed_out_at
            self.task_seconds += seconds
            if len(self.latencies_ms) < MAX_LATENCIES:
                self.latencies_ms.append(seconds * 1000)
        return flight

    def live_frames(self) -> int:
        """Frames done of tasks in flight."""
        return sum(
            max((record.frames for record in flight.leases.values()), default=0) for flight in self.flights.values()
        )

    def hold(self, stored: Bitmap, frame_counts: dict[int, int]) -> list[LeaseRecord]:
        """The aggregator's word on what is stored, after a reconnection. Returns leases that have become pointless."""
        self.stored = stored
        self.stored_frames = sum(frame_counts.get(index, 0) for index in stored)
        pointless: list[LeaseRecord] = []
        for index, flight in list(self.flights.items()):
            if index in stored:
                pointless += flight.leases.values()
                del self.flights[index]
            elif flight.state is TaskState.DELIVERED:
                self.put_back(index)
        self._next = 0  # what was thought stored may not be: look at everything again, which costs one pass
        return pointless


class Job:
    """One source submitted once. `record` and `fixed` are what the ledger keeps of it."""

    def __init__(self, job: str, fixed: dict[str, Any]) -> None:
        self.id = job
        self.fixed = fixed
        self.key: str = fixed["key"]
        self.name: str = fixed["source"].get("name", "")
        self.priority: int = fixed["priority"]
        self.submitted_unix_s: float = fixed["submitted_unix_s"]
        self.state = JobState.PENDING
        self.code = self.reason = ""
        self.session = ""  # of the client that sent it last
        self.client: int | None = None  # the peer attached now
        self.accepted = 0  # chunks accepted over this attachment
        self.owner = ""  # store id
        self.owner_name = ""
        self.owner_epoch = 0
        self.holdings_known = False
        self.finish_sent = False
        self.chunk_counts: list[int] | None = None
        self.seconds = 0.0
        self.outputs_summary: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.addresses: list[dict[str, Any]] = []
        self.benched: dict[str, int] = {}  # worker name → tasks of this job it failed
        self.no_room_until = 0.0  # its aggregator has none: nothing more is computed for it before this time
        self.no_room_reason = ""
        self.moved_at: float | None = None  # when its upload went on, or a task of it was stored
        self.edited_as = ""  # the job in which its source, edited since, was submitted anew
        self.final: dict[str, Any] = {}  # once it is final: the progress it had made
        self.failures: list[dict[str, Any]] = []  # … and the failures told
        self.told_room_bytes = 0
        source = fixed["source"]
        self.kind = str(source.get("kind", ""))
        self.worker_source = {"kind": self.kind, **source.get("process", {})}
        self._clear()

    def _clear(self) -> None:
        """Knows of no chunk and of no task."""
        stream_count = self._clear_chunks()
        self.tracks = [
            Track(number, 0, frozenset([f"kind:{self.kind}", *(step["name"] for step in output["chain"])]))
            for number, output in enumerate(self.fixed["outputs"])
        ]
        self.tracks += [Track(len(self.tracks) + stream - 1, stream, frozenset()) for stream in range(1, stream_count)]

    def set_state(self, state: JobState, code: str = "", reason: str = "") -> bool:
        """Returns whether anything changed."""
        before = (self.state, self.code, self.reason)
        self.state = changed(JOB_TRANSITIONS, self.state, state)
        self.code, self.reason = code, reason
        return before != (self.state, code, reason)

    def _clear_chunks(self) -> int:
        """Knows of no chunk; returns how many streams there are."""
        stream_count = int(self.fixed["source"].get("stream_count", 1))
        self.have = [Bitmap() for _ in range(stream_count)]
        self.freed = [Bitmap() for _ in range(stream_count)]  # were here, are stored everywhere, were given up for room
        self.frame_counts: list[dict[int, int]] = [{} for _ in range(stream_count)]
        self.checksums: list[dict[int, int]] = [{} for _ in range(stream_count)]
        self.sizes: list[dict[int, int]] = [{} for _ in range(stream_count)]
        self.spooled_bytes = 0
        return stream_count

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def settle(self, progress: dict[str, Any], failures: list[dict[str, Any]]) -> None:
        """It is final: what it came to is kept, and the memory of its chunks and tasks given back."""
        self.final, self.failures = progress, failures
        self._clear()

    def begin_again(self) -> None:
        """A person's retry: only what was asked for, its owner and how many chunks there are, is as before."""
        self.set_state(JobState.PENDING, "retried", "it begins again")
        self._clear()
        self.final, self.failures = {}, []
        self.outputs_summary, self.files, self.addresses = [], [], []
        self.seconds = self.no_room_until = 0.0
        self.benched = {}
        self.holdings_known = self.finish_sent = False

    def forget_chunks(self) -> None:
        """Its upload has stopped: nothing that came of it is kept. What is stored stays stored."""
        self._clear_chunks()
        for track in self.tracks:
            track.stored_frames = 0  # counted again as the chunks come again

    def add_chunk(self, stream: int, index: int, frame_count: int, size: int, xxh3: int) -> None:
        is_known = index in self.frame_counts[stream]
        self.have[stream].add(index)
        self.frame_counts[stream][index] = frame_count
        self.checksums[stream][index] = xxh3
        self.sizes[stream][index] = size
        self.spooled_bytes += size
        for track in self.tracks:
            if track.stream == stream:
                track.chunk_came(index)
                if index in track.stored and not is_known:
                    track.stored_frames += frame_count

    def remove_chunk(self, stream: int, index: int) -> None:
        """Undoes `add_chunk`: it could not be kept."""
        self.have[stream].discard(index)
        self.spooled_bytes -= self.sizes[stream].pop(index)
        del self.frame_counts[stream][index], self.checksums[stream][index]

    @property
    def frames_sent(self) -> int:
        return sum(self.frame_counts[0].values())

    def tasks_total(self, track: Track) -> int | None:
        return None if self.chunk_counts is None else self.chunk_counts[track.stream]

    @property
    def all_sent(self) -> bool:
        counts = self.chunk_counts
        return counts is not None and all(
            len(have) + len(freed) == count for have, freed, count in zip(self.have, self.freed, counts, strict=True)
        )

    def received(self, stream: int) -> Bitmap:
        """The chunks that a client need not send."""
        both = Bitmap(self.have[stream].to_wire())
        for index in self.freed[stream]:
            both.add(index)
        return both

    def free_stored(self, limit_bytes: int) -> list[tuple[int, int]]:
        """Gives up chunks that are stored on all their tracks, about `limit_bytes` of them; returns (stream, index)."""
        freed: list[tuple[int, int]] = []
        for stream, have in enumerate(self.have):
            tracks = [track for track in self.tracks if track.stream == stream]
            for index in list(have):
                if limit_bytes <= 0:
                    return freed
                if all(index in track.stored for track in tracks):
                    limit_bytes -= self.give_up(stream, index)
                    freed.append((stream, index))
        return freed

    def give_up(self, stream: int, index: int) -> int:
        """Lets a chunk go whose tasks are stored; returns its size."""
        self.have[stream].discard(index)
        self.freed[stream].add(index)
        size = self.sizes[stream].pop(index)
        self.spooled_bytes -= size
        return size

    def miss_freed(self) -> bool:
        """After the owner's word on its holdings: chunks given up that must be redone are needed again."""
        missed = False
        for stream, freed in enumerate(self.freed):
            tracks = [track for track in self.tracks if track.stream == stream]
            for index in list(freed):
                if not all(index in track.stored for track in tracks):
                    missed = freed.discard(index)
        return missed

    @property
    def all_stored(self) -> bool:
        return self.chunk_counts is not None and all(
            track.stored.count == self.chunk_counts[track.stream] for track in self.tracks
        )

    def record(self) -> dict[str, Any]:
        """What changes of a job, for the ledger."""
        return {
            "state": self.state.value,
            "code": self.code,
            "reason": self.reason,
            "session": self.session,
            "owner": self.owner,
            "owner_name": self.owner_name,
            "owner_epoch": self.owner_epoch,
            "chunk_counts": self.chunk_counts,
            "seconds": self.seconds,
            "outputs_summary": self.outputs_summary,
            "files": self.files,
            "addresses": self.addresses,
            "edited_as": self.edited_as,
            "final": self.final,
            "failures": self.failures,
        }

    def restore(self, record: dict[str, Any]) -> None:
        """The reverse of `record`, after a restart. A job that was running is pending until its workers are back."""
        state = JobState(record["state"])
        self.state = JobState.PENDING if state is JobState.RUNNING else state
        for name in ("code", "reason", "session", "owner", "owner_name", "owner_epoch", "chunk_counts", "seconds"):
            setattr(self, name, record[name])
        for name in ("outputs_summary", "files", "addresses"):
            setattr(self, name, record[name])
        self.edited_as = record.get("edited_as", "")
        self.final, self.failures = record.get("final", {}), record.get("failures", [])
