"""The brain of the middleware: events and the time in, commands out. No socket, clock, file or configuration inside.

Its rules are in modules by the peers that they deal with: clients (submissions.py, job_control.py), workers
(workers.py, leases.py, handing_on.py, scheduler.py; failures.py on what goes wrong), aggregators (ownership.py),
watchers (publisher.py, and pending_reasons.py on why a job waits). They share the state in model/cluster.py. Messages
reach them by routing.py, and turns.py has them look at the jobs that changed: nothing in a turn walks over what did not
move. This file takes events, and gives the commands back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from moviola.base.invocation import typed
from moviola.base.vocabulary import ErrorCode, JobCode
from moviola.storage.crashes import MAX_CRASHES

from .events import (
    Check,
    ChunkLost,
    Command,
    Damaged,
    Event,
    FoundDamaged,
    FoundWhole,
    Left,
    Log,
    MemberMessage,
    NotKept,
    Purpose,
    Recalled,
    StageKept,
    StageLost,
    Tick,
    Unsent,
)
from .job_record import JobRecord
from .job_request import JobRequest
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.job import Job
from .model.peers import StoreRecord
from .model.rules import Rules
from .model.states import FINAL, JobState
from .model.stream import ChunkFacts
from .parts import Parts
from .publisher import tell_ended
from .routing import Routing
from .turns import Turns


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
        self._parts = Parts(self.cluster)
        self._routing = Routing(self.cluster, self._parts)
        self._turns = Turns(self.cluster, self._parts)

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
            crashes: job → how often this program crashed while it dealt with that job. One with too many fails.
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
            self._routing.received(event, now)
        elif isinstance(event, Tick):
            self._turns.tick(event, now)
        elif isinstance(event, Damaged):
            self._routing.damaged(event, now)
        elif isinstance(event, Left):
            self._parts.link_costs.charge(event.peer, event.job, event.reason, now)
            self._routing.leave(event.peer, event.reason, now)
        elif isinstance(event, Unsent):
            self._parts.link_costs.unsent(event, now)
        elif isinstance(event, NotKept):
            self._parts.submissions.not_kept(event)
        elif isinstance(event, FoundWhole):
            self._parts.leases.came_damaged(event.command, now)
        elif isinstance(event, FoundDamaged):
            self._lost(event.command, now)
        elif isinstance(event, ChunkLost):
            self._lost_chunk(event.job, event.stream, event.index, now)
        elif isinstance(event, Recalled):
            self._recalled(event, now)
        elif isinstance(event, StageLost):
            self._lost_stage(event.job, event.track, event.index)
        elif isinstance(event, StageKept):
            self._parts.handing_on.kept(event.command, event.size, now)
        else:
            self._parts.handing_on.not_kept(event.command, event.reason, now)
        if self.cluster.ended_jobs:
            self._turns.clear_ended(now)
        commands, self.cluster.outbox = self.cluster.outbox, []
        return commands

    def half_done(self) -> str:
        """Return, after `handle` raised, in which way it left half a change behind: it had commanded more than log
        lines already, or the indexes disagree. Return "" if neither is so."""
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
        deadlines = [self._parts.publisher.next_deadline(), self._parts.subscriptions.next_deadline()]
        deadlines.append(cluster.idlers.next_deadline())
        if cluster.workers or cluster.aggregators or cluster.open:
            deadlines.append(self._turns.next_scan)
        return min((one for one in deadlines if one is not None), default=None)

    def validate(self) -> None:
        """Proves that the indexes agree; for tests and the simulation."""
        self.cluster.validate()
        self._parts.scheduler.validate()

    # ── what is lost, and what was looked up ─────────────────────────────────────────────────────────────────────

    def _lost(self, check: Check, now: float) -> None:
        """Give up a payload whose copy in the spool is damaged: a chunk, or what is done of a task."""
        if check.is_stage:
            self._lost_stage(check.job, check.track, check.index)
        else:
            self._lost_chunk(check.job, check.stream, check.index, now)

    def _lost_chunk(self, job: str, stream: int, index: int, now: float) -> None:
        """Give up a chunk that is not in the spool any more, if its job is not over."""
        if job in self.cluster.open:
            self.cluster.lose_chunk(self.cluster.open[job], stream, index, now)

    def _lost_stage(self, job_id: str, track: int, index: int) -> None:
        """Give up what was done of a task, which is not in the spool any more: the task begins again with its chunk."""
        job = self.cluster.open[job_id]
        self.cluster.free_intermediate(job, job.tracks[track], index)

    def _recalled(self, event: Recalled, now: float) -> None:
        """Do what an ended job was looked up in the ledger for: begin it again, or tell the peer that asked."""
        cluster, recall = self.cluster, event.command
        job = cluster.jobs.get(recall.job)
        if not isinstance(job, EndedJob):
            return
        if event.request is None or event.record is None:
            text = f"what was kept of job {job.id} is damaged or gone; forget it: {typed('jobs')} forget {job.id}"
            cluster.refuse_peer(recall.peer, ErrorCode.BAD_JOB, text, job.id)
        elif recall.purpose is Purpose.RETRY:
            self._parts.job_control.retry(job, event.request, event.record, recall.peer, now)
        else:
            tell_ended(cluster, job, event.request, event.record, recall)
