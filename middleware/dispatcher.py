"""The brain of the middleware: events and the time in, commands out. No socket, clock, file or configuration inside.

Its rules are modules by whom they deal with: clients (submissions.py, job_control.py), workers (workers.py, leases.py,
handing_on.py, scheduler.py; failures.py on what goes wrong), aggregators (ownership.py), watchers (publisher.py, and
pending_reasons.py on why a job waits). They share the state in model/cluster.py. This file routes, keeps the time, and
has the rules look at the jobs that changed: nothing in a turn walks over what did not move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from moviola.base.invocation import typed
from moviola.base.vocabulary import ErrorCode, JobCode, Verdict
from moviola.storage.crashes import MAX_CRASHES
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import (
    AssetRequest,
    Beat,
    Chunk,
    ChunkWindow,
    Control,
    End,
    Finished,
    HandOn,
    Hello,
    Holdings,
    Message,
    Released,
    Stored,
    Submit,
    Subscribe,
    Watch,
)

from .events import (
    Check,
    ChunkLost,
    Close,
    Command,
    Damaged,
    Event,
    FoundDamaged,
    FoundWhole,
    FreeChunk,
    FreeJob,
    Left,
    Log,
    MemberMessage,
    NotKept,
    Peer,
    Purpose,
    Recalled,
    SaveJob,
    StageKept,
    StageLost,
    Tick,
    Unsent,
)
from .failures import Failures
from .handing_on import HandingOn
from .job_control import JobControl
from .job_record import JobRecord
from .job_request import JobRequest
from .leases import Leases
from .link_costs import LinkCosts
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.fleet import WorkerRecord
from .model.job import Job
from .model.peers import AggregatorRecord, StoreRecord
from .model.rules import Rules
from .model.states import FINAL, JobState
from .model.stream import ChunkFacts
from .ownership import Ownership
from .pending_reasons import assess
from .publisher import Publisher, failures_of, progress_of, tell_ended
from .scheduler import Scheduler
from .submissions import Submissions
from .subscriptions import Subscriptions
from .workers import Workers

SCAN_INTERVAL_S: Final = 0.25
"""How often timeouts are looked at: far below the shortest timeout, far above a turn."""

PAUSE_S: Final = 2.0
"""A gap between two ticks longer than this means that the process itself was stopped: all deadlines move by it."""

ROOM_LOW_FACTOR: Final = 2
"""When the spool's room is below this many client windows, chunks that are stored everywhere are given up."""


class Dispatcher:
    """See the module. `restore` it before the first event."""

    def __init__(
        self,
        *,
        epoch: int,
        rules: Rules,
        new_id: Callable[[str], str],
        new_key: Callable[[], bytes],
        unix_offset_s: float = 0.0,
        journal: str = "",
    ) -> None:
        self.cluster = Cluster(epoch, rules, new_id, new_key, unix_offset_s, journal)
        self._failures = Failures(self.cluster)
        self._leases = Leases(self.cluster, self._failures)
        self._workers = Workers(self.cluster, self._leases, self._failures)
        self._handing_on = HandingOn(self.cluster, self._leases)
        self._scheduler = Scheduler(self.cluster)
        self._ownership = Ownership(self.cluster, self._leases, self._failures)
        self._submissions = Submissions(self.cluster, self._ownership)
        self._job_control = JobControl(self.cluster, self._failures, self._ownership)
        self._publisher = Publisher(self.cluster)
        self._subscriptions = Subscriptions(self.cluster)
        self._link_costs = LinkCosts(self.cluster)
        self._last_tick: float | None = None
        self._next_scan = 0.0
        self._fleet_seen = (0, 0)  # the version and the size of the fleet when jobs that wait were looked at last

    def restore(
        self,
        jobs: Iterable[tuple[str, JobRequest, JobRecord]],
        chunks: Iterable[tuple[str, int, int, int, int | None, int]],
        filters: Iterable[tuple[str, bytes]] = (),
        stores: Iterable[tuple[str, str, bytes]] = (),
        crashes: Mapping[str, int] | None = None,
    ) -> None:
        """Takes up what the ledger kept.

        Args:
            jobs: (job, request, record), oldest first.
            chunks: (job, stream, index, frame_count, size, xxh3) of every chunk; no size for one given up for room.
            filters: (name, schema) of every filter that workers announced, oldest first.
            stores: (store, name, digest of its token) of aggregators, first seen first.
            crashes: how often this program ended over which job; one with too many ends.
        """
        self.cluster.catalogue.restore(filters)
        self.cluster.stores.update((store, StoreRecord(store, name, digest)) for store, name, digest in stores)
        for job_id, request, record in jobs:
            user = self.cluster.users.named(request.user)
            if record.state in FINAL:
                self.cluster.remember(EndedJob.saved(job_id, user, request, record))
                continue
            job = Job(job_id, request, user, self.cluster.changes)
            job.restore(record)
            self.cluster.open_job(job)
        for job_id, stream, index, frame_count, size, xxh3 in chunks:
            job = self.cluster.open[job_id]
            job.add_chunk(stream, index, ChunkFacts(frame_count, xxh3, size or 0))
            if size is None:
                job.give_up(stream, index)

        for job_id, count in (crashes or {}).items():
            if count >= MAX_CRASHES and job_id in self.cluster.open:
                reason = f"the middleware failed {count} times while it dealt with this job (see its log)"
                self.cluster.set_state(self.cluster.open[job_id], JobState.FAILED, JobCode.CRASHED, reason)

    def handle(self, event: Event, now: float) -> list[Command]:
        """Takes one event; returns what is to be done, in order. A peer that breaks the protocol is closed."""
        if isinstance(event, MemberMessage):
            try:
                self._received(event, now)
            except ProtocolError as error:
                self._send_away(event, error, now)
        elif isinstance(event, Tick):
            self._tick(event, now)
        elif isinstance(event, Damaged):
            try:
                self._came_damaged(event)
            except ProtocolError as error:
                self._send_away(event, error, now)
        elif isinstance(event, Left):
            self._link_costs.charge(event.peer, event.job, event.reason, now)
            self._leave(event.peer, event.reason, now)
        elif isinstance(event, Unsent):
            self._link_costs.unsent(event, now)
        elif isinstance(event, NotKept):
            self._submissions.not_kept(event)
        elif isinstance(event, FoundWhole):
            self._leases.came_damaged(event.command, now)
        elif isinstance(event, FoundDamaged):
            self._lost(event.command, now)
        elif isinstance(event, ChunkLost):
            self._lost_chunk(event.job, event.stream, event.index, now)
        elif isinstance(event, Recalled):
            self._recalled(event, now)
        elif isinstance(event, StageLost):
            self._lost_stage(event.job, event.track, event.index)
        elif isinstance(event, StageKept):
            self._handing_on.kept(event.command, event.size, now)
        else:
            self._handing_on.not_kept(event.command, event.reason, now)
        if self.cluster.ended_jobs:
            self._clear_ended(now)
        commands, self.cluster.outbox = self.cluster.outbox, []
        return commands

    def half_done(self) -> str:
        """Return what shows, after `handle` raised, that it left half a change behind; empty where nothing does: it had
        commanded nothing yet, and all indexes agree."""
        acts = [command for command in self.cluster.outbox if not isinstance(command, Log)]
        if acts:
            return f"it had begun to act: {acts[0]!r:.200}"
        self.cluster.outbox.clear()
        try:
            self.validate()
        except Exception as error:
            return f"its memory does not agree with itself: {error!r:.200}"
        return ""

    def next_deadline(self) -> float | None:
        """When a Tick is due at the latest; None when nothing will happen by itself."""
        cluster = self.cluster
        deadlines = [self._publisher.next_deadline(), self._subscriptions.next_deadline()]
        deadlines.append(cluster.idlers.next_deadline())
        if cluster.workers or cluster.aggregators or cluster.open:
            deadlines.append(self._next_scan)
        return min((one for one in deadlines if one is not None), default=None)

    def validate(self) -> None:
        """Proves that the indexes agree; for tests and the simulation."""
        self.cluster.validate()
        self._scheduler.validate()

    # ── routing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _received(self, event: MemberMessage, now: float) -> None:
        cluster, peer, message = self.cluster, event.peer, event.message
        if peer in cluster.workers:
            self._from_worker(cluster.workers[peer], message, now)
        elif peer in cluster.clients:
            self._from_client(event, now)
        elif peer in cluster.aggregators:
            self._from_aggregator(cluster.aggregators[peer], message, now)
        elif isinstance(message, Hello):
            self._joined(peer, message, event.host, now)

    def _came_damaged(self, event: Damaged) -> None:
        """What a worker hands on is asked for again with its task; a client comes back and asks what is here."""
        cluster, message = self.cluster, event.message
        if isinstance(message, HandOn) and event.peer in cluster.workers:
            verdict = Stored(message.job, message.track, message.index, Verdict.DAMAGED, message.lease)
            cluster.send(event.peer, verdict)
        else:
            raise ProtocolError(
                ErrorCode.CORRUPT, f"{type(message).__name__} does not match its checksum: it was damaged"
            )

    def _joined(self, peer: Peer, hello: Hello, host: str, now: float) -> None:
        if hello.role != "client":
            self._check_places(hello)
        if hello.role == "worker":
            self._workers.joined(peer, hello, host, now)
        elif hello.role == "aggregator":
            self._ownership.joined(peer, hello, host, now)
        else:
            self._submissions.joined(peer, hello, now)

    def _check_places(self, hello: Hello) -> None:
        """Raises ProtocolError where one more worker or aggregator would take the places of clients."""
        cluster = self.cluster
        count = len(cluster.workers) + len(cluster.aggregators)
        if count < cluster.rules.max_workers:
            return
        names = [one.name for one in cluster.workers.values()] + [one.name for one in cluster.aggregators.values()]
        if hello.name not in names:
            raise ProtocolError(
                ErrorCode.BUSY, f"{count} workers and aggregators are connected; there is no place for more"
            )

    def _from_worker(self, worker: WorkerRecord, message: Message, now: float) -> None:
        worker.heard_at = now
        if isinstance(message, Beat):
            self._leases.beat(worker, message, now)
        elif isinstance(message, Released):
            self._leases.released(worker, message, now)
        elif isinstance(message, HandOn):
            self._handing_on.came(worker, message)
        elif isinstance(message, AssetRequest):
            self._leases.asset_requested(worker, message, now)
        else:
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"a worker may not send {type(message).__name__} here")

    def _from_client(self, event: MemberMessage, now: float) -> None:
        client, message = self.cluster.clients[event.peer], event.message
        if isinstance(message, Chunk):
            self._submissions.chunk(client, message, event.payload_size, event.payload_xxh3, now)
        elif isinstance(message, Submit):
            self._submissions.submit(client, message, now)
        elif isinstance(message, End):
            self._submissions.end(client, message, now)
        elif isinstance(message, Control):
            self._job_control.control(client, message, now)
        elif isinstance(message, Watch):
            self._job_control.watch(client, message)
        elif isinstance(message, Subscribe):
            self._subscriptions.subscribe(client, message, now)
        else:
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"a client may not send {type(message).__name__} here")
        self.cluster.heard_of(client, now)

    def _from_aggregator(self, record: AggregatorRecord, message: Message, now: float) -> None:
        record.heard_at = now
        if isinstance(message, Stored):
            self._ownership.stored(record, message, now)
        elif isinstance(message, ChunkWindow):
            record.windows.add(message)
        elif isinstance(message, Holdings):
            self._ownership.holdings(record, message, now)
        elif isinstance(message, Finished):
            self._ownership.finished(record, message, now)
        elif not isinstance(message, Beat):
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"an aggregator may not send {type(message).__name__} here")

    def _lost(self, check: Check, now: float) -> None:
        """What was sent is damaged in the spool already."""
        if check.is_stage:
            self._lost_stage(check.job, check.track, check.index)
        else:
            self._lost_chunk(check.job, check.stream, check.index, now)

    def _lost_chunk(self, job: str, stream: int, index: int, now: float) -> None:
        """A chunk that was spooled is not there any more."""
        if job in self.cluster.open:
            self.cluster.lose_chunk(self.cluster.open[job], stream, index, now)

    def _lost_stage(self, job_id: str, track: int, index: int) -> None:
        """What was done of a task is not there any more: it begins again."""
        job = self.cluster.open[job_id]
        self.cluster.free_intermediate(job, job.tracks[track], index)

    def _recalled(self, event: Recalled, now: float) -> None:
        """What the ledger has of an ended job is here: it begins again, or somebody is told of it."""
        cluster, recall = self.cluster, event.command
        job = cluster.jobs.get(recall.job)
        if not isinstance(job, EndedJob):
            return
        if event.request is None or event.record is None:
            text = f"what was kept of job {job.id} is damaged or gone; forget it: {typed('jobs')} forget {job.id}"
            cluster.refuse_peer(recall.peer, ErrorCode.BAD_JOB, text, job.id)
        elif recall.purpose is Purpose.RETRY:
            self._job_control.retry(job, event.request, event.record, recall.peer, now)
        else:
            tell_ended(cluster, job, event.request, event.record, recall)

    def _send_away(self, event: MemberMessage | Damaged, error: ProtocolError, now: float) -> None:
        """A peer broke the protocol: its connection ends, and the job that it was about is charged for that."""
        job = error.job or getattr(event.message, "job", "")
        self._link_costs.charge(event.peer, job, str(error), now)
        self._leave(event.peer, str(error), now)
        self.cluster.outbox.append(Close(event.peer, error.code, error.text, job))

    def _leave(self, peer: Peer, reason: str, now: float) -> None:
        cluster = self.cluster
        if peer in cluster.workers:
            self._workers.left(peer, reason, now)
        elif peer in cluster.aggregators:
            self._ownership.left(peer, reason, now)
        elif peer in cluster.clients:
            self._submissions.left(peer, now)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tick(self, event: Tick, now: float) -> None:
        self._forgive_pause(now)
        self.cluster.room.free_bytes = event.room_bytes
        for peer in event.arriving:
            self._arriving(peer, now)
        is_scan = now >= self._next_scan
        if is_scan:
            self._next_scan = now + SCAN_INTERVAL_S
            self._workers.expire(now)
            self._ownership.expire_deliveries(event.behind, now)
            self._ownership.expire(now)
            self._make_room()
            self.cluster.totals.sort_latencies()
        self._submissions.expire_idle(now)
        self._look_at_changed(now)
        self._scheduler.hand_out(now)
        if is_scan:
            self._scheduler.speculate(now)
        self._ownership.pass_on(now)
        self._assess_changed(now)
        moved = self._publisher.publish(now, event.behind)
        if self.cluster.journal.new:
            self.cluster.journal.stamp(now + self.cluster.unix_offset_s)
        if self.cluster.subscriptions:
            self._subscriptions.publish(now, event.behind, moved)

    def _arriving(self, peer: Peer, now: float) -> None:
        """A part of a large message came: its sender is not silent."""
        cluster = self.cluster
        if peer in cluster.workers:
            self._leases.arriving(cluster.workers[peer], now)
        elif peer in cluster.aggregators:
            cluster.aggregators[peer].heard_at = now

    def _look_at_changed(self, now: float) -> None:
        """Have the rooms look at the jobs that changed, or that are due: which tasks wait, what has expired."""
        cluster = self.cluster
        fleet_now = (cluster.fleet.version, cluster.fleet.size)
        if fleet_now != self._fleet_seen:
            self._fleet_seen = fleet_now
            cluster.touch_waiting()
        for job in cluster.looks.expired(now):
            cluster.changes.touch(job)
        version = cluster.fleet.version
        for job, is_changed in list(cluster.changes.touched.items()):
            if job.is_final:
                continue
            if not is_changed and job.settled_with == version:
                continue  # its tasks move on, and that changes nothing for the others
            job.settled_with = version if job.all_sent and not job.passed else -1
            if job.passed:
                cluster.situations.sort(job)  # its chunks are to be passed on in this turn
            self._submissions.look(job, now)
            if not job.is_final:
                self._ownership.renew_outdated(job, now)
                self._scheduler.look(job, now)

    def _assess_changed(self, now: float) -> None:
        """Say of the jobs that changed whether they go on, and if not, why; from now on none has changed."""
        for job in self.cluster.changes.take_touched():
            if not job.is_final:
                self.cluster.situations.sort(job)
                assess(self.cluster, job, now)

    def _forgive_pause(self, now: float) -> None:
        """Time in which this process itself was stopped counts for nobody."""
        gap = 0.0 if self._last_tick is None else now - self._last_tick - SCAN_INTERVAL_S
        self._last_tick = now
        if gap > PAUSE_S:
            for aggregator in self.cluster.aggregators.values():
                aggregator.heard_at = min(now, aggregator.heard_at + gap)
            for worker in self.cluster.fleet.connected():
                worker.heard_at = min(now, worker.heard_at + gap)
                for record in worker.held.values():
                    record.progress_at = min(now, record.progress_at + gap)
            for job in self.cluster.open.values():
                for track in job.tracks:
                    track.queue.await_deliveries(now)
                job.upload.moved_at = None if job.upload.moved_at is None else min(now, job.upload.moved_at + gap)
                job.outdated_since = None
                self.cluster.changes.touch(job)

    def _make_room(self) -> None:
        """Under pressure, chunks that are stored everywhere are given up, the oldest job's first."""
        cluster = self.cluster
        enough = ROOM_LOW_FACTOR * cluster.rules.client_window_bytes + cluster.room.reserved_bytes
        wanted = enough - cluster.room.free_bytes
        if wanted <= 0:
            return
        for job in sorted(cluster.situations.freeable, key=lambda job: job.number):
            before = job.spooled_bytes
            cluster.outbox += [FreeChunk(job.id, stream, index) for stream, index in job.free_stored(wanted)]
            wanted -= before - job.spooled_bytes
            if wanted <= 0:
                return
            del cluster.situations.freeable[job]  # nothing more of it, until something more of it is stored

    def _clear_ended(self, now: float) -> None:
        """A job that has become final gives back all it used."""
        cluster = self.cluster
        while cluster.ended_jobs:
            job = cluster.ended_jobs.pop()
            job.result.seconds = now + cluster.unix_offset_s - job.request.submitted_unix_s
            cluster.totals.note_end(job.state, job.result.seconds)
            self._failures.revoke_all(job)
            cluster.close_job(job)
            cluster.let_go(job)
            self._scheduler.forget(job)
            final, failures = progress_of(job), failures_of(job)
            job.end()
            cluster.remember(EndedJob.of(job))
            cluster.outbox.append(SaveJob(job.id, job.record(final, failures), job.request))
            cluster.outbox.append(FreeJob(job.id))
            self._ownership.drop(job)
            for old in cluster.users.outdated(job.user):
                cluster.forget(old)
