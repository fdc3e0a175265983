"""How many jobs of a batch go on at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from moviola.session.batch import MAX_JOBS, MAX_UPLOADING, MIN_QUEUED, JobLoad, readers, takes_next

CREDIT = 2
"""Tasks that a worker of the model holds at most, as those of a cluster do."""


@dataclass
class Loaded:
    """A job of which only its load is known."""

    load: JobLoad


@dataclass
class ModelJob:
    """A job of the model: chunks go from the source to the queue, from there to workers, then away."""

    source: int
    queued: int = 0
    in_flight: int = 0

    @property
    def load(self) -> JobLoad:
        return JobLoad(self.source > 0, self.queued, self.in_flight)

    @property
    def is_over(self) -> bool:
        return not (self.source or self.queued or self.in_flight)


@dataclass
class Model:
    """A batch on a cluster. A round sends a chunk of each source that may be read, hands out what there is credit for,
    and ends one task of each worker."""

    workers: int
    waiting: list[int]  # chunks of each job that has not been taken up
    jobs: list[ModelJob] = field(default_factory=list)
    most_jobs: int = 0
    most_uploading: int = 0

    def fill(self) -> None:
        """Take up jobs, send and hand out until nothing changes."""
        while True:
            before = (len(self.waiting), [job.load for job in self.jobs])
            while self.waiting and takes_next(self.jobs):
                self.jobs.append(ModelJob(self.waiting.pop(0)))
            self.most_jobs = max(self.most_jobs, len(self.jobs))
            self.most_uploading = max(self.most_uploading, sum(job.source > 0 for job in self.jobs))
            for job in readers(self.jobs):
                job.source -= 1
                job.queued += 1
            for job in self.jobs:
                given = min(job.queued, self.workers * CREDIT - sum(each.in_flight for each in self.jobs))
                job.queued -= given
                job.in_flight += given
            if (len(self.waiting), [job.load for job in self.jobs]) == before:
                return

    def end_tasks(self) -> None:
        """Each worker ends the oldest of its tasks."""
        left = self.workers
        for job in self.jobs:
            ended = min(left, job.in_flight)
            job.in_flight -= ended
            left -= ended
        self.jobs = [job for job in self.jobs if not job.is_over]

    @property
    def tasks_left(self) -> int:
        return sum(self.waiting) + sum(job.source + job.queued + job.in_flight for job in self.jobs)


@pytest.mark.parametrize("workers", [1, 2, 8, 24])
@pytest.mark.parametrize("chunks", [[1] * 20, [1] * 300, [40, 1, 1, 7] * 8, [500]])
def test_every_worker_has_a_task_until_fewer_are_left(workers: int, chunks: list[int]) -> None:
    model = Model(workers, list(chunks))
    while model.tasks_left:
        model.fill()
        busy = min(workers, sum(job.in_flight for job in model.jobs))
        assert busy == min(workers, model.tasks_left)
        model.end_tasks()
    assert model.most_jobs <= MAX_JOBS
    assert model.most_uploading <= MAX_UPLOADING


def test_long_jobs_are_not_all_begun_at_once() -> None:
    """The first ones would end no sooner than the last."""
    model = Model(8, [400] * 20)
    model.fill()
    assert len(model.jobs) <= MAX_UPLOADING


def test_a_batch_of_thousands_takes_no_more_places_than_one_of_hundreds() -> None:
    model = Model(1000, [1] * 2000)
    model.fill()
    assert len(model.jobs) == MAX_JOBS


def test_nothing_is_taken_while_enough_waits_in_the_cluster() -> None:
    assert takes_next([])
    assert takes_next([Loaded(JobLoad(False, MIN_QUEUED - 1, 0))])
    assert not takes_next([Loaded(JobLoad(False, MIN_QUEUED, 0))])
    assert takes_next([Loaded(JobLoad(False, MIN_QUEUED, MIN_QUEUED + 1))])


def test_sources_that_must_be_sent_again_are_read_in_turn() -> None:
    """A cluster that lost its spool asks for all of them at once."""
    jobs = [ModelJob(source=3) for _ in range(30)]
    assert readers(jobs) == jobs[:MAX_UPLOADING]
    assert not takes_next(jobs)
