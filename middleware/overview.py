"""How the cluster as a whole is doing, and which jobs and workers are named first if there is no room for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from moviola.wire.messages import Overview

from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.job import Job
from .model.users import User


class Overviews:
    """Overviews for all who ask. What they say of everybody's jobs is counted once for all of them.

    Args:
        interval_s: how old what was counted may be.
    """

    def __init__(self, cluster: Cluster, interval_s: float) -> None:
        self._cluster, self._interval_s = cluster, interval_s
        self._counted: Overview | None = None
        self._counted_at = 0.0

    def of(self, user: User, now: float) -> Overview:
        """Return what a user is told."""
        if self._counted is None or now >= self._counted_at + self._interval_s:
            self._counted, self._counted_at = counted(self._cluster, now), now
        troubles = self._cluster.troubles.newest(None if user.is_admin else user.name)
        return replace(self._counted, troubles=troubles)


def counted(cluster: Cluster, now: float) -> Overview:
    """Return an overview without troubles."""
    queued, in_flight, totals = 0, 0, cluster.totals
    totals.sort_latencies()
    for job in cluster.open.values():
        for track in job.filtered:
            queued += track.queue.count
            in_flight += len(track.queue.in_flight)
    return Overview(
        epoch=cluster.epoch,
        unix_s=now + cluster.unix_offset_s,
        jobs=Counter(job.state.value for job in cluster.listed_jobs()),
        workers=Counter(worker.state.value for worker in cluster.fleet.by_name.values()),
        aggregators=len(cluster.aggregators),
        tasks_queued=queued,
        tasks_in_flight=in_flight,
        frames_done=cluster.frames_of_ended + sum(job.frames_computed for job in cluster.open.values()),
        frames_per_s=sum(job.rate.per_s(now) for job in cluster.open.values()),
        failures=cluster.troubles.failures,
        losses=cluster.troubles.losses,
        spool_bytes=cluster.room.held_bytes,
        spool_limit_bytes=cluster.room.spool_bytes,
        jobs_ended=dict(totals.jobs_ended),
        hand_outs=totals.hand_outs,
        retries=totals.retries,
        received_bytes=totals.received_bytes,
        task_seconds=totals.task_seconds.histogram(),
        job_seconds=totals.job_seconds.histogram(),
    )


def jobs_in_order(cluster: Cluster, user: User) -> Iterator[str]:
    """Yield the ids of the jobs that a user may see: those in work, then others that are not over, the oldest first,
    for their turn comes next, then those that ended, the newest first."""
    jobs: dict[str, Job] = cluster.open if user.is_admin else user.open
    ended: dict[str, Job | EndedJob] | dict[str, EndedJob] = cluster.jobs if user.is_admin else user.ended
    in_work = (job.id for job in cluster.situations.in_work if job.id in jobs)
    waiting = (job.id for job in jobs.values() if job not in cluster.situations.in_work)
    found = chain(in_work, waiting, (job_id for job_id in reversed(ended) if job_id not in jobs))
    return (job_id for job_id in found if not cluster.jobs[job_id].is_preview)


def workers_in_order(cluster: Cluster) -> Iterator[str]:
    """Yield the names of workers: those that are connected, then those that left, the last one first."""
    return (worker.name for worker in chain(cluster.fleet.connected(), cluster.fleet.lost()))
