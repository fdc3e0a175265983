"""Which jobs are in a situation that a turn looks for: so it does not walk over those that are not."""

from __future__ import annotations

from .job import Job
from .states import JobState


class Situations:
    """Jobs by situation. A job may be in several, and is put where it belongs by `sort` after it has changed."""

    def __init__(self) -> None:
        self.in_work: dict[Job, None] = {}  # jobs with tasks in flight
        self.delivering: dict[Job, None] = {}  # … of which the aggregator's word on some is awaited
        self.passing: dict[Job, None] = {}  # jobs with chunks to pass on unfiltered
        self.freeable: dict[Job, None] = {}  # jobs that may have chunks here which are stored everywhere

    def sort(self, job: Job) -> None:
        """Put a job into the situations that it is in, and take it out of the others. `freeable` is kept elsewhere."""
        flying = delivered = 0
        for track in job.tracks:
            flying += len(track.queue.in_flight)
            delivered += track.queue.delivered_count
        _keep(self.in_work, job, bool(flying))
        _keep(self.delivering, job, bool(delivered))
        if job.passed:
            is_passing = job.owner.holdings_known and job.state is not JobState.PAUSED
            _keep(self.passing, job, is_passing and any(track.queue.count for track in job.passed))

    def leave(self, job: Job) -> None:
        """A job has ended: it is in no situation any more."""
        for among in (self.in_work, self.delivering, self.passing, self.freeable):
            among.pop(job, None)

    def validate(self, job: Job) -> None:
        """Raise AssertionError where a job is not where it belongs."""
        assert (job in self.in_work) == job.is_in_flight, f"job {job.id} is not where it belongs"
        assert (job in self.delivering) == any(track.queue.delivered_count for track in job.tracks), job.id
        can_pass = job.owner.holdings_known and job.state is not JobState.PAUSED
        assert (job in self.passing) == (can_pass and any(one.queue.count for one in job.passed)), job.id


def _keep(among: dict[Job, None], job: Job, belongs: bool) -> None:
    """Put a job among others, or take it out."""
    if belongs:
        among[job] = None
    elif job in among:
        del among[job]
