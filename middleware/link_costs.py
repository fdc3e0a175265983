"""Jobs whose messages cost a connection, or cannot be sent at all: they end, so that the others go on.

A job is charged for a connection only where the peer had to do with it (the store that owns it, a worker that holds a
lease of it), and where the message that ended the connection is known: whoever refuses one says which job it was about.
"""

from __future__ import annotations

from typing import Final

from moviola.base.vocabulary import EventKind, JobCode

from .events import Peer, Unsent
from .model.cluster import Cluster
from .model.job import Job
from .model.states import JobState

MAX_LINK_COSTS: Final = 3
"""Connections that one job may cost; the next would end for the same reason."""


class LinkCosts:
    """The part of the dispatcher that ends jobs which harm a connection."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def charge(self, peer: Peer, job_id: str, reason: str, now: float) -> None:
        """Count a connection that ended over a message about a job; end the job when it has cost too many."""
        job = self._cluster.open.get(job_id)
        name = self._name_of(peer, job_id)
        if job is None or not name:
            return
        job.link_costs += 1
        text = f"its messages ended the connection of {name} {job.link_costs} times: {reason}"
        if job.link_costs < MAX_LINK_COSTS:
            self._cluster.note(EventKind.LINK_COST, f"job {job.id}: {text}", job.id)
        else:
            self._end(job, JobCode.LINK_COST, text, now)

    def unsent(self, event: Unsent, now: float) -> None:
        """End a job that needs a message which cannot be sent. Its peers lose nothing but the job."""
        job_id = getattr(event.message, "job", "")
        job, name = self._cluster.open.get(job_id), self._name_of(event.peer, job_id)
        if job is None or not name:
            self._cluster.log(f"a message could not be sent: {event.reason}")
        else:
            self._end(job, JobCode.UNSENDABLE, f"it needs a message to {name} that cannot be sent: {event.reason}", now)

    def _name_of(self, peer: Peer, job_id: str) -> str:
        """Return what a peer is called, if it has to do with the job."""
        cluster = self._cluster
        record, job = cluster.aggregators.get(peer), cluster.open.get(job_id)
        if record is not None:
            return f"aggregator {record.name}" if job is not None and job.owner.store == record.store else ""
        worker = cluster.workers.get(peer)
        is_lent = worker is not None and any(one.job == job_id for one in worker.held.values())
        return f"worker {worker.name}" if worker is not None and is_lent else ""

    def _end(self, job: Job, code: JobCode, reason: str, now: float) -> None:
        self._cluster.set_state(job, JobState.FAILED, code, reason)
