"""What is done at the end of each turn: what changed is looked at, what is due expires, tasks are handed out."""

from __future__ import annotations

from typing import Final

from .events import (
    FreeChunk,
    FreeJob,
    Peer,
    SaveJob,
    Tick,
)
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .parts import Parts
from .pending_reasons import assess
from .publisher import failures_of, progress_of

SCAN_INTERVAL_S: Final = 0.25
"""How often timeouts are looked at: far below the shortest timeout, far above a turn."""

PAUSE_S: Final = 2.0
"""A gap between two ticks longer than this means that the process itself was stopped: all deadlines move by it."""

ROOM_LOW_FACTOR: Final = 2
"""When the spool's room is below this many client windows, chunks that are stored everywhere are given up."""


class Turns:
    """Keeps the time, and has the rules look at the jobs that changed.

    Args:
        cluster: the state that all rules share.
        parts: the rules.
    """

    def __init__(self, cluster: Cluster, parts: Parts) -> None:
        self._cluster, self._parts = cluster, parts
        self.next_scan = 0.0
        self._last_tick: float | None = None
        self._fleet_seen = (0, 0, 0)  # its version, its size and all workers, when jobs that wait were looked at last

    def tick(self, event: Tick, now: float) -> None:
        """End a turn: look at what changed and at what is due, hand out tasks, and tell those who watch."""
        self._forgive_pause(now)
        self._cluster.room.free_bytes = event.room_bytes
        for peer in event.arriving:
            self._arriving(peer, now)
        is_scan = now >= self.next_scan
        if is_scan:
            self.next_scan = now + SCAN_INTERVAL_S
            self._parts.workers.expire(now)
            self._parts.ownership.expire_deliveries(event.behind, now)
            self._parts.ownership.expire(now)
            self._parts.previews.expire(now)
            self._make_room()
            self._cluster.totals.sort_latencies()
            self.clear_ended(now)  # what has expired is over: nothing of it is handed out any more
        self._parts.submissions.expire_idle(now)
        self._look_at_changed(now)
        self._parts.scheduler.hand_out(now)
        if is_scan:
            self._parts.scheduler.speculate(now)
        self._parts.ownership.pass_on(now)
        self._assess_changed(now)
        moved = self._parts.publisher.publish(now, event.behind)
        if self._cluster.journal.new:
            self._cluster.journal.stamp(now + self._cluster.unix_offset_s)
        if self._cluster.subscriptions:
            self._parts.subscriptions.publish(now, event.behind, moved)

    def _arriving(self, peer: Peer, now: float) -> None:
        """A part of a large message came: its sender is not silent."""
        cluster = self._cluster
        if peer in cluster.workers:
            self._parts.leases.arriving(cluster.workers[peer], now)
        elif peer in cluster.aggregators:
            cluster.aggregators[peer].heard_at = now

    def _look_at_changed(self, now: float) -> None:
        """Have the rooms look at the jobs that changed, or that are due: which tasks wait, what has expired."""
        cluster = self._cluster
        fleet_now = (cluster.fleet.version, cluster.fleet.size, len(cluster.workers))
        if fleet_now != self._fleet_seen:
            self._fleet_seen = fleet_now
            cluster.touch_concerned()
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
            self._parts.submissions.look(job, now)
            if not job.is_final:
                self._parts.ownership.renew_outdated(job, now)
                self._parts.scheduler.look(job, now)

    def _assess_changed(self, now: float) -> None:
        """Say of the jobs that changed whether they go on, and if not, why; from now on none has changed."""
        for job in self._cluster.changes.take_touched():
            if not job.is_final:
                self._cluster.situations.sort(job)
                assess(self._cluster, job, now)

    def _forgive_pause(self, now: float) -> None:
        """Move all deadlines by the time in which this process itself was stopped, so that nobody is charged for it."""
        gap = 0.0 if self._last_tick is None else now - self._last_tick - SCAN_INTERVAL_S
        self._last_tick = now
        if gap > PAUSE_S:
            for aggregator in self._cluster.aggregators.values():
                aggregator.heard_at = min(now, aggregator.heard_at + gap)
            for worker in self._cluster.fleet.connected():
                worker.heard_at = min(now, worker.heard_at + gap)
                for record in worker.held.values():
                    record.progress_at = min(now, record.progress_at + gap)
            for job in self._cluster.open.values():
                for track in job.tracks:
                    track.queue.await_deliveries(now)
                job.upload.moved_at = None if job.upload.moved_at is None else min(now, job.upload.moved_at + gap)
                job.outdated_since = None
                self._cluster.changes.touch(job)

    def _make_room(self) -> None:
        """Give up chunks that are stored on all their tracks if the spool is short of room, the oldest job's first."""
        cluster = self._cluster
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

    def clear_ended(self, now: float) -> None:
        """Have jobs that have become final give back all that they used."""
        cluster = self._cluster
        while cluster.ended_jobs:
            job = cluster.ended_jobs.pop()
            job.result.seconds = now + cluster.unix_offset_s - job.request.submitted_unix_s
            if not job.is_preview:
                cluster.totals.note_end(job.state, job.result.seconds)
            self._parts.failures.revoke_all(job)
            timeline = cluster.timeline(job, now)
            cluster.close_job(job)
            cluster.let_go(job)
            self._parts.scheduler.forget(job)
            final, failures = progress_of(job), failures_of(job)
            job.end()
            cluster.remember(EndedJob.of(job))
            cluster.outbox.append(SaveJob(job.id, job.record(final, failures, timeline), job.request))
            cluster.outbox.append(FreeJob(job.id))
            self._parts.ownership.drop(job)
            for old in cluster.users.outdated(job.user):
                cluster.forget(old)
