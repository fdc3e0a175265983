"""What follows where a task fails or is lost, for the worker, for the task, and for its job."""

from __future__ import annotations

from typing import Final

from moviola.base.failures import MAX_FAILURES_OF_TASK
from moviola.base.vocabulary import CauseKind, EventKind, JobCode, Mode, OnError, SpanOutcome
from moviola.wire.messages import Cause, Revoke

from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.job import Job
from .model.states import JobState
from .model.task_queue import LeaseRecord
from .model.track import Attempt, Track

MAX_CAUSE: Final = 4000
"""Characters of a failure's text in what is told of it: twice what our workers send, and little enough for a text."""


class Failures:
    """The part of the dispatcher that counts what went wrong with tasks, and acts on it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def failed(self, record: LeaseRecord, worker: WorkerRecord, cause: Cause, now: float) -> None:
        """Charge a failure of a task to the worker that had it, and tell of it. After enough failures of one task, the
        job's policy for errors applies to it."""
        cluster = self._cluster
        worker.failures += 1
        job = cluster.open.get(record.job)
        if job is None or job.is_final:
            return
        track = job.tracks[record.track]
        if record.index in track.queue.stored:
            return
        track.fail(record)
        self._charge(job, track, record.index, worker.name, record.part.mode, cause, now)

    def unreadable(self, job: Job, track: Track, index: int, worker: str, text: str, now: float) -> None:
        """Charge a stored result that makes no file to the worker that made it, as a failure of its task. The task is
        queued again when the aggregator's Holdings come, which follow."""
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
            past.failures.append(Attempt(worker, cause))
        job.count_failure(worker)
        cluster.keep_failed(job, track, index)
        cluster.tell(job, track, index, f"failed on {worker}: {cause.kind}: {cause.text}", now, trouble=True)
        cluster.blame(cause, now, job, track, index, worker)
        text = f"{cluster.describe_task(job, track, index)} failed on worker {worker}: {cause.text[:MAX_CAUSE]}"
        cluster.note_task(EventKind.TASK_FAILED, text, job, track, index, worker=worker)
        self._note_exclusion(job, worker)
        if mode != Mode.FILTER:
            self.fail_job(job, JobCode.TASK_FAILED, f"{text} (even without its filters)", now)
        elif self._cluster.exhausted(track, past) and job.on_error == OnError.FAIL:
            self.fail_job(job, JobCode.TASK_FAILED, f"{text} ({len(past.failures)} tries)", now)

    def _note_exclusion(self, job: Job, worker: str) -> None:
        """Note an event if a worker has just failed so many tasks of a job that it gets no more of them."""
        count = job.excluded[worker]
        if count == self._cluster.rules.exclude_after:
            text = f"worker {worker} gets no more tasks of job {job.id}: {count} of them failed on it"
            self._cluster.note(EventKind.WORKER_EXCLUDED, text, job.id, worker)

    def lost(self, record: LeaseRecord, worker: WorkerRecord, reason: str, now: float) -> None:
        """Count that a lease was lost with its worker, or that its result was lost on its way."""
        cluster = self._cluster
        job = cluster.open.get(record.job)
        if job is None or job.is_final:
            return
        record.is_lost = True
        track = job.tracks[record.track]
        self.count_loss(job, track, record.index, f"worker {worker.name}: {reason}", now, worker.name)

    def count_loss(self, job: Job, track: Track, index: int, text: str, now: float, worker: str = "") -> None:
        """Count that a lease on a task, or its result, was lost, which is nobody's fault. If one task is lost again and
        again, its job is paused, because the task may harm the cluster."""
        cluster = self._cluster
        past = track.lose(index)
        job.worked_at = float("-inf")  # say at once what it waits for: that may be more than its turn
        what = cluster.describe_task(job, track, index)
        cluster.tell(job, track, index, f"lost: {text}", now, trouble=True)
        cluster.blame(Cause(CauseKind.LOST, text), now, job, track, index, worker)
        cluster.note_task(EventKind.TASK_LOST, f"{what} comes back from {text}", job, track, index, worker=worker)
        if past.losses >= cluster.rules.max_losses:
            reason = f"{what} was lost {past.losses} times, the last time with {text}"
            cluster.set_state(job, JobState.PAUSED, JobCode.LOST_TOO_OFTEN, reason)
            past.losses = 0
            self.revoke_all(job)
            cluster.save(job)

    def fail_job(self, job: Job, code: JobCode, reason: str, now: float) -> None:
        """End a job that cannot be done as it was asked for."""
        self.revoke_all(job)
        self._cluster.set_state(job, JobState.FAILED, code, reason)

    def revoke_all(self, job: Job) -> None:
        """Takes every task of a job back from its workers."""
        for track in job.tracks:
            for index, flight in list(track.queue.in_flight.items()):
                for lease, record in flight.leases.items():
                    record.revoked = True
                    track.timeline.note(record, record.progress_at, SpanOutcome.WITHDRAWN)
                    self._cluster.send(self._cluster.fleet.by_name[record.worker].peer, Revoke(lease))
                track.queue.put_back(index)
