"""The life of a lease: what workers say of their tasks, how a lease ends, and when it has stood still for too long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from moviola.base.vocabulary import CauseKind, ErrorCode, EventKind, LeaseOutcome, LeasePhase, SpanOutcome
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import (
    Asset,
    AssetRequest,
    Beat,
    Cause,
    Released,
    Revoke,
)
from moviola.wire.schema import Lease

from .draining import Draining
from .events import Check, SendChunk
from .failures import MAX_CAUSE, Failures
from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.job import MAX_CHUNK_FRAMES, Job
from .model.task_queue import InFlight, LeaseRecord
from .model.track import DELIVERED

RECENT_LEASES: Final = 4096
"""Leases remembered after they ended, so that a worker's parent can say how the child that held one died."""

PHASES: Final = frozenset(LeasePhase)
"""The phases that a worker may tell of a lease; one that it tells otherwise is passed over."""

BROUGHT: Final = frozenset({LeaseOutcome.STORED, LeaseOutcome.DUPLICATE})
"""How a lease ends that brought a result."""

SPAN_OUTCOMES: Final[Mapping[str, SpanOutcome]] = {
    LeaseOutcome.STORED: SpanOutcome.STORED,
    LeaseOutcome.DUPLICATE: SpanOutcome.DUPLICATE,
    LeaseOutcome.FAILED: SpanOutcome.FAILED,
    LeaseOutcome.REFUSED: SpanOutcome.FAILED,
    LeaseOutcome.DRAINED: SpanOutcome.WITHDRAWN,
}
"""What a job's timeline says of a lease that its worker gave back; of any other, that it was lost."""

NO_CAUSE: Final = Cause()


class Leases:
    """The part of the dispatcher that listens to what workers say of their tasks."""

    def __init__(self, cluster: Cluster, failures: Failures, draining: Draining) -> None:
        self._cluster, self._failures, self._draining = cluster, failures, draining
        self._ended: OrderedDict[Lease, LeaseRecord] = OrderedDict()

    # ── what is said of a task ───────────────────────────────────────────────────────────────────────────────────────

    def beat(self, worker: WorkerRecord, message: Beat, now: float) -> None:
        """A sign of life, and how far the tasks of a worker are. Raises ProtocolError."""
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
                record.phase, record.steps = beat.phase, beat.steps
                job = self._cluster.open[record.job]
                self.went_on(job, worker, record, beat.frames)
                record.is_adopted = False
                job.rate.update(job.frames_computed, now)
                job.tracks[record.track].queue.advance(record, now)
        self._draining.heard(worker, message)
        self._cluster.fleet.phase_changed(worker)
        worker.rate.update(worker.frames, now)

    def went_on(self, job: Job, worker: WorkerRecord, record: LeaseRecord, frames: int | None = None) -> None:
        """Count the frames of a task that are done, for its worker and its job. With None all of them are done, and the
        chunk is counted as well. What was done before a lease was adopted is not counted: it may be long ago."""
        if frames is None:
            frames, worker.chunks = job.streams[0].frames_of(record.index), worker.chunks + 1
        more, record.frames = frames - record.frames, frames
        if more > 0 and not record.is_adopted:
            worker.frames += more
            if record.part.is_last:
                job.frames_computed += more

    def released(self, worker: WorkerRecord, message: Released, now: float) -> None:
        """A worker gives a lease back, and says what became of it."""
        cause = message.cause or NO_CAUSE
        record = self._cluster.fleet.give_back(worker, message.lease)
        if record is None:
            return  # a late word on a lease that ended: its owner check fails, and that is all
        if message.outcome == LeaseOutcome.DRAINED:
            self._draining.gave_back(worker)
        if record.revoked:
            return
        job = self._cluster.open[record.job]
        if message.outcome in BROUGHT:
            self.went_on(job, worker, record)
            job.tracks[record.track].tally.duplicates += message.outcome == LeaseOutcome.DUPLICATE
        self.end(record, now, SPAN_OUTCOMES.get(message.outcome, SpanOutcome.LOST))
        if message.outcome in BROUGHT:
            return
        track = job.tracks[record.track]
        if message.outcome == LeaseOutcome.DAMAGED:
            self._cluster.check(job, track, record.index, is_stage=record.part.stage.start > 0, lease=record.lease)
            return
        if message.outcome == LeaseOutcome.FAILED and cause.kind == CauseKind.TOO_LARGE:
            track.share_no_more(f"{self._cluster.describe(record)}: {cause.text[:MAX_CAUSE]}")
            self._cluster.note(EventKind.STAGE_TOO_LARGE, track.whole_only, job.id, worker.name)
        elif message.outcome == LeaseOutcome.FAILED:
            self._failures.failed(record, worker, cause, now)
        elif message.outcome == LeaseOutcome.REFUSED:
            self._failures.failed(
                record, worker, Cause(CauseKind.REFUSED, "nothing proved that its result was of this task"), now
            )
        elif message.outcome != LeaseOutcome.DRAINED and now >= job.no_room.until:
            self._failures.lost(record, worker, f"its result was {message.outcome:.80}", now)

    def came_damaged(self, check: Check, now: float) -> None:
        """A payload arrived damaged although the spool's copy is whole: a loss of the task, charged to nobody."""
        job = self._cluster.open.get(check.job)
        if job is None:
            return
        record = None if check.lease is None else self._ended.get(check.lease)
        where = f"worker {record.worker}" if record is not None else f"aggregator {job.owner.name}"
        index = record.index if record is not None else check.index  # what was checked may be a file that a task names
        self._failures.count_loss(job, job.tracks[check.track], index, f"{where}, where it arrived damaged", now)

    def stored(self, job: Job, flight: InFlight, stored_lease: Lease | None, now: float) -> None:
        """End all leases on a task that is stored now. Those other than the one that brought the result are revoked."""
        for lease, record in flight.leases.items():
            worker = self._cluster.fleet.by_name[record.worker]
            record.revoked = True  # the task is done; only the credit is still out
            if lease != stored_lease:
                self._cluster.send(worker.peer, Revoke(lease))
                job.timeline.note(record, now, SpanOutcome.WITHDRAWN)
            else:
                self.went_on(job, worker, record)
                job.timeline.note(record, now, SpanOutcome.STORED)

    def asset_requested(self, worker: WorkerRecord, message: AssetRequest, now: float) -> None:
        """Send a worker a file that its task names, once for each lease. If the file is not here, or arrived damaged,
        take the task back. A task whose file is not here waits until the client has sent the file again."""
        record = worker.held.get(message.lease)
        if record is None or record.revoked or (message.value in record.assets_sent and not message.damaged):
            return
        job = self._cluster.open[record.job]
        index = job.asset_index(message.value)
        if index is None or message.damaged:
            self.take_away(worker, record, now, SpanOutcome.WITHDRAWN)
            if index is not None:
                self._cluster.outbox.append(
                    Check(job.id, record.track, job.request.stream_count, index, is_stage=False, lease=record.lease)
                )
            return
        record.assets_sent |= {message.value}
        self._cluster.outbox.append(
            SendChunk(worker.peer, Asset(message.value), job.id, job.request.stream_count, index)
        )

    def arriving(self, worker: WorkerRecord, now: float) -> None:
        """Count a part of a large message from a worker as a sign of life, and as progress of what it delivers: its
        beats wait behind that message."""
        worker.heard_at = now
        for record in worker.held.values():
            if record.phase == LeasePhase.DELIVERING:
                record.progress_at = now

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def next_check(self, worker: WorkerRecord, now: float) -> float:
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

    def check_progress(self, worker: WorkerRecord, record: LeaseRecord, now: float) -> None:
        """Takes a task away that stands still: its own fault while it computes, the network's while it is delivered."""
        cluster, rules = self._cluster, self._cluster.rules
        still = now - record.progress_at
        if record.phase == LeasePhase.COMPUTING and still > rules.stall_timeout_s:
            self.take_away(worker, record, now, SpanOutcome.FAILED)
            self._failures.failed(record, worker, Cause(CauseKind.STALL, f"no progress for {still:.0f} s"), now)
        elif record.phase == LeasePhase.DELIVERING:
            if cluster.owner_of(cluster.open[record.job]) is None:
                record.progress_at = now  # the worker waits for the aggregator, as we do
            elif still > rules.delivery_timeout_s:
                self.take_away(worker, record, now, SpanOutcome.LOST)
                self._failures.lost(record, worker, f"its result has not reached the aggregator for {still:.0f} s", now)

    # ── how a lease ends ─────────────────────────────────────────────────────────────────────────────────────────────

    def take_away(self, worker: WorkerRecord, record: LeaseRecord, now: float, outcome: SpanOutcome) -> None:
        """Take a task back from its worker, which keeps the credit until it answers."""
        self.end(record, now, outcome)
        record.revoked = True
        self._cluster.send(worker.peer, Revoke(record.lease))

    def end(self, record: LeaseRecord, now: float, outcome: SpanOutcome) -> None:
        """End a lease. One that brought no result is remembered, because it may be told later how its worker died."""
        job = self._cluster.open.get(record.job)
        if job is not None:
            job.tracks[record.track].end_lease(record, now, outcome)
        if outcome not in DELIVERED:
            self._ended[record.lease] = record
            while len(self._ended) > RECENT_LEASES:
                self._ended.popitem(last=False)

    def ended(self, lease: Lease) -> LeaseRecord | None:
        """Return a lease that ended without a result, not long ago."""
        return self._ended.get(lease)

    def forget(self, lease: Lease) -> None:
        """Forget a lease that ended: its worker's death has been told."""
        self._ended.pop(lease, None)
