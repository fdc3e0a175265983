"""What workers hand on of a shared chain: it goes to the spool, and its task goes on from there."""

from __future__ import annotations

from moviola.base.vocabulary import SpanOutcome, Verdict
from moviola.wire.lease_tags import is_lease_tag
from moviola.wire.messages import (
    HandOn,
    Revoke,
    Stored,
)

from .events import SpoolStage
from .leases import Leases
from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.task_queue import LeaseRecord


class HandingOn:
    """The part of the dispatcher that takes what came of a stage."""

    def __init__(self, cluster: Cluster, leases: Leases) -> None:
        self._cluster, self._leases = cluster, leases

    def came(self, worker: WorkerRecord, message: HandOn, now: float) -> None:
        """Put the intermediate that a stage made into the spool, if it is still wanted and its tag is right. It is not
        wanted if its chunk was lost meanwhile: the task waits for that, and the intermediate might hold the very room
        that the chunk needs."""
        cluster, record = self._cluster, worker.held.get(message.lease)
        if record is None or record.revoked or record.part.is_last:
            verdict = Stored(message.job, message.track, message.index, Verdict.UNWANTED, message.lease)
            cluster.send(worker.peer, verdict)
            return
        if not is_lease_tag(message.tag, record.tag):
            text = f"its tag is not that of lease {message.lease}"
            cluster.log(f"worker {worker.name} hands {cluster.describe(record)} on, which is refused: {text}")
            verdict = Stored(message.job, message.track, message.index, Verdict.REFUSED, message.lease, text=text)
            cluster.send(worker.peer, verdict)
            return
        job = cluster.open[record.job]
        if record.index not in job.tracks[record.track].stream.here:
            self._turn_away(worker, record, "its chunk was lost, and comes again", now)
            return
        cluster.outbox.append(SpoolStage(record.job, record.track, record.index, worker.name, record.lease))

    def kept(self, kept: SpoolStage, size: int, now: float) -> None:
        """Have a task go on where a stage has ended, because its intermediate is kept. Leases that have nothing more to
        bring end; with none left, the task is at the front of the queue."""
        cluster = self._cluster
        worker = cluster.fleet.by_name[kept.worker]
        job = cluster.open[kept.job]
        self._leases.went_on(job, worker, worker.held[kept.lease])
        job.upload.moved_at = now
        done = worker.held[kept.lease].part.stage.stop
        cluster.tell(job, job.tracks[kept.track], kept.index, f"handed on by {worker.name} after step {done}", now)
        for record in job.tracks[kept.track].hand_on(worker.held[kept.lease], size, now):
            record.revoked = True  # this part of the task is done; only the credit is still out
            peer = cluster.fleet.by_name[record.worker].peer
            if record.lease == kept.lease:
                cluster.send(peer, Stored(kept.job, kept.track, kept.index, Verdict.KEPT, kept.lease))
            else:
                cluster.send(peer, Revoke(record.lease))

    def not_kept(self, lost: SpoolStage, reason: str, now: float) -> None:
        """Queue a task again because there is no room for its intermediate. It begins again with its chunk, so that
        what was done of it before gives its room back; its job waits for room."""
        worker, job = self._cluster.fleet.by_name[lost.worker], self._cluster.open[lost.job]
        self._turn_away(worker, worker.held[lost.lease], reason, now)
        job.wait_for_room(reason, now)

    def _turn_away(self, worker: WorkerRecord, record: LeaseRecord, reason: str, now: float) -> None:
        """Keep nothing of what a stage made: its lease ends, and what was done of the task before is given up."""
        cluster, job = self._cluster, self._cluster.open[record.job]
        self._leases.end(record, now, SpanOutcome.WITHDRAWN)
        record.revoked = True
        cluster.free_intermediate(job, job.tracks[record.track], record.index)
        verdict = Stored(job.id, record.track, record.index, Verdict.UNWANTED, record.lease, text=reason)
        cluster.send(worker.peer, verdict)
        cluster.log(f"{cluster.describe(record)}: {reason}")
