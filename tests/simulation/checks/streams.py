"""What must hold of jobs whose source comes while it is sent: End tells all of it, and what breaks off is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from middleware.model.cluster import Cluster

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario
    from tests.simulation.streamed import StreamedClient


def streamed_jobs_are_known_whole(streamed: Sequence[StreamedClient], cluster: Cluster) -> None:
    """Whoever has said how many chunks there are has said what they are of; the whole file continues the job then."""
    for client in streamed:
        made = client.submission
        for job in cluster.open.values():
            asked = job.request
            is_its = job.user.name == client.user and any(asked.has_key(key) for key in client.keys)
            if not is_its or job.chunk_counts is None or not asked.has_source:
                continue
            assert asked.source == made.source.to_wire(), f"{job.id} has all, and is known as {asked.source}"
            assert asked.has_key(made.key), f"{job.id} has all, and whoever sends all of it again gets another job"


def forgotten_left(scenario: Scenario) -> list[str]:
    """Return what stays of jobs that were broken off, and of which it was said that they are forgotten."""
    middleware, aggregator = scenario.middleware, scenario.aggregator
    left = []
    for job in sorted(set().union(*(client.forgotten for client in scenario.streamed))):
        if middleware.server is not None and job in middleware.server.dispatcher.cluster.jobs:
            left.append(f"the job {job}")
        if middleware.is_alive and middleware.committed_chunks(job):
            left.append(f"chunks of {job}")
        if aggregator.is_alive and aggregator.owner_epoch(job) is not None and not aggregator.expires(job):
            left.append(f"the aggregator's record of {job}")
    return left
