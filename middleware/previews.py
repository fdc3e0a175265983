"""Previews: small jobs that are for their client alone. They end, and are forgotten with their files, with it."""

from __future__ import annotations

from typing import Final

from moviola.base.vocabulary import JobCode

from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.states import JobState
from .ownership import Ownership

MAX_ORPHANS: Final = 64
"""Previews whose client has gone that wait for their aggregator, which has files to remove. Beyond it the oldest is
forgotten without: the aggregator removes those files when they are as old as it keeps any."""


class Previews:
    """The part of the dispatcher that clears away what nobody looks at any more."""

    def __init__(self, cluster: Cluster, ownership: Ownership) -> None:
        self._cluster, self._ownership = cluster, ownership

    def expire(self) -> None:
        """Cancel previews whose client has gone; forget those of them that are over, with their files."""
        cluster = self._cluster
        for job_id in list(cluster.orphans):
            job = cluster.jobs.get(job_id)
            if job is None or job.client is not None:  # forgotten, or its client is back
                del cluster.orphans[job_id]
            elif not isinstance(job, EndedJob):
                cluster.set_state(job, JobState.CANCELLED, JobCode.CANCELLED, "nobody waits for this preview any more")
            elif self._can_be_cleared(job):
                del cluster.orphans[job_id]
                self._ownership.drop_files(job)
                cluster.forget(job)

    def _can_be_cleared(self, job: EndedJob) -> bool:
        """Return True if the aggregator is there that has a job's files, or if there is none, or too many wait."""
        cluster = self._cluster
        return not job.owner or cluster.owner_of(job) is not None or len(cluster.orphans) > MAX_ORPHANS
