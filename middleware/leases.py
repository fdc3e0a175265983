"""The life of a lease: workers come and go, what they say of their tasks, how a lease ends, what a failure leads to."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from moviola.base.build_path import BuildPath, from_text
from moviola.base.failures import MAX_FAILURES_OF_TASK
from moviola.base.vocabulary import CauseKind, ErrorCode, JobCode, LeaseOutcome, LeasePhase, Mode, OnError, Verdict
from moviola.wire.errors import ProtocolError
from moviola.wire.lease_tags import is_lease_tag, is_lent
from moviola.wire.messages import (
    VERSIONS,
    Aggregator,
    Asset,
    AssetRequest,
    Beat,
    HandOn,
    HeldLease,
    Hello,
    Released,
    Revoke,
    Stored,
    Welcome,
    WorkerDetails,
)
from moviola.wire.schema import Lease, Record
from moviola.wire.tokens import is_same

from .events import Check, Close, Peer, SendChunk, SpoolStage
from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.job import MAX_CHUNK_FRAMES, Job
from .model.states import JobState
from .model.task_queue import InFlight, LeaseRecord
from .model.track import Track
from .names import worker_before

MAX_CAUSE: Final = 4000
"""Characters of a failure's text in what is told of it: twice what our workers send, and little enough for a text."""

RECENT_LEASES: Final = 4096
"""Leases remembered after they ended, so that a worker's parent can say how the child that held one died."""

MAX_ADOPTED: Final = 64
"""Leases taken over from one returning worker: twice what the largest credit lets it hold."""

PHASES: Final = frozenset(LeasePhase)
MODES: Final = frozenset(Mode)

OF_THE_TASK: Final = frozenset({CauseKind.CRASH, CauseKind.MEMORY, CauseKind.STALL})
"""Deaths of a process that are charged to what it was computing."""


@dataclass(frozen=True, slots=True)
class Death(Record):
    """What a worker's Hello tells of how the process before it died."""

    lease: Lease | None = None  # that it was computing
    kind: str = ""
    text: str = "it died"


@dataclass(frozen=True, slots=True)
class Cause(Record):
    """Why a task failed, as Released tells it."""

    kind: str = CauseKind.EXCEPTION
    text: str = "no cause was given"
    filter: str | None = None
    frame: int | None = None
    traceback: str | None = None


NO_CAUSE: Final = Cause()


class Leases:
    """The part of the dispatcher that listens to workers."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._ended: OrderedDict[Lease, LeaseRecord] = OrderedDict()

    # ── workers come and go ──────────────────────────────────────────────────────────────────────────────────────

    def joined(self, peer: Peer, hello: Hello, host: str, now: float) -> None:
        cluster, rules = self._cluster, self._cluster.rules
        details = WorkerDetails.from_wire(hello.details)
        death = None if details.death is None else Death.from_wire(details.death)
        old = worker_before(cluster, hello)
        if old is not None:
            cluster.outbox.append(
                Close(old.peer, ErrorCode.SUPERSEDED, f"a newer session of {hello.name!r} has joined")
            )
            del cluster.workers_by_peer[old.peer]
            self._lose(old, "superseded by a newer session", now)
        parent = cluster.fleet.by_name.get(hello.name)  # as it is known from the session before
        is_child = parent is not None and is_same(hello.token, parent.token)
        worker = cluster.fleet.join(peer, hello, details, host, now)
        cluster.lease_checks.set(peer, now + rules.shortest_timeout_s)
        cluster.outbox += cluster.catalogue.announce(details.filters)
        cluster.workers_by_peer[peer] = hello.name
        limits = {
            "beat_interval_s": rules.beat_interval_s,
            "worker_timeout_s": rules.worker_timeout_s,
            "stall_timeout_s": rules.stall_timeout_s,
            "credit": rules.credit,
        }
        cluster.send(peer, Welcome(version=VERSIONS[-1], epoch=cluster.epoch, limits=limits))
        for one in cluster.aggregators.values():
            cluster.send(peer, Aggregator(one.store, one.name, one.addresses))
        offered = ", ".join(sorted(str(schema.get("name", "")) for schema in details.filters))
        cluster.note(
            "worker-joined", f"worker {hello.name} joined from {host or 'here'}: {offered}", now, worker=hello.name
        )
        if death is not None:
            self._predecessor_died(worker, death, now, is_child=is_child)
        for held in details.held:
            if held.lease not in worker.held:
                self._adopt(worker, held, now)

    def left(self, name: str, reason: str, now: float) -> None:
        worker = self._cluster.fleet.by_name[name]
        self._cluster.note("worker-left", f"worker {name} left: {reason}", now, worker=name)
        self._lose(worker, reason, now)

    def _lose(self, worker: WorkerRecord, reason: str, now: float) -> None:
        self._cluster.gone_workers.add(worker.name)
        for record in self._cluster.fleet.lose(worker):
            if record.revoked:
                continue
            worker.losses += 1
            self._end(record, now, delivered=False)
            self._count_loss(record, worker, reason, now)

    def _count_loss(self, record: LeaseRecord, worker: WorkerRecord, reason: str, now: float) -> None:
        cluster = self._cluster
        job = cluster.open.get(record.job)
        if job is None or job.is_final:
            return
        record.is_lost = True
        track = job.tracks[record.track]
        self.count_loss(job, track, record.index, f"worker {worker.name}: {reason}", now, worker.name)

    def count_loss(self, job: Job, track: Track, index: int, text: str, now: float, worker: str = "") -> None:
        """Count that a lease on a task, or what it brought, was lost, which is nobody's fault. A task that this happens
        to again and again pauses its job: it may harm the cluster."""
        cluster = self._cluster
        past = track.lose(index)
        job.worked_at = float("-inf")  # it may be more than its turn that it waits for
        what = cluster.describe_task(job, track, index)
        cluster.tell(job, track, index, f"lost: {text}", now, trouble=True)
        cluster.note("task-lost", f"{what} comes back from {text}", now, job.id, worker)
        if past.losses >= cluster.rules.max_losses:
            reason = f"{what} was lost {past.losses} times, last by {text}; resume it to try on"
            cluster.set_state(job, JobState.PAUSED, JobCode.LOST_TOO_OFTEN, reason)
            past.losses = 0
            self.revoke_all(job)
            cluster.save(job)

    def _adopt(self, worker: WorkerRecord, held: HeldLease, now: float) -> None:
        """A returning worker still holds a lease: it goes on, rather than being done again, if it was lent to this very
        worker, nobody else holds it, and what will come of it is wanted."""
        cluster = self._cluster
        job = cluster.open.get(held.job)
        is_free = not cluster.fleet.is_held(held.lease) and len(worker.held) < MAX_ADOPTED
        wanted = self._wanted_stage(job, held) if job is not None and is_free else None
        if job is None or wanted is None or not self._was_lent(job, worker, held, now):
            cluster.send(worker.peer, Revoke(held.lease))
            return
        track, (stage, fingerprint) = job.tracks[held.track], wanted
        cluster.tell(job, track, held.index, f"goes on at {worker.name} as {held.lease}", now)
        record = LeaseRecord(
            lease=held.lease,
            worker=worker.name,
            job=held.job,
            track=held.track,
            index=held.index,
            mode=held.mode,
            stage=stage,
            is_last=track.chain.is_last(stage),
            fingerprint=fingerprint,
            tag=held.tag,
            handed_out_at=now,
            progress_at=now,
            phase=held.phase,
        )
        cluster.fleet.lend(worker, record)
        track.assign(record, now, adopted=True)
        cluster.log(f"{self._cluster.describe(record)} goes on at worker {worker.name}")

    def _was_lent(self, job: Job, worker: WorkerRecord, held: HeldLease, now: float) -> bool:
        """Return whether the tag of a held lease proves that it was lent to this worker for just this."""
        if is_lent(held, job.lease_key, worker.shown_to(job.owner)):
            return True
        text = f"worker {worker.name} claims lease {held.lease} of job {job.id}, which was never lent to it"
        self._cluster.note("lease-refused", text, now, job.id, worker.name)
        return False

    def _wanted_stage(self, job: Job, held: HeldLease) -> tuple[range, BuildPath] | None:
        """Return which steps of its chain a held lease is for, and the builds of all steps that are done then; None
        when nobody wants what will come of it."""
        if not self._is_wanted(job, held):
            return None
        track = job.tracks[held.track]
        stage = track.chain.from_wire(held.stage)
        begun = track.intermediates.get(held.index)
        if stage is None or (begun is not None and stage.stop <= begun.step):
            return None
        try:
            fingerprint = from_text(held.build, stage.stop)
        except ValueError:
            return None
        if len(fingerprint) != stage.stop or (track.chain.is_last(stage) and track.fingerprint != fingerprint):
            return None
        return stage, fingerprint

    @staticmethod
    def _is_wanted(job: Job, held: HeldLease) -> bool:
        return (
            not job.is_final
            and job.state is not JobState.PAUSED
            and held.owner_epoch == job.owner_epoch
            and held.track < len(job.fixed["outputs"])
            and held.index in job.streams[0].here
            and held.index not in job.tracks[held.track].queue.stored
            and held.phase in PHASES
            and held.mode in MODES
        )

    def _predecessor_died(self, worker: WorkerRecord, death: Death, now: float, *, is_child: bool) -> None:
        """The worker's parent tells how the previous child died: crashes are the task's own fault, kills are not. Only
        that child's parent can know (`is_child`), and only of a lease that the child had."""
        text = death.text[:MAX_CAUSE]
        self._cluster.note("worker-died", f"worker {worker.name}: {text}", now, worker=worker.name)
        record = None if death.lease is None or not is_child else self._ended.get(death.lease)
        if record is not None and record.worker == worker.name and death.kind in OF_THE_TASK:
            del self._ended[record.lease]
            self._failed(record, worker, Cause(death.kind, text), now)

    # ── what workers say ─────────────────────────────────────────────────────────────────────────────────────────

    def beat(self, worker: WorkerRecord, message: Beat, now: float) -> None:
        worker.cpu_percent, worker.memory_bytes = message.cpu_percent, message.memory_bytes
        for beat in message.leases:
            if beat.frames > MAX_CHUNK_FRAMES:
                raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no chunk has {beat.frames} frames")
            record = worker.held.get(beat.lease)
            if record is None:
                self._cluster.send(worker.peer, Revoke(beat.lease))
                continue
            if beat.phase not in PHASES or record.revoked:
                continue
            if (beat.steps, beat.frames, beat.phase) != (record.steps, record.frames, record.phase):
                record.progress_at = now
                self._cluster.open[record.job].mark()
            record.phase, record.frames, record.steps = beat.phase, beat.frames, beat.steps
        self._cluster.fleet.phase_changed(worker)
        worker.measure(now)

    def released(self, worker: WorkerRecord, message: Released, now: float) -> None:
        cause = Cause.from_wire(message.cause) if message.cause else NO_CAUSE
        record = self._cluster.fleet.give_back(worker, message.lease)
        if record is None:
            return  # a late word on a lease that ended: its owner check fails, and that is all
        if message.outcome == LeaseOutcome.DRAINED:
            self._cluster.fleet.drain(worker)
        if record.revoked:
            return
        job = self._cluster.open[record.job]
        if message.outcome in (LeaseOutcome.STORED, LeaseOutcome.DUPLICATE):
            worker.chunks += 1
            worker.frames += job.streams[0].frames_of(record.index)
            job.tracks[record.track].tally.duplicates += message.outcome == LeaseOutcome.DUPLICATE
            self._end(record, now, delivered=True)
            return
        self._end(record, now, delivered=False)
        track = job.tracks[record.track]
        if message.outcome == LeaseOutcome.DAMAGED:
            self._cluster.check(job, track, record.index, is_stage=record.stage.start > 0, lease=record.lease)
            return
        if message.outcome == LeaseOutcome.FAILED and cause.kind == CauseKind.TOO_LARGE:
            track.share_no_more(f"{self._cluster.describe(record)}: {cause.text[:MAX_CAUSE]}")
            self._cluster.note("stage-too-large", track.whole_only, now, job.id, worker.name)
        elif message.outcome == LeaseOutcome.FAILED:
            self._failed(record, worker, cause, now)
        elif message.outcome == LeaseOutcome.REFUSED:
            self._failed(
                record, worker, Cause(CauseKind.REFUSED, "nothing proved that its result was of this task"), now
            )
        elif message.outcome != LeaseOutcome.DRAINED and now >= job.no_room_until:
            self._count_loss(record, worker, f"its result was {message.outcome:.80}", now)

    def came_damaged(self, check: Check, now: float) -> None:
        """A payload is whole in the spool, and was damaged on its way: lost there, and by nobody's fault once."""
        job = self._cluster.open.get(check.job)
        if job is None:
            return
        record = None if check.lease is None else self._ended.get(check.lease)
        where = f"worker {record.worker}" if record is not None else f"aggregator {job.owner_name}"
        index = record.index if record is not None else check.index  # what was checked may be a file that a task names
        self.count_loss(job, job.tracks[check.track], index, f"{where}, where it arrived damaged", now)

    def stored(self, job: Job, track: Track, index: int, flight: InFlight, stored_lease: Lease | None) -> None:
        """A task is stored: leases on it, other than the one that brought it, are pointless now."""
        for lease, record in flight.leases.items():
            worker = self._cluster.fleet.by_name[record.worker]
            record.revoked = True  # the task is done; only the credit is still out
            if lease != stored_lease:
                self._cluster.send(worker.peer, Revoke(lease))
            else:
                worker.chunks += 1
                worker.frames += job.streams[0].frames_of(index)

    def asset_requested(self, worker: WorkerRecord, message: AssetRequest, now: float) -> None:
        """A worker does not have a file that a task names: it is sent, once for each lease. Where the file is lost, the
        task waits here until the client has sent it again."""
        record = worker.held.get(message.lease)
        if record is None or record.revoked or (message.value in record.assets_sent and not message.damaged):
            return
        job = self._cluster.open[record.job]
        index = job.asset_index(message.value)
        if index is None or message.damaged:
            self._take_away(worker, record, now)
            if index is not None:
                self._cluster.outbox.append(
                    Check(job.id, record.track, job.stream_count, index, is_stage=False, lease=record.lease)
                )
            return
        record.assets_sent |= {message.value}
        self._cluster.outbox.append(SendChunk(worker.peer, Asset(message.value), job.id, job.stream_count, index))

    # ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────

    def handed_on(self, worker: WorkerRecord, message: HandOn) -> None:
        """What came of a stage is here: it goes to the spool, if it is still wanted."""
        cluster, record = self._cluster, worker.held.get(message.lease)
        if record is None or record.revoked or record.is_last:
            verdict = Stored(message.job, message.track, message.index, Verdict.UNWANTED, message.lease)
            cluster.send(worker.peer, verdict)
            return
        if not is_lease_tag(message.tag, record.tag):
            text = f"its tag is not that of lease {message.lease}"
            cluster.log(f"worker {worker.name} hands {cluster.describe(record)} on, which is refused: {text}")
            verdict = Stored(message.job, message.track, message.index, Verdict.REFUSED, message.lease, text=text)
            cluster.send(worker.peer, verdict)
            return
        cluster.outbox.append(SpoolStage(record.job, record.track, record.index, worker.name, record.lease))

    def stage_kept(self, kept: SpoolStage, size: int, now: float) -> None:
        """The task goes on where this stage ended, at the front of the queue."""
        cluster = self._cluster
        worker = cluster.fleet.by_name[kept.worker]
        job = cluster.open[kept.job]
        worker.chunks += 1
        worker.frames += job.streams[0].frames_of(kept.index)
        job.moved_at = now
        done = worker.held[kept.lease].stage.stop
        cluster.tell(job, job.tracks[kept.track], kept.index, f"handed on by {worker.name} after step {done}", now)
        for record in job.tracks[kept.track].hand_on(worker.held[kept.lease], size, now):
            record.revoked = True  # this part of the task is done; only the credit is still out
            peer = cluster.fleet.by_name[record.worker].peer
            if record.lease == kept.lease:
                cluster.send(peer, Stored(kept.job, kept.track, kept.index, Verdict.KEPT, kept.lease))
            else:
                cluster.send(peer, Revoke(record.lease))

    def stage_not_kept(self, lost: SpoolStage, reason: str, now: float) -> None:
        """There is no room: later again, from the chunk, so that what was done before gives its room back."""
        cluster = self._cluster
        worker, job = cluster.fleet.by_name[lost.worker], cluster.open[lost.job]
        record = worker.held[lost.lease]
        self._end(record, now, delivered=False)
        record.revoked = True
        cluster.free_intermediate(job, job.tracks[lost.track], lost.index)
        cluster.send(worker.peer, Stored(lost.job, lost.track, lost.index, Verdict.UNWANTED, lost.lease, text=reason))
        job.wait_for_room(reason, now)
        cluster.log(f"{cluster.describe(record)}: {reason}")

    def arriving(self, worker: WorkerRecord, now: float) -> None:
        """A part of a large message came: its beats wait behind it."""
        worker.heard_at = now
        for record in worker.held.values():
            if record.phase == LeasePhase.DELIVERING:
                record.progress_at = now

    # ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _failed(self, record: LeaseRecord, worker: WorkerRecord, cause: Cause, now: float) -> None:
        """An attributed failure of a task: counted, told, and after enough of them the job's policy applies."""
        cluster = self._cluster
        worker.failures += 1
        job = cluster.open.get(record.job)
        if job is None or job.is_final:
            return
        track = job.tracks[record.track]
        if record.index in track.queue.stored:
            return
        track.fail(record)
        self._charge(job, track, record.index, worker.name, record.mode, cause, now)

    def unreadable(self, job: Job, track: Track, index: int, worker: str, text: str, now: float) -> None:
        """A result that was stored makes no file: an attributed failure of who made it. Its task is queued again by the
        aggregator's word on what it holds, which follows."""
        made = self._cluster.fleet.by_name.get(worker)
        if made is not None:
            made.failures += 1
        track.make_unreadable(index)
        mode = self._cluster.mode_of(job, track, index)
        self._charge(job, track, index, worker, mode, Cause(CauseKind.UNREADABLE, text), now)

    def _charge(self, job: Job, track: Track, index: int, worker: str, mode: str, cause: Cause, now: float) -> None:
        """Write a failure down, and what follows from it, for the worker and for the job."""
        cluster, past = self._cluster, track.task_failures[index]
        if len(past.failures) < MAX_FAILURES_OF_TASK:
            past.failures.append({**cause.to_wire(), "worker": worker, "mode": mode})
        job.count_failure(worker)
        cluster.keep_failed(job, track, index)
        cluster.tell(job, track, index, f"failed on {worker}: {cause.kind}: {cause.text}", now, trouble=True)
        text = f"{cluster.describe_task(job, track, index)} failed on worker {worker}: {cause.text[:MAX_CAUSE]}"
        cluster.note("task-failed", text, now, job.id, worker)
        if mode != Mode.FILTER:
            self.fail_job(job, JobCode.TASK_FAILED, f"{text} (even without its filters)", now)
        elif self._cluster.exhausted(track, past) and job.fixed["policy"].get("on_error") == OnError.FAIL:
            self.fail_job(job, JobCode.TASK_FAILED, f"{text} ({len(past.failures)} tries)", now)

    def fail_job(self, job: Job, code: JobCode, reason: str, now: float) -> None:
        self.revoke_all(job)
        self._cluster.set_state(job, JobState.FAILED, code, reason)
        self._cluster.note("job-failed", f"job {job.id} failed: {reason}", now, job.id)

    def revoke_all(self, job: Job) -> None:
        """Takes every task of a job back from its workers."""
        for track in job.tracks:
            for index, flight in list(track.queue.in_flight.items()):
                for lease, record in flight.leases.items():
                    record.revoked = True
                    self._cluster.send(self._cluster.fleet.by_name[record.worker].peer, Revoke(lease))
                track.queue.put_back(index)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def expire(self, now: float) -> None:
        """Ends what has been silent or stood still for too long."""
        cluster, rules = self._cluster, self._cluster.rules
        for peer in cluster.lease_checks.expired(now):
            name = cluster.workers_by_peer.get(peer)
            if name is None:
                continue
            worker = cluster.fleet.by_name[name]
            silence = now - worker.heard_at
            if silence > rules.worker_timeout_s:
                text = f"nothing was heard of it for {silence:.0f} s"
                cluster.outbox.append(Close(worker.peer, ErrorCode.SILENT, text))
                del cluster.workers_by_peer[worker.peer]
                self.left(worker.name, text, now)
                continue
            for record in list(worker.held.values()):
                if not record.revoked:
                    self._check_progress(worker, record, now)
            cluster.lease_checks.set(peer, self._next_check(worker, now))

    def _next_check(self, worker: WorkerRecord, now: float) -> float:
        """Return when a worker, or something that it holds, may have stood still for too long. What it begins in the
        meantime cannot be too late before the shortest of the timeouts is over."""
        rules = self._cluster.rules
        at = min(worker.heard_at + rules.worker_timeout_s, now + rules.shortest_timeout_s)
        for record in worker.held.values():
            if not record.revoked and record.phase == LeasePhase.COMPUTING:
                at = min(at, record.progress_at + rules.stall_timeout_s)
            elif not record.revoked and record.phase == LeasePhase.DELIVERING:
                at = min(at, record.progress_at + rules.delivery_timeout_s)
        return at

    def _check_progress(self, worker: WorkerRecord, record: LeaseRecord, now: float) -> None:
        """Takes a task away that stands still: its own fault while it computes, the network's while it is delivered."""
        cluster, rules = self._cluster, self._cluster.rules
        still = now - record.progress_at
        if record.phase == LeasePhase.COMPUTING and still > rules.stall_timeout_s:
            self._take_away(worker, record, now)
            self._failed(record, worker, Cause(CauseKind.STALL, f"no progress for {still:.0f} s"), now)
        elif record.phase == LeasePhase.DELIVERING:
            if cluster.owner_of(cluster.open[record.job]) is None:
                record.progress_at = now  # the worker waits for the aggregator, as we do
            elif still > rules.delivery_timeout_s:
                self._take_away(worker, record, now)
                self._count_loss(record, worker, f"its result has not reached the aggregator for {still:.0f} s", now)

    def _take_away(self, worker: WorkerRecord, record: LeaseRecord, now: float) -> None:
        self._end(record, now, delivered=False)
        record.revoked = True
        self._cluster.send(worker.peer, Revoke(record.lease))

    # ── small things ─────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, record: LeaseRecord, now: float, *, delivered: bool) -> None:
        job = self._cluster.open.get(record.job)
        if job is not None:
            job.tracks[record.track].queue.end_lease(record, now, delivered=delivered)
        if not delivered:
            self._ended[record.lease] = record
            while len(self._ended) > RECENT_LEASES:
                self._ended.popitem(last=False)
