"""The workers: who is there, what each can do, who has credit, and whose turn it is."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from middleware.chains import Needs
from middleware.states import WORKER_TRANSITIONS, WorkerState
from middleware.tracks import LeaseRecord
from wire.messages import Hello, WorkerDetails
from wire.schema import Lease
from wire.tokens import for_store
from wire.transitions import changed

T = TypeVar("T")

MAX_LOST_WORKERS: Final = 1000
"""Workers remembered after they left, the longest gone forgotten first: names of a fleet that scales up and down."""

SPEED_WINDOW_S: Final = 5.0
"""Frames per second of a worker are smoothed over about so long."""


@dataclass(slots=True, eq=False)
class WorkerRecord:
    """All that is known of a worker; kept over its sessions, by name."""

    name: str
    session: str
    peer: int
    host: str
    details: WorkerDetails
    offers: Needs
    heard_at: float
    token: str = field(default="", repr=False)
    state: WorkerState = WorkerState.READY
    held: dict[Lease, LeaseRecord] = field(default_factory=dict)
    chunks: int = 0
    frames: int = 0
    failures: int = 0
    losses: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    frames_per_s: float = 0.0
    live_frames: int = 0
    measured_at: float = 0.0
    _shown: dict[str, str] = field(default_factory=dict, repr=False)  # by store, see `shown_to`

    def shown_to(self, store: str) -> str:
        """Return the token by which a store knows this worker; "" of one that has none."""
        if self.token and store not in self._shown:
            self._shown[store] = for_store(self.token, store)
        return self._shown.get(store, "")

    @property
    def is_computing(self) -> bool:
        """Or has something to compute; not, if all it has is on its way to a store."""
        return any(record.phase != "delivering" for record in self.held.values())

    def measure(self, now: float) -> None:
        """Updates frames/s from the frames done up to now."""
        total = self.frames + sum(record.frames for record in self.held.values())
        span = now - self.measured_at
        if span <= 0:
            return
        speed = max(0, total - self.live_frames) / span
        weight = min(1.0, span / SPEED_WINDOW_S)
        self.frames_per_s += weight * (speed - self.frames_per_s)
        self.live_frames, self.measured_at = total, now

    def facts(self, now: float) -> dict[str, Any]:
        """For the records that watchers get."""
        return {
            "filters": [schema.get("name", "") for schema in self.details.filters],
            "kinds": self.details.kinds,
            "slots": self.details.slots,
            "host": self.details.host,
            "process_id": self.details.process_id,
            "chunks": self.chunks,
            "frames": self.frames + sum(record.frames for record in self.held.values()),
            "frames_per_s": self.frames_per_s,
            "in_flight": len(self.held),
            "failures": self.failures,
            "losses": self.losses,
            "cpu_percent": self.cpu_percent,
            "memory_bytes": self.memory_bytes,
            "heard_s": max(0.0, now - self.heard_at),
            "tasks": [
                {"job": r.job, "track": r.track, "index": r.index, "phase": r.phase, "frames": r.frames}
                for r in self.held.values()
            ],
        }


class Fleet:
    """Workers by name, and a ring of those with credit for each set of capabilities.

    Args:
        credit: tasks a worker may hold: one in work and one waiting, so that it never idles.
    """

    def __init__(self, credit: int) -> None:
        self.credit = credit
        self.by_name: OrderedDict[str, WorkerRecord] = OrderedDict()
        self._rings: dict[Needs, OrderedDict[str, int]] = {}  # offers → names with credit → when they had a turn last
        self._turn = 0
        self._held: set[Lease] = set()  # by connected workers
        self._offered: Counter[Needs] = Counter()  # what connected workers offer → how many of them do
        self._builds: Counter[str] = Counter()  # their fingerprints → how many have them

    def connected(self) -> Iterator[WorkerRecord]:
        return (worker for worker in self.by_name.values() if worker.state is not WorkerState.LOST)

    def join(self, peer: int, hello: Hello, details: WorkerDetails, host: str, now: float) -> WorkerRecord:
        """A worker is there (again, perhaps). It must have been `lose`d before if it was there already."""
        names = [str(schema.get("name", "")) for schema in details.filters]
        offers = frozenset([*names, *(f"kind:{kind}" for kind in details.kinds)])
        old = self.by_name.pop(hello.name, None)
        worker = WorkerRecord(hello.name, hello.session, peer, host, details, offers, now, hello.token, measured_at=now)
        if old is not None:
            worker.chunks, worker.frames, worker.failures, worker.losses = (
                old.chunks,
                old.frames,
                old.failures,
                old.losses,
            )
            worker.live_frames = worker.frames
        self.by_name[hello.name] = worker
        self._offered[offers] += 1
        self._builds[details.fingerprint] += 1
        self._enter_ring(worker)
        return worker

    def lose(self, worker: WorkerRecord) -> list[LeaseRecord]:
        """A worker is gone; returns the leases that ended with it."""
        self._leave_ring(worker)
        worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.LOST)
        _uncount(self._offered, worker.offers)
        _uncount(self._builds, worker.details.fingerprint)
        self._held -= worker.held.keys()
        ended, worker.held = list(worker.held.values()), {}
        worker.frames_per_s = 0.0
        lost = [one.name for one in self.by_name.values() if one.state is WorkerState.LOST]
        for name in lost[: max(0, len(lost) - MAX_LOST_WORKERS)]:
            del self.by_name[name]
        return ended

    def drain(self, worker: WorkerRecord) -> None:
        """A worker wants no more tasks."""
        if worker.state is not WorkerState.DRAINING:
            self._leave_ring(worker)
            worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.DRAINING)

    def lend(self, worker: WorkerRecord, record: LeaseRecord) -> None:
        """A worker gets a lease: its turn is over."""
        worker.held[record.lease] = record
        self._held.add(record.lease)
        self._turn += 1
        if worker.state is WorkerState.READY:
            ring = self._rings[worker.offers]
            ring[worker.name] = self._turn
            ring.move_to_end(worker.name)
            if len(worker.held) >= self.credit:
                self._leave_ring(worker)
                worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.FULL)

    def give_back(self, worker: WorkerRecord, lease: Lease) -> LeaseRecord | None:
        """A lease's credit returns; None for a lease the worker does not hold."""
        record = worker.held.pop(lease, None)
        if record is not None:
            self._held.discard(lease)
        if record is not None and worker.state is WorkerState.FULL and len(worker.held) < self.credit:
            worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.READY)
            self._enter_ring(worker)
        return record

    def pick(self, needs: Needs, unwanted: Set[str], refused: Set[str]) -> WorkerRecord | None:
        """The able worker with credit whose last turn is the longest ago.

        Args:
            unwanted: names of workers that must not get it.
            refused: fingerprints whose results the aggregator would not take.
        """
        best: WorkerRecord | None = None
        best_turn = 0
        for offers, ring in self._rings.items():
            if not needs <= offers:
                continue
            for name, turn in ring.items():
                worker = self.by_name[name]
                if name in unwanted or worker.details.fingerprint in refused:
                    continue
                if best is None or turn < best_turn:
                    best, best_turn = worker, turn
                break  # the ring is in order of turns
        return best

    def is_held(self, lease: Lease) -> bool:
        """Return whether some connected worker holds a lease."""
        return lease in self._held

    def commonest_build(self, needs: Needs, refused: Set[str]) -> str:
        """Return the fingerprint that most of those have who offer all of `needs`, of the first of equals; "" without
        any."""
        builds = Counter(worker.details.fingerprint for worker in self.able(needs, refused))
        return max(builds, key=lambda build: builds[build], default="")

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of connected workers."""
        return frozenset(self._builds)

    @property
    def has_credit(self) -> bool:
        """Whether some worker may get a task."""
        return bool(self._rings)

    def can(self, needs: Needs) -> bool:
        """Whether some connected worker offers all of `needs`."""
        return any(needs <= offers for offers in self._offered)

    def count_able(self, needs: Needs) -> int:
        """How many connected workers offer all of `needs`."""
        return sum(count for offers, count in self._offered.items() if needs <= offers)

    def able(self, needs: Needs, refused: Set[str] = frozenset()) -> list[WorkerRecord]:
        """Connected workers that offer all of `needs`, with credit or without; but for those whose fingerprint is
        refused."""
        return [one for one in self.connected() if needs <= one.offers and one.details.fingerprint not in refused]

    def _enter_ring(self, worker: WorkerRecord) -> None:
        ring = self._rings.setdefault(worker.offers, OrderedDict())
        ring[worker.name] = self._turn
        # Turn numbers only grow, so appending keeps the ring in order.

    def _leave_ring(self, worker: WorkerRecord) -> None:
        ring = self._rings.get(worker.offers)
        if ring is not None:
            ring.pop(worker.name, None)
            if not ring:
                del self._rings[worker.offers]

    def validate(self) -> None:
        """Checks that rings, states and credit agree."""
        for worker in self.by_name.values():
            in_ring = worker.name in self._rings.get(worker.offers, {})
            assert in_ring == (worker.state is WorkerState.READY), f"{worker.name}: {worker.state}, in ring: {in_ring}"
            assert (worker.state is WorkerState.FULL) <= (len(worker.held) >= self.credit), worker.name
            assert (worker.state is WorkerState.READY) <= (len(worker.held) < self.credit), worker.name
            assert worker.state is not WorkerState.LOST or not worker.held, worker.name
        held = [lease for worker in self.by_name.values() for lease in worker.held]
        assert len(held) == len(set(held)), f"a lease is held twice: {held}"
        assert self._held == set(held), self._held ^ set(held)
        assert self._offered == Counter(one.offers for one in self.connected()), self._offered
        assert self._builds == Counter(one.details.fingerprint for one in self.connected()), self._builds
        assert all(name in self.by_name for ring in self._rings.values() for name in ring)


def _uncount(counted: Counter[T], key: T) -> None:
    """One less; what there is none of is forgotten."""
    counted[key] -= 1
    if not counted[key]:
        del counted[key]
