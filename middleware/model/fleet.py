"""The workers: who is there, what each can do, who has credit, and whose turn it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Final

from moviola.base.labels import MAX_LABEL
from moviola.base.texts import MAX_NAME
from moviola.base.vocabulary import LeasePhase
from moviola.base.worker_facts import HeldTask, WorkerFacts
from moviola.wire.messages import Hello, WorkerDetails
from moviola.wire.schema import Lease
from moviola.wire.shortened import shortened
from moviola.wire.tokens import for_store
from moviola.wire.transitions import changed

from .chain import Needs
from .smoothed_rate import SmoothedRate
from .states import WORKER_TRANSITIONS, WorkerState
from .task_queue import LeaseRecord

MAX_LOST_WORKERS: Final = 1000
"""Workers remembered after they left, the longest gone forgotten first: names of a fleet that scales up and down."""


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
    withheld: dict[str, str]  # filters that it has and is not given, with the label that each asks for
    token: str = field(default="", repr=False)
    state: WorkerState = WorkerState.READY
    held: dict[Lease, LeaseRecord] = field(default_factory=dict)
    chunks: int = 0
    frames: int = 0  # done by it, of tasks in work as well
    rate: SmoothedRate = field(default_factory=SmoothedRate)  # … of these
    failures: int = 0
    losses: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    turn: int = 0  # when it came into its group's line
    is_drained: bool = False  # it left after a drain, with nothing in its hands
    drain_wish: bool | None = None  # what it was told last, until it has heard that; None: nothing
    drains_told: int = 0  # Drains that were sent to it over this connection
    group: Group | None = field(default=None, repr=False)  # while it may get tasks
    line: OrderedDict[str, WorkerRecord] | None = field(default=None, repr=False)  # of its group, while it has credit
    _shown: dict[str, str] = field(default_factory=dict, repr=False)  # by store, see `shown_to`

    def shown_to(self, store: str) -> str:
        """Return the token by which a store knows this worker; "" of one that has none."""
        shown = self._shown.get(store)
        if shown is None:
            shown = self._shown[store] = for_store(self.token, store) if self.token else ""
        return shown

    @property
    def is_computing(self) -> bool:
        """Return True if it holds a task that waits or is being computed; results on their way to a store do not
        count."""
        for record in self.held.values():  # noqa: SIM110 - asked for each task: a generator costs three times as much
            if record.phase != LeasePhase.DELIVERING:
                return True
        return False

    def facts(self, now: float) -> WorkerFacts:
        """Return what watchers are told of it."""
        return WorkerFacts(
            filters=[shortened(name, MAX_NAME) for name in names_of(self.details) if name in self.offers],
            kinds=self.details.kinds,
            slots=self.details.slots,
            host=self.details.host,
            process_id=self.details.process_id,
            chunks=self.chunks,
            frames=self.frames,
            frames_per_s=0.0 if self.state is WorkerState.LOST else self.rate.per_s(now),
            in_flight=len(self.held),
            failures=self.failures,
            losses=self.losses,
            cpu_percent=self.cpu_percent,
            memory_bytes=self.memory_bytes,
            heard_s=max(0.0, now - self.heard_at),
            tasks=[HeldTask(r.job, r.track, r.index, r.phase, r.frames) for r in self.held.values()],
            drained=self.is_drained,
            labels=self.details.labels,
        )


class Group:
    """Connected workers that offer the same and have the same build: whoever can serve a track, all of them can. One
    that drains belongs to none, so that nothing waits for it.

    `idle` and `busy` are those with credit, by name, the one whose last turn is the longest ago first: without and with
    something to compute.
    """

    def __init__(self, offers: Needs, build: str) -> None:
        self.offers, self.build = offers, build
        self.members: dict[str, WorkerRecord] = {}
        self.idle: OrderedDict[str, WorkerRecord] = OrderedDict()
        self.busy: OrderedDict[str, WorkerRecord] = OrderedDict()


class Fleet:
    """Workers by name, and those of them that are connected in groups.

    Args:
        credit: tasks a worker may hold: one in work and one waiting, so that it never idles.
    """

    def __init__(self, credit: int) -> None:
        self.credit = credit
        self.by_name: OrderedDict[str, WorkerRecord] = OrderedDict()
        self.groups: dict[tuple[Needs, str], Group] = {}
        self.version = 0  # one more whenever a group comes or goes
        self.size = 0  # workers in groups
        self.ready_count = 0  # … with credit
        self._turn = 0
        self._lost: OrderedDict[str, None] = OrderedDict()  # the longest gone first
        self._held: set[Lease] = set()  # by connected workers
        self._able: dict[Needs, list[Group]] = {}  # of this version

    def connected(self) -> Iterator[WorkerRecord]:
        """Yield all connected workers."""
        return (worker for worker in self.by_name.values() if worker.state is not WorkerState.LOST)

    def lost(self) -> Iterator[WorkerRecord]:
        """Yield those that have left, the last one first."""
        return (self.by_name[name] for name in reversed(self._lost))

    def join(self, peer: int, hello: Hello, details: WorkerDetails, host: str, now: float) -> WorkerRecord:
        """Add a worker that has connected, perhaps again, and return its record. If an earlier session of it was still
        connected, `lose` must have been called for that."""
        withheld = _withheld(details)
        given = [name for name in names_of(details) if name not in withheld]
        offers = frozenset([*given, *(f"kind:{kind}" for kind in details.kinds)])
        old = self.by_name.pop(hello.name, None)
        self._lost.pop(hello.name, None)
        worker = WorkerRecord(hello.name, hello.session, peer, host, details, offers, now, withheld, hello.token)
        if old is not None:
            worker.chunks, worker.frames, worker.failures, worker.losses = (
                old.chunks,
                old.frames,
                old.failures,
                old.losses,
            )
        self.by_name[hello.name] = worker
        if details.draining:
            worker.state = WorkerState.DRAINING
        else:
            self._enter_group(worker)
        return worker

    def lose(self, worker: WorkerRecord) -> list[LeaseRecord]:
        """A worker is gone; returns the leases that ended with it."""
        worker.is_drained = worker.state is WorkerState.DRAINING and not worker.held
        if worker.group is not None:
            self._leave_group(worker, worker.group)
        worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.LOST)
        self._held -= worker.held.keys()
        ended, worker.held = list(worker.held.values()), {}
        self._lost[worker.name] = None
        if len(self._lost) > MAX_LOST_WORKERS:
            name, _ = self._lost.popitem(last=False)
            del self.by_name[name]
        return ended

    def drain(self, worker: WorkerRecord) -> bool:
        """Give a worker no more tasks. Return False where it drains already."""
        if worker.group is None:
            return False
        self._leave_group(worker, worker.group)
        worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.DRAINING)
        return True

    def resume(self, worker: WorkerRecord) -> bool:
        """Give a worker tasks again. Return False where it does not drain."""
        if worker.state is not WorkerState.DRAINING:
            return False
        state = WorkerState.FULL if len(worker.held) >= self.credit else WorkerState.READY
        worker.state = changed(WORKER_TRANSITIONS, worker.state, state)
        self._enter_group(worker)
        return True

    def lend(self, worker: WorkerRecord, record: LeaseRecord) -> None:
        """A worker gets a lease: its turn is over."""
        worker.held[record.lease] = record
        self._held.add(record.lease)
        if worker.line is None:
            return
        if len(worker.held) < self.credit:
            self._line_up(worker)
        else:
            self._leave_line(worker)
            worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.FULL)

    def give_back(self, worker: WorkerRecord, lease: Lease) -> LeaseRecord | None:
        """A lease's credit returns; None for a lease the worker does not hold."""
        record = worker.held.pop(lease, None)
        if record is None:
            return None
        self._held.discard(lease)
        if worker.line is not None:
            self.phase_changed(worker)
        elif worker.state is WorkerState.FULL and len(worker.held) < self.credit:
            worker.state = changed(WORKER_TRANSITIONS, worker.state, WorkerState.READY)
            self._line_up(worker)
        return record

    def phase_changed(self, worker: WorkerRecord) -> None:
        """Put a worker with credit into the other line of its group if it has begun to compute, or has nothing left to
        compute."""
        group = worker.group
        if group is None or worker.line is None:
            return
        if (worker.line is group.busy) != worker.is_computing:
            self._line_up(worker)

    # ── who can do what ──────────────────────────────────────────────────────────────────────────────────────────

    def able_groups(self, needs: Needs) -> list[Group]:
        """Return the groups of workers that offer all of `needs`."""
        found = self._able.get(needs)
        if found is None:
            found = self._able[needs] = [group for group in self.groups.values() if needs <= group.offers]
        return found

    def can(self, needs: Needs) -> bool:
        """Whether some connected worker that does not drain offers all of `needs`."""
        return bool(self.able_groups(needs))

    def able(self, needs: Needs, refused: Set[str] = frozenset()) -> Iterator[WorkerRecord]:
        """Yield workers that offer all of `needs`, with credit or without; but for those that drain, and those whose
        fingerprint is refused."""
        for group in self.able_groups(needs):
            if group.build not in refused:
                yield from group.members.values()

    def builds(self, needs: Needs) -> set[str]:
        """Return the fingerprints of those that offer all of `needs`."""
        return {group.build for group in self.able_groups(needs)}

    def commonest_build(self, needs: Needs, refused: Set[str]) -> str:
        """Return the commonest fingerprint of workers that offer all of `needs`, except those that are `refused`; the
        first of equally common ones; "" if there are none."""
        counts: dict[str, int] = {}
        for group in self.able_groups(needs):
            if group.build not in refused:
                counts[group.build] = counts.get(group.build, 0) + len(group.members)
        return max(counts, key=lambda build: counts[build], default="")

    @property
    def fingerprints(self) -> frozenset[str]:
        """Return the fingerprints of connected workers, except those that drain."""
        return frozenset(build for _, build in self.groups)

    def pick(self, needs: Needs, unwanted: Set[str], refused: Set[str], *, idle_only: bool) -> WorkerRecord | None:
        """Return a worker with credit, of those whose last turn is the longest ago; those that have nothing to compute
        come first.

        Args:
            unwanted: names of workers that must not get it.
            refused: fingerprints whose results the aggregator would not take.
            idle_only: none that has something to compute.
        """
        groups = [group for group in self.able_groups(needs) if group.build not in refused]
        found = first_in_line([group.idle for group in groups], unwanted)
        return found if found is not None or idle_only else first_in_line([group.busy for group in groups], unwanted)

    def is_held(self, lease: Lease) -> bool:
        """Return whether some connected worker holds a lease."""
        return lease in self._held

    # ── groups and lines ─────────────────────────────────────────────────────────────────────────────────────────

    def _groups_changed(self) -> None:
        self.version += 1
        self._able.clear()

    def _enter_group(self, worker: WorkerRecord) -> None:
        """Put a worker among those that may get tasks."""
        key = worker.offers, worker.details.fingerprint
        if key not in self.groups:
            self.groups[key] = Group(*key)
            self._groups_changed()
        self.size += 1
        worker.group = self.groups[key]
        worker.group.members[worker.name] = worker
        if worker.state is WorkerState.READY:
            self._line_up(worker)

    def _leave_group(self, worker: WorkerRecord, group: Group) -> None:
        self._leave_line(worker)
        self.size -= 1
        worker.group = None
        del group.members[worker.name]
        if not group.members:
            del self.groups[group.offers, group.build]
            self._groups_changed()

    def _line_up(self, worker: WorkerRecord) -> None:
        """Put a worker at the end of the line in which it belongs now."""
        group = worker.group
        assert group is not None, f"{worker.name} may get no tasks"
        if worker.line is None:
            self.ready_count += 1
        else:
            del worker.line[worker.name]
        self._turn = worker.turn = self._turn + 1
        line = worker.line = group.busy if worker.is_computing else group.idle
        line[worker.name] = worker

    def _leave_line(self, worker: WorkerRecord) -> None:
        if worker.line is not None:
            del worker.line[worker.name]
            worker.line = None
            self.ready_count -= 1

    def validate(self) -> None:
        """Checks that groups, lines, states and credit agree."""
        for worker in self.by_name.values():
            group = worker.group
            assert group is (self.groups.get((worker.offers, worker.details.fingerprint)) if group else None)
            assert (group is None) == (worker.state in (WorkerState.DRAINING, WorkerState.LOST)), worker.name
            is_idle = group is not None and worker.name in group.idle
            is_busy = group is not None and worker.name in group.busy
            in_line = is_idle or is_busy
            assert worker.line is (None if group is None or not in_line else group.busy if is_busy else group.idle)
            assert in_line == (worker.state is WorkerState.READY), f"{worker.name}: {worker.state}, in line: {in_line}"
            assert not in_line or is_busy == worker.is_computing, f"{worker.name} is in the wrong line"
            assert (worker.state is WorkerState.FULL) <= (len(worker.held) >= self.credit), worker.name
            assert (worker.state is WorkerState.READY) <= (len(worker.held) < self.credit), worker.name
            assert worker.state is not WorkerState.LOST or not worker.held, worker.name
        held = [lease for worker in self.by_name.values() for lease in worker.held]
        assert len(held) == len(set(held)), f"a lease is held twice: {held}"
        assert self._held == set(held), self._held ^ set(held)
        members = [worker for group in self.groups.values() for worker in group.members.values()]
        staying = [one for one in self.connected() if one.state is not WorkerState.DRAINING]
        assert {id(one) for one in members} == {id(one) for one in staying}
        assert self.size == len(members)
        assert set(self._lost) == {one.name for one in self.by_name.values() if one.state is WorkerState.LOST}
        assert self.ready_count == sum(len(group.idle) + len(group.busy) for group in self.groups.values())
        assert all(group.members for group in self.groups.values())


def first_in_line(lines: Iterable[OrderedDict[str, WorkerRecord]], unwanted: Set[str]) -> WorkerRecord | None:
    """Return the worker in these lines whose last turn is the longest ago, but for those whose name is `unwanted`."""
    best: WorkerRecord | None = None
    for line in lines:
        for name, worker in line.items():
            if name not in unwanted:
                if best is None or worker.turn < best.turn:
                    best = worker
                break  # a line is in the order of turns
    return best


def names_of(details: WorkerDetails) -> list[str]:
    """Return the names of the filters that a worker has, those that it is not given as well."""
    return [str(schema.get("name", "")) for schema in details.filters]


def _withheld(details: WorkerDetails) -> dict[str, str]:
    """Return the filters that ask for a label which the worker lacks, each with that label."""
    return {
        str(schema.get("name", "")): shortened(str(label), MAX_LABEL)
        for schema in details.filters
        if (label := schema.get("label", "")) and label not in details.labels
    }
