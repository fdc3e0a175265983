"""Who gets which task: round-robin among users, jobs and workers, and copies of those that take too long."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from itertools import islice
from math import inf
from typing import Final

from moviola.base.vocabulary import EventKind, Mode
from moviola.wire.messages import Task
from moviola.wire.schema import Lease

from .events import SendChunk, SendStage
from .model.chain import Pace, Part
from .model.cluster import Cluster
from .model.fleet import Group, WorkerRecord
from .model.job import Job
from .model.lanes import NOBODY, Key, Lane, Lanes, Place
from .model.states import JobState
from .model.task_queue import LeaseRecord
from .model.track import TaskFailures, Track
from .stages import Offer, is_dead_end, offers, takes_build

SPECULATE_FACTOR: Final = 2.0
"""A task is handed out a second time only when it has run this much longer than its track's mean (as MapReduce's
backup tasks): on fewer cores than workers, copies of healthy tasks would slow the job down."""

SPECULATE_MIN_S: Final = 1.0
"""… and at least so long, so that short tasks are not copied for nothing."""

MAX_SPECIAL: Final = 64
"""Special tracks (see Lanes) that are tried in one turn, the longest untried first: about 2 ms of work, however many
tasks have failed before."""


class Scheduler:
    """The part of the dispatcher that gives workers their tasks.

    It is told of every job that changed (`look`), and keeps those tracks in lanes that have queued tasks.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lanes = Lanes()
        self._version = 0  # of the fleet's groups for which the lanes were made

    def look(self, job: Job, now: float) -> None:
        """See which tracks of a job wait for a worker now."""
        if not self._is_ready(job, now):
            for track in job.filtered:
                self._lanes.take_out(track)
            if now < job.no_room.until:
                self._cluster.look_again(job, job.no_room.until)
            return
        is_sending = not job.all_sent
        for track in job.filtered:
            if track.queue.count:
                self._lanes.put(job, track, self._groups_for(job, track), is_sending=is_sending)
            else:
                self._lanes.take_out(track)

    @staticmethod
    def _is_ready(job: Job, now: float) -> bool:
        can_run = job.state is JobState.RUNNING or job.state is JobState.PENDING
        return can_run and job.owner.holdings_known and now >= job.no_room.until and job.has_assets

    def forget(self, job: Job) -> None:
        """Take the tracks of a job that has ended out of the lanes."""
        for track in job.filtered:
            self._lanes.take_out(track)

    def _groups_for(self, job: Job, track: Track) -> tuple[Group, ...] | None:
        """Return the groups that can do any queued task of a track from beginning to end; None where tasks differ."""
        is_special = track.intermediates or (track.task_failures and track.queue.has_returned)
        if is_special or (job.excluded and self._cluster.excluded(job)):
            return None
        version, known = self._cluster.fleet.version, track.groups
        if known is not None and known[0] == version and known[1] is track.fingerprint:
            groups: tuple[Group, ...] | None = known[2]
            return groups
        groups = self._find_groups(track)
        track.groups = version, track.fingerprint, groups
        return groups

    def _find_groups(self, track: Track) -> tuple[Group, ...] | None:
        """Return the groups that can do any task of a track whose tasks are all alike; None if each of its tasks has to
        be matched by itself all the same."""
        able = self._cluster.fleet.able_groups(track.needs)
        if not track.fingerprint:
            # the first hand-out chooses a build: where there is a choice, or a chain to share, by itself
            return tuple(able) if len(able) == 1 or not (able or track.chain.can_stage) else None
        fitting = tuple(group for group in able if takes_build(track, group.build))
        return None if not fitting and track.chain.can_stage else fitting

    # ── handing out ──────────────────────────────────────────────────────────────────────────────────────────────

    def hand_out(self, now: float) -> None:
        """Give queued tasks to workers with credit."""
        fleet = self._cluster.fleet
        if self._version != fleet.version:
            self._version = fleet.version
            for job in self._lanes.clear():
                self.look(job, now)
        staged_bytes = inf
        while fleet.ready_count and self._cluster.staged_bytes < staged_bytes:
            staged_bytes = self._cluster.staged_bytes
            self._serve_all(now)  # again where a dead end gave room back: others were refused for the want of it

    def _serve_all(self, now: float) -> None:
        """Give tasks to workers until there is no task left that a worker with credit may have."""
        fleet = self._cluster.fleet
        special = list(islice(self._lanes.special.values(), MAX_SPECIAL)) if self._lanes.special else []
        lanes = [lane for lane in self._lanes if lane.has_credit]
        while fleet.ready_count and (lanes or special):
            lane, place = _first_lane(lanes)
            other = min(special, key=_key) if special else None
            if lane is not None and place is not None and (other is None or place.key < other.key):
                if not self._serve(lane, place, now):
                    lanes.remove(lane)
            elif other is not None:
                if not self._serve_special(other, now):
                    self._lanes.tried(other)
                    special.remove(other)
                elif not other.track.queue.count:
                    special.remove(other)
            else:
                break

    def _serve(self, lane: Lane, place: Place, now: float) -> bool:
        """Give the task of a lane's first track to the worker whose turn it is; False where there is none."""
        job, track = place.job, place.track
        worker = lane.first_worker(idle_only=self._is_tail(lane.groups))
        if worker is None:
            return False
        self._lend(job, track, track.queue.next_alike(), track.whole(worker.details.fingerprint), worker, now)
        self._lanes.served(place)
        return True

    def _serve_special(self, place: Place, now: float) -> bool:
        """Give some task of a track to a worker that may have it; False where there is none."""
        job, track = place.job, place.track
        idle_only = self._is_tail(self._cluster.fleet.able_groups(track.needs))
        for index in track.queue.candidates(track.intermediates):
            chosen = self._choose(job, track, index, idle_only=idle_only)
            if chosen is not None:
                self._lend_offer(job, track, index, *chosen, now)
                self._lanes.served(place)
                return True
        return False

    def _is_tail(self, able: Iterable[Group]) -> bool:
        """Return whether the queued tasks are the last ones, and fewer than the workers. If so, only idle workers get
        them: a task given in advance might wait behind a slow worker's task while other workers have nothing to do."""
        lanes = self._lanes
        if lanes.sending_count or lanes.queued_count >= self._cluster.fleet.size:
            return False
        return lanes.queued_count < sum([len(group.members) for group in able])

    def _choose(
        self, job: Job, track: Track, index: int, *, idle_only: bool = False
    ) -> tuple[Offer, WorkerRecord] | None:
        """Return the next part of a task that somebody has credit for, and who gets it. If the task can only begin
        again, what is begun of it is given up first, which gives room back."""
        if index in track.intermediates and is_dead_end(self._cluster, job, track, index):
            self._cluster.free_intermediate(job, track, index)
        for offer in offers(self._cluster, job, track, index):
            worker = self._pick_for_build(job, track, index, offer, idle_only=idle_only)
            if worker is not None:
                return offer, worker
        return None

    def _pick_for_build(
        self, job: Job, track: Track, index: int, offer: Offer, *, idle_only: bool
    ) -> WorkerRecord | None:
        """Choose a worker for an offer. The first one that is to bring a result decides on a track's build: where there
        is a choice, it is one of the build that most able workers have."""
        past, fleet = track.task_failures.get(index), self._cluster.fleet
        if not track.fingerprint and track.chain.is_last(offer.stage) and len(fleet.fingerprints) > 1:
            commonest = fleet.commonest_build(offer.needs, offer.refused)
            others = replace(offer, refused=fleet.fingerprints - {commonest})
            worker = self._pick(job, past, others, idle_only=idle_only)
            if worker is not None:
                return worker
        return self._pick(job, past, offer, idle_only=idle_only)

    def _pick(self, job: Job, past: TaskFailures | None, offer: Offer, *, idle_only: bool) -> WorkerRecord | None:
        excluded: Set[str] = self._cluster.excluded(job) if job.excluded else NOBODY
        pick, needs, refused = self._cluster.fleet.pick, offer.needs, offer.refused
        if past is not None and past.failed_on:
            others = self._able(offer) - past.failed_on - excluded
            if others:  # somebody else must try it, even if that means to wait for credit
                return pick(needs, past.failed_on | excluded, refused, idle_only=idle_only)
        found = pick(needs, excluded, refused, idle_only=idle_only)
        if found is None and excluded and self._able(offer) <= excluded:
            found = pick(needs, NOBODY, refused, idle_only=idle_only)  # better a sick worker than nobody
        return found

    def _able(self, offer: Offer) -> set[str]:
        """Return the names of the workers that may take an offer, whether they have credit now or not."""
        return {worker.name for worker in self._cluster.fleet.able(offer.needs, offer.refused)}

    def _lend_offer(self, job: Job, track: Track, index: int, offer: Offer, worker: WorkerRecord, now: float) -> None:
        """Lend what was chosen for one task."""
        path = track.fingerprint_of(index, offer.mode, worker.details.fingerprint, offer.stage)
        self._lend(job, track, index, track.chain.part(offer.mode, offer.stage, path), worker, now)

    def _lend(self, job: Job, track: Track, index: int, part: Part, worker: WorkerRecord, now: float) -> None:
        """Lend a part of a task to a worker."""
        cluster, number, mode, build, told_stage = self._cluster, track.number, part.mode, part.build, part.told_stage
        job.last_served = job.user.last_served = cluster.totals.hand_outs = cluster.totals.hand_outs + 1
        lease, epoch, store = Lease(cluster.epoch, job.last_served), job.owner.epoch, job.owner.store
        tag = job.tags.make(job.id, epoch, number, index, lease, worker.shown_to(store), mode, told_stage, build)
        # in the order of the fields: by their names this would take twice as long, and it is done for each task
        record = LeaseRecord(lease, worker.name, job.id, number, index, part, tag, now, now)
        if part.is_last and not track.fingerprint:
            track.choose_build(part.path)
            cluster.save(job)  # committed before the task leaves: no restart chooses another one
        if track.assign(record, now):
            cluster.totals.retries += 1
            text = f"{cluster.describe_task(job, track, index)} is tried again on worker {worker.name}"
            cluster.note_task(EventKind.TASK_RETRIED, text, job, track, index, worker=worker.name)
        cluster.fleet.lend(worker, record)
        cluster.stories.tell(now, job.id, number, index, "lent to ", worker.name, " as ", lease)
        assets = job.assets_of(track) if job.request.assets and mode != Mode.DROP else []
        source, output = job.worker_source, job.request.outputs[number]
        task = Task(lease, job.id, number, index, source, output, store, epoch, mode, told_stage, build, tag, assets)
        if part.stage.start:
            cluster.outbox.append(SendStage(worker.peer, task, job.id, number, index))
        else:
            cluster.outbox.append(SendChunk(worker.peer, task, job.id, track.stream.number, index))
        if job.state is JobState.PENDING:
            cluster.set_state(job, JobState.RUNNING)

    # ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────

    def speculate(self, now: float) -> None:
        """Give idle workers copies of tasks that have run far longer than the others of their track, one of each track
        at a time, once all of the job's source is here."""
        if not any(group.idle for group in self._cluster.fleet.groups.values()):
            return
        for job in list(self._cluster.situations.in_work):
            if (
                job.state is not JobState.RUNNING
                or not job.owner.holdings_known
                or not (job.all_sent and job.has_assets)
            ):
                continue
            if now < job.no_room.until:
                continue  # a copy of a result for which there is no room finds none either
            for track in job.filtered:
                slow = self._slowest(track, now)
                chosen = self._choose(job, track, slow.index, idle_only=True) if slow else None
                if slow is None or chosen is None or chosen[1].held or chosen[1].name == slow.worker:
                    continue
                self._cluster.tell(job, track, slow.index, f"is slow on {slow.worker}", now, trouble=True)
                what, worker = self._cluster.describe(slow), chosen[1]
                self._cluster.log(f"{what} is slow on {slow.worker}; {worker.name} tries it too")
                self._lend_offer(job, track, slow.index, *chosen, now)

    @staticmethod
    def _slowest(track: Track, now: float) -> LeaseRecord | None:
        """Return the lease on the task of a track that deserves a copy most, None if none does. A task that has failed
        before gets none: it is slow by its own fault, and would hang two workers instead of one."""
        least_s = min(map(_patience, track.paces.values()), default=inf)
        slow = []
        for index, flight in track.queue.in_flight.items():  # in the order in which they were handed out
            seconds = now - flight.first_handed_out_at
            if seconds <= least_s:
                break
            past = track.task_failures.get(index)
            if len(flight.leases) == 1 and not (past is not None and past.failures):
                record = next(iter(flight.leases.values()))
                if seconds > _patience(track.pace(record.part.stage.stop)):
                    slow.append(record)
        return min(slow, key=lambda record: record.handed_out_at, default=None)

    def validate(self) -> None:
        """Raise AssertionError where the lanes are not what waits."""
        self._lanes.validate(self._cluster.changes.touched)


def _key(place: Place) -> Key:
    return place.key


def _first_lane(lanes: list[Lane]) -> tuple[Lane | None, Place | None]:
    """Return the lane whose head comes before those of the others, and that head."""
    best: tuple[Lane | None, Place | None] = (None, None)
    for lane in lanes:
        place = lane.head()
        if place is not None and (best[1] is None or place.key < best[1].key):
            best = lane, place
    return best


def _patience(pace: Pace) -> float:
    """Seconds that a task may take before it gets a copy, by the pace of its like; endless while none of them is
    done."""
    mean_s = pace.mean_s
    return inf if mean_s is None else max(SPECULATE_MIN_S, SPECULATE_FACTOR * mean_s)
