"""What must hold of tasks, after each turn of the middleware: none waits while a worker could have it."""

from __future__ import annotations

from middleware.model.cluster import Cluster
from middleware.model.fleet import WorkerRecord
from middleware.model.job import Job as MiddlewareJob
from middleware.model.states import JobState
from middleware.model.track import Track


def queued_count(cluster: Cluster, now: float) -> int:
    """Return how many tasks there are that may be given to workers."""
    return sum(
        track.queue.count for job in cluster.open.values() if _may_go_on(job, now) for track in job.tracks
        if not track.is_passthrough
    )  # fmt: skip


def _may_go_on(job: MiddlewareJob, now: float) -> bool:
    is_held = job.state is JobState.PAUSED or now < job.no_room.until
    return job.owner.holdings_known and job.has_assets and not is_held


def no_task_waits_for_a_free_worker(
    cluster: Cluster, job: MiddlewareJob, workers: list[WorkerRecord], free: list[WorkerRecord], now: float
) -> None:
    """Tasks that never failed, of jobs that no worker failed: any able worker with credit may have them."""
    if not _may_go_on(job, now) or job.excluded:
        return
    for track in job.tracks:
        if track.is_passthrough:
            continue
        likes = [one for one in free if set(track.fingerprint) <= {one.details.fingerprint}]
        able = [one.name for one in likes if track.needs <= one.offers]
        queue = track.queue
        if able and queue.count:
            waiting = [i for i in track.stream.here if i not in queue.stored and i not in queue.in_flight]
            raise AssertionError(f"{job.id}/{track.number}/{waiting} wait while {able} have nothing to do")
        _no_stage_waits(cluster, job, track, workers, free)


def _no_stage_waits(
    cluster: Cluster, job: MiddlewareJob, track: Track, workers: list[WorkerRecord], free: list[WorkerRecord]
) -> None:
    """Where nobody offers all that is left of a chain, whoever offers the next step under its
    build may have it."""
    builds = track.fingerprint
    if not builds and len({worker.details.fingerprint for worker in workers}) == 1:
        builds = (workers[0].details.fingerprint,) * len(track.chain.steps)
    if not builds or track.whole_only:
        return  # which builds go together is not judged here
    wanted = list(zip(track.chain.steps, builds, strict=True))
    offered = {(name, worker.details.fingerprint) for worker in workers for name in worker.offers}
    for index in track.stream.here:
        begun = track.intermediates.get(index)
        if index in track.queue.stored or index in track.queue.in_flight or index in track.task_failures:
            continue
        done = begun.fingerprint if begun else ()
        rest = set(wanted[len(done) :])
        if done != builds[: len(done)] or not rest <= offered or any(_offers(one, rest) for one in workers):
            continue
        if begun is None and cluster.staged_bytes >= cluster.rules.stage_bytes:
            continue
        able = [worker.name for worker in free if _offers(worker, {wanted[len(done)]})]
        assert not able, f"{job.id}/{track.number}/{index} waits for {rest} while {able} have nothing to do"


def _offers(worker: WorkerRecord, steps: set[tuple[str, str]]) -> bool:
    """Whether a worker offers these (filter, build)."""
    return all(name in worker.offers and build == worker.details.fingerprint for name, build in steps)
