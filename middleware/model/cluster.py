"""What the parts of the dispatcher share: the jobs, the fleet, the aggregators, the rules' numbers, and the outbox."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from moviola.base.build_path import extended
from moviola.base.failures import MAX_FAILED_CHUNKS
from moviola.base.vocabulary import Mode, OnError, Topic
from moviola.wire.limits import MAX_CLIENTS, MAX_FAILED_CHUNK, MAX_WORKERS
from moviola.wire.messages import Error, Event, FailedChunk, Message
from moviola.wire.places import Idlers
from moviola.wire.schema import Lease
from moviola.wire.timers import Timers
from moviola.wire.windows import Windows

from ..events import (
    Check,
    Close,
    Command,
    ForgetJob,
    FreeChunk,
    FreeStage,
    Log,
    Peer,
    Purpose,
    Recall,
    SaveJob,
    Send,
    SendChunk,
)
from .catalogue import Catalogue
from .changes import Changes, Urgency
from .ended_job import EndedJob
from .fleet import Fleet
from .job import Job
from .states import JobState
from .stories import Stories
from .task_queue import InFlight, LeaseRecord
from .track import TaskFailures, Track
from .uploads import Uploads
from .users import HISTORY, QUOTAS, Quota, Resource, User, Users


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers by which the dispatcher decides. Times are in seconds, sizes in bytes."""

    credit: int = 2
    worker_timeout_s: float = 10.0
    stall_timeout_s: float = 60.0
    delivery_timeout_s: float = 60.0  # of a result that does not reach an aggregator which we reach
    beat_interval_s: float = 0.5
    max_failures: int = 3
    max_losses: int = 20
    stage_bytes: int = 2 * 1024 * 1024 * 1024  # intermediates of shared chains in the spool; see middleware/stages.py
    client_window_bytes: int = 64 * 1024 * 1024
    pass_window: int = 8  # passthrough chunks of a job, of all its streams, on their way to the aggregator
    aggregator_pass_window: int = 64  # … of all jobs to one aggregator: what waits keeps its segment of the spool
    exclude_after: int = 3  # failures of one worker on one job
    renew_after_s: float = 30.0  # without a worker like those that made a job's first results
    max_clients: int = MAX_CLIENTS
    max_workers: int = MAX_WORKERS  # and aggregators
    upload_timeout_s: float = 600.0  # an upload that stopped for so long gives its spool back, an empty one its place
    abandoned_timeout_s: float = 7 * 24 * 3600.0  # an upload that nobody goes on with for so long gives its place back
    reserved_windows: int = 4  # of the spool's room, only for users who hold less than one
    quotas: Mapping[Resource, Quota] = field(default_factory=lambda: QUOTAS)
    history: Quota = HISTORY
    admins: tuple[str, ...] = ()  # users who may see and control everybody's jobs

    @property
    def shortest_timeout_s(self) -> float:
        """Return how soon a worker may have to be looked at."""
        return min(self.worker_timeout_s, self.stall_timeout_s, self.delivery_timeout_s)


@dataclass(slots=True, eq=False)
class AggregatorRecord:
    """An aggregator that is connected."""

    name: str
    session: str
    store: str
    peer: Peer
    addresses: list[dict[str, object]]
    joined_at: float
    heard_at: float
    is_settled: bool = False  # has been here for so long that it may take over what a lost store of its name had
    windows: Windows = field(default_factory=Windows)


class Asked(Enum):
    """What a client is to be told of; a name goes with each."""

    JOB = "job"
    DETAILS = "details"  # of a job
    WORKER = "worker"
    AGGREGATOR = "aggregator"
    FILTERS = "filters"
    CURRENT = "current"  # that it has been told all that it asked for


@dataclass(frozen=True, slots=True)
class StoreRecord:
    """An aggregator's store that has been here, its name, and the digest of the token that it was first seen with."""

    store: str
    name: str
    digest: bytes


@dataclass(slots=True, eq=False)
class ClientRecord:
    """A client that is connected."""

    name: str
    session: str
    peer: Peer
    user: User
    jobs: set[str] = field(default_factory=set)  # attached to this connection
    watched_jobs: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    asked: dict[tuple[Asked, str], None] = field(default_factory=dict)  # what it is to be told, in this order
    asked_topics: set[str] = field(default_factory=set)  # … and after that, all of these,
    asked_jobs: dict[str, None] = field(default_factory=dict)  # … and the details of these,
    asked_tasks: dict[str, int] = field(default_factory=dict)  # … with the story of one chunk's tasks
    asks_next_at: float = 0.0  # … not before then
    is_behind: bool = False  # has much to read: it hears no more until it has
    untold_jobs: set[str] = field(default_factory=set)  # watched, and changed since it was told
    untold_losses: set[str] = field(default_factory=set)  # workers that have left since it was told
    introduced: set[str] = field(default_factory=set)  # sessions of workers whose schemas it knows


class Cluster:
    """The dispatcher's memory.

    Args:
        epoch: of this middleware's life; leases carry it.
        new_id: makes a job's id from its source's name; random, so it is given from outside.
        new_key: makes a job's key for the tags of its leases; random as well.
        unix_offset_s: unix time minus the monotonic time that events carry.
    """

    def __init__(
        self,
        epoch: int,
        rules: Rules,
        new_id: Callable[[str], str],
        new_key: Callable[[], bytes],
        unix_offset_s: float = 0.0,
    ) -> None:
        self.epoch, self.rules, self.new_id, self.new_key = epoch, rules, new_id, new_key
        self.unix_offset_s = unix_offset_s
        self.fleet = Fleet(rules.credit)
        self.catalogue = Catalogue()
        self.users = Users(rules.quotas, rules.history, rules.admins)
        self.jobs: OrderedDict[str, Job | EndedJob] = OrderedDict()
        self.open: dict[str, Job] = {}  # those that are not over, oldest first
        self.aggregators: dict[Peer, AggregatorRecord] = {}
        self.stores: dict[str, StoreRecord] = {}  # first seen first
        self.clients: dict[Peer, ClientRecord] = {}
        self.idlers = Idlers()  # of the clients
        self.watchers: dict[Peer, ClientRecord] = {}  # those of them that have asked for records
        self.workers_by_peer: dict[Peer, str] = {}
        self.outbox: list[Command] = []
        self.room_bytes = 0
        self.changes = Changes()
        self.uploads = Uploads()
        self.stories = Stories()
        self.in_work: dict[Job, None] = {}  # jobs with tasks in flight
        self.delivering: dict[Job, None] = {}  # … of which the aggregator's word on some is awaited
        self.passing: dict[Job, None] = {}  # jobs with chunks to pass on unfiltered
        self.freeable: dict[Job, None] = {}  # jobs that may have chunks here which are stored everywhere
        self.looks: Timers[Job] = Timers()  # jobs that are to be looked at again by then, though nothing changes
        self.lease_checks: Timers[Peer] = Timers()  # workers, by when to see whether they are silent or stand still
        self.gone_workers: set[str] = set()  # watchers are to be told once
        self.ended_jobs: list[Job] = []  # became final in this event

    @property
    def is_scarce(self) -> bool:
        """Whether the spool has less room than a single client may want, beside what is reserved."""
        return self.room_bytes - self.reserved_bytes < self.rules.client_window_bytes

    @property
    def spool_bytes(self) -> int:
        """What the spool can hold, for all jobs together."""
        return self.room_bytes + self.users.total[Resource.SPOOL_BYTES]

    @property
    def reserved_bytes(self) -> int:
        """The part of the room that only users get who hold less than a window: a few windows, but not most of it."""
        return min(self.rules.reserved_windows * self.rules.client_window_bytes, self.spool_bytes // 4)

    def room_of(self, user: User) -> int:
        """The room that there is for a user."""
        return max(0, self.room_bytes - (self.reserved_bytes if self.holds_much(user) else 0))

    def holds_much(self, user: User) -> bool:
        """Return whether a user gets nothing of the room that is kept for others."""
        return user.held[Resource.SPOOL_BYTES] >= self.rules.client_window_bytes

    # ── speaking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, peer: Peer, message: Message) -> None:
        self.outbox.append(Send(peer, message))

    def refuse(self, client: ClientRecord, code: str, text: str, job: str = "") -> None:
        """Says no to a client; its connection lives."""
        self.refuse_peer(client.peer, code, text, job)

    def refuse_peer(self, peer: Peer, code: str, text: str, job: str = "") -> None:
        """Says no to a client that may have gone."""
        if peer in self.clients:
            self.send(peer, Error(code, text, fatal=False, job=job))

    def detach(self, peer: Peer) -> list[Job]:
        """A client is gone; return the open jobs that it was attached to."""
        client = self.clients.pop(peer)
        client.user.charge(Resource.CONNECTIONS, -1)
        self.users.let_go(client.user)
        self.watchers.pop(peer, None)
        self.idlers.forget(peer)
        left = [job for job in map(self.jobs.get, client.jobs) if job is not None and job.client == peer]
        still_open = [job for job in left if isinstance(job, Job)]
        for job in left:
            job.detach()
        for job in still_open:  # at once: a client may be sent away while changed jobs are looked at
            self.uploads.look(job, is_sending=False, stands_back=False)
        return still_open

    def hang_up(self, peer: Peer, code: str, text: str) -> None:
        """Closes a client's connection; it may come back at once."""
        self.detach(peer)
        self.outbox.append(Close(peer, code, text))

    def heard_of(self, client: ClientRecord, now: float) -> None:
        """Notes whether a client that said something could be spared."""
        if client.peer in self.clients:
            has_job, looks_on = bool(client.jobs), client.peer in self.watchers
            self.idlers.heard(client.peer, now, has_job=has_job, looks_on=looks_on)

    def log(self, text: str) -> None:
        self.outbox.append(Log(text))

    def note(self, kind: str, text: str, now: float, job: str = "", worker: str = "") -> None:
        """A line for the log and for those who watch events."""
        self.log(text)
        event = Event(kind, text, job, worker, now + self.unix_offset_s)
        for client in self.watchers.values():
            if Topic.EVENTS in client.topics and not client.is_behind:
                self.send(client.peer, event)

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, job: Job, *, whole: bool = False) -> None:
        """Write what changes of a job; with `whole` also what was asked for."""
        self.outbox.append(SaveJob(job.id, job.record(), job.fixed if whole else None))

    def may_touch(self, user: User, job: Job | EndedJob) -> bool:
        """Whether a job is this user's to see and to control."""
        return job.user is user or user.is_admin

    def open_job(self, job: Job) -> None:
        """A job is new here, comes from the ledger, or begins again after it had ended."""
        if job.user.ended.pop(job.id, None) is not None:
            job.user.charge(Resource.ENDED_JOBS, -1)
        self.jobs[job.id] = self.open[job.id] = job.user.open[job.id] = job
        job.user.charge(Resource.OPEN_JOBS, 1)
        job.user.charge(Resource.LEDGER_BYTES, job.fixed_bytes)

    def close_job(self, job: Job) -> None:
        """A job has become final; what it held is still to be given back."""
        del self.open[job.id], job.user.open[job.id]
        job.user.charge(Resource.OPEN_JOBS, -1)
        job.user.charge(Resource.LEDGER_BYTES, -job.fixed_bytes)

    def remember(self, job: EndedJob) -> None:
        """A job is over: it comes into the history."""
        self.jobs[job.id] = job.user.ended[job.id] = job
        job.user.charge(Resource.ENDED_JOBS, 1)

    def recall(self, job: EndedJob, purpose: Purpose, peer: Peer) -> None:
        """Look up in the ledger what an ended job came to."""
        self.outbox.append(Recall(job.id, purpose, peer))

    def forget(self, job: EndedJob) -> None:
        """An ended job leaves the history."""
        del self.jobs[job.id], job.user.ended[job.id]
        job.user.charge(Resource.ENDED_JOBS, -1)
        self.users.let_go(job.user)
        self.outbox.append(ForgetJob(job.id))

    def resume_source(self, job: Job, fixed: dict[str, Any]) -> Job:
        """A job whose source was not kept when it ended has been submitted again."""
        before = job.fixed_bytes
        job.take_source(fixed)
        job.user.charge(Resource.LEDGER_BYTES, job.fixed_bytes - before)
        return job

    def set_state(self, job: Job, state: JobState, code: str = "", reason: str = "") -> None:
        """Changes a job's state and tells everyone whom it concerns."""
        if job.set_state(state, code, reason) and job.is_final:
            self.ended_jobs.append(job)

    def sort(self, job: Job) -> None:
        """Keep a job among those that are in the same situation."""
        flying = delivered = 0
        for track in job.tracks:
            flying += len(track.queue.in_flight)
            delivered += track.queue.delivered_count
        _keep(self.in_work, job, bool(flying))
        _keep(self.delivering, job, bool(delivered))
        if job.passed:
            is_passing = job.holdings_known and job.state is not JobState.PAUSED
            _keep(self.passing, job, is_passing and any(track.queue.count for track in job.passed))

    def let_go(self, job: Job) -> None:
        """A job has ended: it is in no situation any more."""
        for among in (self.in_work, self.delivering, self.passing, self.freeable):
            among.pop(job, None)
        self.stories.forget(job.id)
        self.uploads.look(job, is_sending=False, stands_back=False)
        self.looks.set(job, None)

    def look_again(self, job: Job, at: float) -> None:
        """Look at a job at that time, or before, even if nothing changes."""
        due = self.looks.due(job)
        if due is None or at < due:
            self.looks.set(job, at)

    def touch_waiting(self) -> None:
        """Look again at all jobs of which nothing is in work: what they wait for may have come or gone."""
        for job in self.open.values():
            if job not in self.in_work:
                job.worked_at = float("-inf")  # it may be more than its turn that it waits for
                self.changes.touch(job)

    def owner_of(self, job: Job) -> AggregatorRecord | None:
        """The connected aggregator that owns a job."""
        for one in self.aggregators.values():
            if one.store == job.owner:
                return one
        return None

    def addresses_of(self, store: str) -> list[dict[str, Any]]:
        """Return where a store is reached, if it is connected."""
        return next(([dict(at) for at in one.addresses] for one in self.aggregators.values() if one.store == store), [])

    def keep_failed(self, job: Job, track: Track, index: int) -> None:
        """The owner is to keep a chunk that failed as a file which people can look at."""
        owner, key = self.owner_of(job), (track.number, index)
        if owner is None or index not in track.stream.here or key in job.kept_failed:
            return
        if len(job.kept_failed) < MAX_FAILED_CHUNKS and track.stream.size_of(index) <= MAX_FAILED_CHUNK:
            job.kept_failed.add(key)
            message = FailedChunk(job.id, track.number, index, job.owner_epoch)
            self.outbox.append(SendChunk(owner.peer, message, job.id, track.stream.number, index))

    # ── payloads that are not what they were ─────────────────────────────────────────────────────────────────────

    def check(self, job: Job, track: Track, index: int, *, is_stage: bool = False, lease: Lease | None = None) -> None:
        """A payload arrived damaged: is it so in the spool? Nothing is asked about one that is needed no more."""
        if not job.is_final and (index in track.intermediates if is_stage else index in track.stream.here):
            self.outbox.append(Check(job.id, track.number, track.stream.number, index, is_stage, lease))

    def lose_chunk(self, job: Job, stream: int, index: int, now: float) -> None:
        """A chunk is gone from the spool: it is given up, and asked for again where a task of it is not stored."""
        if job.is_final or index not in job.streams[stream].here:
            return
        job.give_up(stream, index)
        self.outbox.append(FreeChunk(job.id, stream, index))
        text = f"chunk {index} of stream {stream} of job {job.id} is damaged in the spool or gone from it"
        self.note("chunk-lost", text, now, job.id)
        if job.holdings_known:
            self.ask_again(job, now)

    def ask_again(self, job: Job, now: float) -> None:
        """The client of a job is told which chunks are needed that had been given up, if there are any."""
        if job.miss_freed():
            job.moved_at = now  # what is left of its upload is kept for as long as that of one that stops now
            self.note("source-needed", f"job {job.id} needs chunks again that were given up", now, job.id)
            job.mark_as(Urgency.MISSED)

    # ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def exhausted(self, track: Track, past: TaskFailures) -> bool:
        """Has a task failed often enough, and on two workers where there are two?"""
        if len(past.failures) < self.rules.max_failures:
            return False
        count = len(track.chain.steps)
        others = frozenset(one for one in self.fleet.fingerprints if not track.takes(extended((), one, count)))
        return len(past.failed_on) >= min(2, sum(1 for _ in self.fleet.able(track.needs, others)))

    def mode_of(self, job: Job, track: Track, index: int) -> str:
        """How a task is done: with its filters, until it has failed too often."""
        past = track.task_failures.get(index)
        if past is None or not self.exhausted(track, past):
            return Mode.FILTER
        return Mode.DROP if job.fixed["policy"].get("on_error") == OnError.DROP else Mode.BYPASS

    def excluded(self, job: Job) -> set[str]:
        """Workers that failed too many tasks of a job."""
        return {name for name, count in job.excluded.items() if count >= self.rules.exclude_after}

    @property
    def staged_bytes(self) -> int:
        """What lies in the spool between two workers."""
        return self.users.total[Resource.STAGED_BYTES]

    def free_intermediate(self, job: Job, track: Track, index: int) -> None:
        """What was done of a task's chain is not needed any more."""
        if track.drop_begun(index):
            self.outbox.append(FreeStage(job.id, track.number, index))

    def tell(self, job: Job, track: Track, index: int, text: str, now: float, *, trouble: bool = False) -> None:
        """Add a line to the story of a task; with `trouble` it is kept as long as the job goes on."""
        if trouble:
            self.stories.keep(job.id, track.number, index)
        self.stories.tell(now, job.id, track.number, index, text)

    def story(self, job: Job | EndedJob, index: int, names: list[str]) -> list[dict[str, Any]]:
        """Return what happened to the tasks of a chunk, see `Stories.told`. `names` are those of the outputs."""
        told = self.stories.told(job.id, index, names, self.unix_offset_s)
        if isinstance(job, Job):
            now = (f"now it is {track.queue.state_of(index).value}" for track in job.tracks)
            tracks = zip(job.tracks, now, strict=True)
            told += [{"unix_s": 0.0, "output": _name_of(track, names), "text": text} for track, text in tracks]
        return told

    def describe(self, record: LeaseRecord) -> str:
        job = self.open.get(record.job)
        output = job.fixed["outputs"][record.track]["name"] if job else record.track
        return f"job {record.job} chunk {record.index} of {output}"

    @staticmethod
    def describe_task(job: Job, track: Track, index: int) -> str:
        """Name a task for people, of a passthrough stream as well."""
        of = f"stream {track.stream.number}" if track.is_passthrough else job.fixed["outputs"][track.number]["name"]
        return f"job {job.id} chunk {index} of {of}"

    def flight(self, job: str, track: int, index: int) -> tuple[Track, InFlight] | None:
        """A task in flight."""
        found = self.open.get(job)
        if found is None or track >= len(found.tracks):
            return None
        flight = found.tracks[track].queue.in_flight.get(index)
        return (found.tracks[track], flight) if flight is not None else None

    def validate(self) -> None:
        """Proves that the indexes agree with each other; for tests and the simulation."""
        self.fleet.validate()
        self.catalogue.validate()
        self.users.validate()
        self.uploads.validate()
        held = {
            (record.lease, record.job, record.track, record.index)
            for worker in self.fleet.by_name.values()
            for record in worker.held.values()
            if not record.revoked
        }
        flying = set()
        for job in self.open.values():
            job.validate()
            for track in job.tracks:
                for index, flight in track.queue.in_flight.items():
                    flying |= {(lease, job.id, track.number, index) for lease in flight.leases}
        assert held == flying, f"leases held {held - flying}, leases in flight {flying - held}"
        assert set(self.open) == {job.id for job in self.jobs.values() if isinstance(job, Job)}
        for job in self.open.values():
            if job not in self.changes.touched:
                is_sending = job.client is not None and not job.all_sent
                assert (job in self.uploads.jobs) == is_sending, f"job {job.id} is not where it belongs"
                assert (job in self.in_work) == job.is_in_flight, f"job {job.id} is not where it belongs"
                assert (job in self.delivering) == any(track.queue.delivered_count for track in job.tracks), job.id
                can_pass = job.holdings_known and job.state is not JobState.PAUSED
                assert (job in self.passing) == (can_pass and any(one.queue.count for one in job.passed)), job.id


def _name_of(track: Track, names: list[str]) -> str:
    return names[track.number] if track.number < len(names) else f"stream {track.stream.number}"


def _keep(among: dict[Job, None], job: Job, belongs: bool) -> None:
    """Put a job among others, or take it out."""
    if belongs:
        among[job] = None
    elif job in among:
        del among[job]
