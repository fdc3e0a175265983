"""Previews: small jobs that are for their client alone. They end, and are forgotten with their files, with it."""

from __future__ import annotations

from typing import Final

from moviola.base.vocabulary import JobCode

from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.states import JobState
from .ownership import Ownership

FILES_WAIT_S: Final = 60.0
"""How long a preview that is over is remembered while the aggregator that has its files is away, so that the files can
be removed. An aggregator that comes back later, or without its store, removes them when they reach its limit of age."""


class Previews:
    """The part of the dispatcher that clears away what nobody looks at any more."""

    def __init__(self, cluster: Cluster, ownership: Ownership) -> None:
        self._cluster, self._ownership = cluster, ownership

    def expire(self, now: float) -> None:
        """Cancel previews whose client has gone; forget those of them that are over, with their files."""
        cluster = self._cluster
        for job_id, since in list(cluster.orphans.items()):
            job = cluster.jobs.get(job_id)
            if job is None or job.client is not None:  # forgotten, or its client is back
                del cluster.orphans[job_id]
            elif not isinstance(job, EndedJob):
                text = "its client's connection has ended, and a preview goes with it"
                cluster.set_state(job, JobState.CANCELLED, JobCode.CANCELLED, text)
            elif self._waits_for_files(job) and (since is None or now < since + FILES_WAIT_S):
                cluster.orphans[job_id] = now if since is None else since
            else:
                del cluster.orphans[job_id]
                self._ownership.drop_files(job)
                cluster.forget(job)

    def _waits_for_files(self, job: EndedJob) -> bool:
        """Return True if a job has files, and the aggregator that has them is away."""
        return job.state in (JobState.DONE, JobState.PARTIAL) and self._cluster.owner_of(job) is None
