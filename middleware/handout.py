"""Who gets which task: round-robin among jobs and workers, and copies of those that take too long."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace
from math import inf
from typing import Final

from base.build_path import BuildPath, to_text
from middleware.chains import Needs
from middleware.cluster import Cluster
from middleware.events import SendChunk, SendStage
from middleware.fleet import WorkerRecord
from middleware.jobs import Job
from middleware.stages import Offer, is_covered, is_dead_end, offers
from middleware.states import JobState
from middleware.tracks import LeaseRecord, Track, Trouble
from middleware.waiting import Waiting
from wire.lease_tags import lease_tag
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
        """Gives queued tasks to workers with credit: users take turns, each one's jobs of one priority, and workers."""
        if not self._cluster.fleet.has_credit:
            return
        waiting = Waiting(self._waiting_tracks(now), self._last_served)
        dry: set[tuple[Needs, BuildPath]] = set()
        while waiting.count:
            job, track = waiting.take()
            kind = track.needs, track.fingerprint
            if kind in dry and not track.intermediates:
                continue
            if self._hand_out_one(job, track, self._occupied(job, track, waiting), now):
                waiting.served(job, track, has_more=track.queued(job.have[track.stream]) is not None)
            elif not job.benched and not track.troubles and not self._shares(track):
                dry.add(kind)  # nobody for this track is nobody for any of its kind
        self._speculate(now)

    def _occupied(self, job: Job, track: Track, others: Waiting) -> frozenset[str]:
        """The workers that get none of a track's tasks where these and the others' are the last ones, which wait for
        workers that have nothing to do: one given in advance might wait behind a slow worker's task while others look
        on.
        """
        fleet = self._cluster.fleet
        able_count, count = fleet.count_able(track.needs), 1 + others.count  # each track has one task at least
        if count >= able_count:
            return frozenset()
        for each, waiting in [(job, track), *others]:
            count += waiting.queued_count(each.have[waiting.stream]) - 1
            if count >= able_count or not each.all_sent:
                return frozenset()
        return frozenset(worker.name for worker in fleet.connected() if worker.is_computing)

    def _shares(self, track: Track) -> bool:
        """Whether the chain may be shared among workers, each track's as far as it is."""
        can_one = self._cluster.fleet.can(track.needs)
        return bool(track.intermediates) or (not can_one and is_covered(self._cluster, track, track.chain.whole))

    def _hand_out_one(self, job: Job, track: Track, occupied: Set[str], now: float) -> bool:
        for index in track.candidates(job.have[track.stream], job.frame_counts[track.stream]):
            chosen = self._choose(job, track, index, occupied)
            if chosen is not None:
                self._lend(job, track, index, *chosen, now)
                return True
        return False

    def _waiting_tracks(self, now: float) -> Iterator[tuple[Job, Track]]:
        """Output tracks with queued tasks."""
        return (
            (job, track)
            for job in self._cluster.open_jobs()
            if job.holdings_known and job.state in (JobState.PENDING, JobState.RUNNING) and now >= job.no_room_until
            if job.has_assets
            for track in job.tracks
            if not track.is_passthrough and track.queued(job.have[track.stream]) is not None
        )

    def _choose(
        self, job: Job, track: Track, index: int, occupied: Set[str] = frozenset()
    ) -> tuple[Offer, WorkerRecord] | None:
        """The next part of a task that somebody has credit for, and who gets it: none of those `occupied`."""
        if index in track.intermediates and is_dead_end(self._cluster, job, track, index):
            self._cluster.free_intermediate(job, track, index)
        for offer in offers(self._cluster, job, track, index):
            worker = self._pick_for_build(job, track, index, offer, occupied)
            if worker is not None:
                return offer, worker
        return None

    def _pick_for_build(
        self, job: Job, track: Track, index: int, offer: Offer, occupied: Set[str]
    ) -> WorkerRecord | None:
        """Choose a worker for an offer. The first one that is to bring a result decides on a track's build: where there
        is a choice, it is one of the build that most able workers have."""
        trouble, fleet = track.troubles.get(index), self._cluster.fleet
        if not track.fingerprint and track.chain.is_last(offer.stage) and len(fleet.fingerprints) > 1:
            commonest = fleet.commonest_build(offer.needs, offer.refused)
            others = replace(offer, refused=fleet.fingerprints - {commonest})
            worker = self._pick(job, trouble, others, occupied)
            if worker is not None:
                return worker
        return self._pick(job, trouble, offer, occupied)

    def _pick(self, job: Job, trouble: Trouble | None, offer: Offer, occupied: Set[str]) -> WorkerRecord | None:
        benched = self._cluster.benched(job)
        pick, refused = self._cluster.fleet.pick, offer.refused
        if trouble is not None and trouble.failed_on:
            others = self._able(offer) - trouble.failed_on - benched
            if others:  # somebody else must try it, even if that means to wait for credit
                return pick(offer.needs, trouble.failed_on | benched | occupied, refused)
        found = pick(offer.needs, benched | occupied, refused)
        if found is None and benched and self._able(offer) <= benched:
            found = pick(offer.needs, occupied, refused)  # better a sick worker than nobody
        return found

    def _able(self, offer: Offer) -> set[str]:
        """Who may take it, now or when its turn comes."""
        return {worker.name for worker in self._cluster.fleet.able(offer.needs, offer.refused)}

    def _lend(self, job: Job, track: Track, index: int, offer: Offer, worker: WorkerRecord, now: float) -> None:
        cluster, chain, stage = self._cluster, track.chain, offer.stage
        told_stage = chain.to_wire(stage)
        self._sequence += 1
        self._turn += 1
        self._last_served[job.id] = job.user.last_served = self._turn
        lease = Lease(cluster.epoch, self._sequence)
        fingerprint = track.fingerprint_of(index, offer.mode, worker.details.fingerprint, stage)
        build = to_text(fingerprint)
        tag = lease_tag(
            job.lease_key,
            job=job.id,
            owner_epoch=job.owner_epoch,
            track=track.number,
            index=index,
            lease=lease,
            instance=worker.shown_to(job.owner),
            mode=offer.mode,
            stage=told_stage,
            build=build,
        )
        record = LeaseRecord(
            lease=lease,
            worker=worker.name,
            job=job.id,
            track=track.number,
            index=index,
            mode=offer.mode,
            stage=stage,
            is_last=chain.is_last(stage),
            fingerprint=fingerprint,
            tag=tag,
            handed_out_at=now,
            progress_at=now,
        )
        if record.is_last and not track.fingerprint:
            track.fingerprint = fingerprint
            cluster.save(job)  # committed before the task leaves: no restart chooses another one
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
            mode=offer.mode,
            stage=told_stage,
            build=build,
            tag=tag,
            assets=job.assets_of(track) if offer.mode != "drop" else [],
        )
        if stage.start:
            cluster.outbox.append(SendStage(worker.peer, task, job.id, track.number, index))
        else:
            cluster.outbox.append(SendChunk(worker.peer, task, job.id, track.stream, index))
        if job.state is JobState.PENDING:
            cluster.set_state(job, JobState.RUNNING)

    def _speculate(self, now: float) -> None:
        """The tail: an idle worker gets a copy of the task that has run far longer than its like."""
        idle = [worker for worker in self._cluster.fleet.connected() if not worker.held]
        if not idle:
            return
        for job in self._cluster.open_jobs():
            if job.state is not JobState.RUNNING or not job.holdings_known or not (job.all_sent and job.has_assets):
                continue
            if now < job.no_room_until:
                continue  # a copy of a result for which there is no room finds none either
            for track in job.tracks:
                slow = self._slowest(track, now)
                chosen = self._choose(job, track, slow.index) if slow else None
                if slow is None or chosen is None or chosen[1].held or chosen[1].name == slow.worker:
                    continue
                what, worker = self._cluster.describe(slow), chosen[1]
                self._cluster.log(f"{what} is slow on {slow.worker}; {worker.name} tries it too")
                self._lend(job, track, slow.index, *chosen, now)

    @staticmethod
    def _slowest(track: Track, now: float) -> LeaseRecord | None:
        """The task that deserves a copy. One that has failed before is slow by its own fault, and would hang two
        workers instead of one."""
        alone = [
            (now - flight.first_handed_out_at, next(iter(flight.leases.values())))
            for index, flight in track.flights.items()
            if len(flight.leases) == 1
            if index not in track.troubles or not track.troubles[index].failures
        ]
        slow = [record for seconds, record in alone if seconds > _patience(track, record)]
        return min(slow, key=lambda record: record.handed_out_at, default=None)

    def forget(self, job: str) -> None:
        self._last_served.pop(job, None)


def _patience(track: Track, record: LeaseRecord) -> float:
    """Seconds that a task may take before it gets a copy; endless while none of its like is done."""
    mean_s = track.pace(record.stage.stop).mean_s
    return inf if mean_s is None else max(SPECULATE_MIN_S, SPECULATE_FACTOR * mean_s)
