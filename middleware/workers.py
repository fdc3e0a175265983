"""Workers come and go: who takes the place of whom, which leases go on, and what a death tells of a task."""

from __future__ import annotations

from typing import Final

from moviola.base.build_path import BuildPath, from_text
from moviola.base.labels import fault_of
from moviola.base.trouble import Trouble
from moviola.base.vocabulary import CauseKind, ErrorCode, EventKind, Fault, Mode, SpanOutcome
from moviola.wire.errors import ProtocolError
from moviola.wire.lease_tags import is_lent
from moviola.wire.limits import MAX_CREDIT
from moviola.wire.messages import (
    VERSIONS,
    Cause,
    Death,
    HeldLease,
    Hello,
    Limits,
    Revoke,
    Welcome,
    WorkerDetails,
)
from moviola.wire.tokens import is_same

from .draining import Draining
from .events import Close, Peer
from .failures import MAX_CAUSE, Failures
from .leases import PHASES, Leases
from .model.cluster import Cluster
from .model.fleet import WorkerRecord, names_of
from .model.job import Job
from .model.states import JobState, WorkerState
from .model.task_queue import LeaseRecord
from .names import worker_before

MODES: Final = frozenset(Mode)

MAX_OFFERED: Final = 5
"""Filters that are named when a worker joins; the others are counted."""

OF_THE_TASK: Final = frozenset({CauseKind.CRASH, CauseKind.MEMORY, CauseKind.STALL})
"""Deaths of a process that are charged to what it was computing."""


class Workers:
    """The part of the dispatcher that knows which workers are here."""

    def __init__(self, cluster: Cluster, leases: Leases, failures: Failures, draining: Draining) -> None:
        self._cluster, self._leases, self._failures, self._draining = cluster, leases, failures, draining

    def joined(self, peer: Peer, hello: Hello, host: str, now: float) -> None:
        """A worker has said Hello: it takes the place of an earlier session, and goes on with what that held. Raises
        ProtocolError."""
        cluster, rules = self._cluster, self._cluster.rules
        details = WorkerDetails.from_wire(hello.details)
        if fault := fault_of(details.labels):
            raise ProtocolError(ErrorCode.BAD_MESSAGE, fault)
        old = worker_before(cluster, hello)
        if old is not None:
            cluster.outbox.append(
                Close(old.peer, ErrorCode.SUPERSEDED, f"a newer session of {hello.name!r} has joined")
            )
            del cluster.workers[old.peer]
            self._lose(old, "superseded by a newer session", now)
        parent = cluster.fleet.by_name.get(hello.name)  # as it is known from the session before
        is_child = parent is not None and is_same(hello.token, parent.token)
        worker = cluster.fleet.join(peer, hello, details, host, now)
        cluster.lease_checks.set(peer, now + rules.shortest_timeout_s)
        cluster.outbox += cluster.catalogue.announce(details.filters)
        cluster.workers[peer] = worker
        limits = Limits(rules.beat_interval_s, rules.worker_timeout_s, rules.stall_timeout_s, rules.credit)
        cluster.send(peer, Welcome(version=VERSIONS[-1], epoch=cluster.epoch, limits=limits))
        for one in cluster.aggregators.values():
            cluster.send(peer, one.message())
        names = sorted(name for name in names_of(details) if name in worker.offers)
        more = f" and {len(names) - MAX_OFFERED} more" if len(names) > MAX_OFFERED else ""
        text = f"worker {hello.name} joined from {host or 'here'}: {', '.join(names[:MAX_OFFERED])}{more}"
        cluster.note(EventKind.WORKER_JOINED, text, worker=hello.name)
        if parent is not None and is_child:
            self._draining.rejoined(parent, worker)
        if details.death is not None:
            self._predecessor_died(worker, details.death, now, is_child=is_child)
        for held in details.held:
            if held.lease not in worker.held:
                self._adopt(worker, held, now)

    def left(self, peer: Peer, reason: str, now: float) -> None:
        """A worker's connection is gone."""
        worker = self._cluster.workers.pop(peer)
        if worker.state is WorkerState.DRAINING and not worker.held:
            reason = "it is drained"
        self._cluster.note(EventKind.WORKER_LEFT, f"worker {worker.name} left: {reason}", worker=worker.name)
        self._lose(worker, reason, now)

    def expire(self, now: float) -> None:
        """End the connections of workers that were silent, and take back tasks that stood still, for too long."""
        cluster, rules = self._cluster, self._cluster.rules
        for peer in cluster.lease_checks.expired(now):
            worker = cluster.workers.get(peer)
            if worker is None:
                continue
            silence = now - worker.heard_at
            if silence > rules.worker_timeout_s:
                text = f"nothing was heard of it for {silence:.0f} s"
                cluster.outbox.append(Close(peer, ErrorCode.SILENT, text))
                self.left(peer, text, now)
                continue
            for record in list(worker.held.values()):
                if not record.revoked:
                    self._leases.check_progress(worker, record, now)
            cluster.lease_checks.set(peer, self._leases.next_check(worker, now))

    def _lose(self, worker: WorkerRecord, reason: str, now: float) -> None:
        self._cluster.gone_workers.add(worker.name)
        for record in self._cluster.fleet.lose(worker):
            if record.revoked:
                continue
            worker.losses += 1
            self._leases.end(record, now, SpanOutcome.LOST)
            self._failures.lost(record, worker, reason, now)

    # ── what the worker before left ──────────────────────────────────────────────────────────────────────────────────

    def _adopt(self, worker: WorkerRecord, held: HeldLease, now: float) -> None:
        """Let a lease that a returning worker still holds go on, rather than doing its task again, if it was lent to
        this very worker, nobody else holds it, and what will come of it is wanted. Else revoke it."""
        cluster = self._cluster
        job = cluster.open.get(held.job)
        is_free = not cluster.fleet.is_held(held.lease) and len(worker.held) < MAX_CREDIT
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
            part=track.chain.part(held.mode, stage, fingerprint),
            tag=held.tag,
            handed_out_at=now,
            progress_at=now,
            phase=held.phase,
            is_adopted=True,
        )
        cluster.fleet.lend(worker, record)
        track.assign(record, now, adopted=True)
        cluster.log(f"{self._cluster.describe(record)} goes on at worker {worker.name}")

    def _was_lent(self, job: Job, worker: WorkerRecord, held: HeldLease, now: float) -> bool:
        """Return whether the tag of a held lease proves that it was lent to this worker for just this."""
        if is_lent(held, job.request.lease_key, worker.shown_to(job.owner.store)):
            return True
        text = f"worker {worker.name} claims lease {held.lease} of job {job.id}, which was never lent to it"
        self._cluster.note(EventKind.LEASE_REFUSED, text, job.id, worker.name)
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
            and held.owner_epoch == job.owner.epoch
            and held.track < len(job.request.outputs)
            and held.index in job.streams[0].here
            and held.index not in job.tracks[held.track].queue.stored
            and held.phase in PHASES
            and held.mode in MODES
        )

    def _predecessor_died(self, worker: WorkerRecord, death: Death, now: float, *, is_child: bool) -> None:
        """The worker's parent tells how the previous child died: crashes are the task's own fault, kills are not. Only
        that child's parent can know (`is_child`), and only of a lease that the child had."""
        text = death.text[:MAX_CAUSE]
        self._cluster.note(EventKind.WORKER_DIED, f"worker {worker.name}: {text}", worker=worker.name)
        record = None if death.lease is None or not is_child else self._leases.ended(death.lease)
        if record is not None and record.worker == worker.name and death.kind in OF_THE_TASK:
            self._leases.forget(record.lease)
            self._failures.failed(record, worker, Cause(death.kind, text), now)
        else:
            lost = Trouble(now + self._cluster.unix_offset_s, Fault.MACHINE, death.kind, text, worker=worker.name)
            self._cluster.troubles.add("", lost)
