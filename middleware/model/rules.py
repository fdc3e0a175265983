"""The numbers by which the rules decide: credit, timeouts, how often a task is tried, how much may lie where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moviola.wire.limits import MAX_CLIENTS, MAX_WORKERS

from .users import HISTORY, QUOTAS, Quota, Resource


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers by which the dispatcher decides. Times are in seconds, sizes in bytes."""

    credit: int = 2
    worker_timeout_s: float = 10.0
    stall_timeout_s: float = 60.0
    delivery_timeout_s: float = 60.0  # of a result that does not reach an aggregator which we reach
    beat_interval_s: float = 0.5
    max_failures: int = 3
    max_losses: int = 20
    stage_bytes: int = 2 * 1024 * 1024 * 1024  # intermediates of shared chains in the spool; see middleware/stages.py
    client_window_bytes: int = 64 * 1024 * 1024
    pass_window: int = 8  # passthrough chunks of a job, of all its streams, on their way to the aggregator
    aggregator_pass_window: int = 64  # … of all jobs to one aggregator: what waits keeps its segment of the spool
    exclude_after: int = 3  # failures of one worker on one job
    renew_after_s: float = 30.0  # without a worker like those that made a job's first results
    max_clients: int = MAX_CLIENTS
    max_workers: int = MAX_WORKERS  # and aggregators
    upload_timeout_s: float = 600.0  # an upload that stopped for so long gives its spool back, an empty one its place
    abandoned_timeout_s: float = 7 * 24 * 3600.0  # an upload that nobody goes on with for so long gives its place back
    reserved_windows: int = 4  # of the spool's room, only for users who hold less than one
    quotas: Mapping[Resource, Quota] = field(default_factory=lambda: QUOTAS)
    history: Quota = HISTORY
    admins: tuple[str, ...] = ()  # users who may see and control everybody's jobs

    @property
    def shortest_timeout_s(self) -> float:
        """Return how soon a worker may have to be looked at."""
        return min(self.worker_timeout_s, self.stall_timeout_s, self.delivery_timeout_s)
