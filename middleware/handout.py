"""Who gets which task: round-robin among jobs and workers, and copies of those that take too long."""

from __future__ import annotations

from typing import Final

from middleware.cluster import Cluster
from middleware.events import SendChunk
from middleware.fleet import WorkerRecord
from middleware.jobs import Job
from middleware.states import JobState
from middleware.tracks import LeaseRecord, Needs, Track
from wire.messages import Task
from wire.schema import Lease

SPECULATE_FACTOR: Final = 2.0
"""A task is handed out a second time only when it has run this much longer than its track's mean (as MapReduce's
backup tasks): on fewer cores than workers, copies of healthy tasks would slow the job down."""

SPECULATE_MIN_S: Final = 1.0
"""… and at least so long, so that short tasks are not copied for nothing."""


class Handout:
    """The part of the dispatcher that gives workers their tasks."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._sequence = 0
        self._last_served: dict[str, int] = {}  # job → turn, for round-robin among jobs
        self._turn = 0

    def hand_out(self, now: float) -> None:
        """Gives queued tasks to workers with credit, round-robin among jobs of one priority and among workers."""
        waiting = self._waiting_tracks(now)
        dry: set[Needs] = set()
        while waiting:
            job, track = waiting.pop(0)
            if track.needs in dry:
                continue
            if not self._hand_out_one(job, track, now):
                if not track.refused_fingerprints and not job.benched and not track.troubles:
                    dry.add(track.needs)  # nobody for this track is nobody for any track with the same needs
            elif track.queued(job.have[track.stream]) is not None:
                self._insert(waiting, job, track)
        self._speculate(now)

    def _hand_out_one(self, job: Job, track: Track, now: float) -> bool:
        for index in track.candidates(job.have[track.stream]):
            worker = self._pick(job, track, index)
            if worker is not None:
                self._lend(job, track, index, worker, now)
                return True
        return False

    def _waiting_tracks(self, now: float) -> list[tuple[Job, Track]]:
        """Output tracks with queued tasks: by priority, then those whose job was served the longest ago."""
        found = [
            (job, track)
            for job in self._cluster.open_jobs()
            if job.holdings_known and job.state in (JobState.PENDING, JobState.RUNNING) and now >= job.no_room_until
            for track in job.tracks
            if not track.is_passthrough and track.queued(job.have[track.stream]) is not None
        ]
        found.sort(key=lambda pair: self._order(pair[0]))
        return found

    def _order(self, job: Job) -> tuple[int, int]:
        return (-job.priority, self._last_served.get(job.id, 0))

    def _insert(self, waiting: list[tuple[Job, Track]], job: Job, track: Track) -> None:
        """Puts a track behind all others of its priority."""
        at = len(waiting)
        while at > 0 and waiting[at - 1][0].priority < job.priority:
            at -= 1
        waiting.insert(at, (job, track))

    def _pick(self, job: Job, track: Track, index: int) -> WorkerRecord | None:
        benched = {name for name, count in job.benched.items() if count >= self._cluster.rules.bench_after}
        trouble = track.troubles.get(index)
        pick = self._cluster.fleet.pick
        if trouble is not None and trouble.failed_on:
            others = {worker.name for worker in self._cluster.able(track)} - trouble.failed_on - benched
            if others:  # somebody else must try it, even if that means to wait for credit
                return pick(track.needs, trouble.failed_on | benched, track.refused_fingerprints)
        found = pick(track.needs, benched, track.refused_fingerprints)
        if found is None and benched:  # better a sick worker than nobody, when all are sick for this job
            able = {worker.name for worker in self._cluster.able(track)}
            if able <= benched:
                found = pick(track.needs, frozenset(), track.refused_fingerprints)
        return found

    def _lend(self, job: Job, track: Track, index: int, worker: WorkerRecord, now: float) -> None:
        cluster = self._cluster
        self._sequence += 1
        self._turn += 1
        self._last_served[job.id] = self._turn
        trouble = track.troubles.get(index)
        mode = "filter"
        if trouble is not None and self._cluster.exhausted(track, trouble):
            mode = "drop" if job.fixed["policy"].get("on_error") == "drop" else "bypass"
        record = LeaseRecord(
            Lease(cluster.epoch, self._sequence), worker.name, job.id, track.number, index, mode, now, now
        )
        track.assign(record, job.have[track.stream], now)
        cluster.fleet.lend(worker, record)
        task = Task(
            lease=record.lease,
            job=job.id,
            track=track.number,
            index=index,
            source=job.worker_source,
            output=job.fixed["outputs"][track.number],
            owner=job.owner,
            owner_epoch=job.owner_epoch,
            mode=mode,
        )
        cluster.outbox.append(SendChunk(worker.peer, task, job.id, track.stream, index))
        if job.state is JobState.PENDING:
            cluster.set_state(job, JobState.RUNNING)

    def _speculate(self, now: float) -> None:
        """The tail: an idle worker gets a copy of the task that has run far longer than its like."""
        idle = [worker for worker in self._cluster.fleet.connected() if not worker.held]
        if not idle:
            return
        for job in self._cluster.open_jobs():
            if job.state is not JobState.RUNNING or not job.holdings_known or not job.all_sent:
                continue
            if now < job.no_room_until:
                continue  # a copy of a result for which there is no room finds none either
            for track in job.tracks:
                slow = self._slowest(track, now)
                worker = self._pick(job, track, slow.index) if slow else None
                if slow and worker and not worker.held and worker.name != slow.worker:
                    self._cluster.log(
                        f"{self._cluster.describe(slow)} is slow on {slow.worker}; {worker.name} tries it too"
                    )
                    self._lend(job, track, slow.index, worker, now)

    @staticmethod
    def _slowest(track: Track, now: float) -> LeaseRecord | None:
        """The task that deserves a copy. One that has failed before is slow by its own fault, and would hang two
        workers instead of one."""
        if track.is_passthrough or not track.stored.count:
            return None
        patience = max(SPECULATE_MIN_S, SPECULATE_FACTOR * track.task_seconds / track.stored.count)
        alone = [
            next(iter(flight.leases.values()))
            for index, flight in track.flights.items()
            if len(flight.leases) == 1 and now - flight.first_handed_out_at > patience
            if index not in track.troubles or not track.troubles[index].failures
        ]
        return min(alone, key=lambda record: record.handed_out_at, default=None)

    def forget(self, job: str) -> None:
        self._last_served.pop(job, None)
