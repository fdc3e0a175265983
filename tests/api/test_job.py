"""What a `Job` knows and does, with a driver that no cluster is behind."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from moviola.api.driver import Driven, Driver
from moviola.api.job import Job
from moviola.session.destination import Place
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.run import FollowRequest, UploadRequest
from moviola.session.target import Target
from moviola.wire.addresses import Address


class Drives(Driver):
    """A driver that does nothing with a job. To begin with one, it waits for another thread that does so, too."""

    def __init__(self) -> None:
        super().__init__(Target(Address("127.0.0.1", 1)))
        self.started: list[Driven] = []
        self._barrier = threading.Barrier(2)

    def start(self, request: UploadRequest | FollowRequest) -> Driven:
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(0.1)
        self.started.append(Driven(request, self.changed))
        return self.started[-1]


def job_of(driver: Driver) -> Job:
    return Job(driver, FollowRequest("job-1", "a.mp4", Place(Path("results"), by_job=True), fetch=True))


def test_several_threads_have_a_job_followed_once() -> None:
    driver = Drives()
    job = job_of(driver)
    threads = [threading.Thread(target=job.start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(driver.started) == 1


def test_a_job_whose_results_were_there_is_at_its_end() -> None:
    outputs = tuple(OutputOutcome(name, "", "", frames_in=30, frames_out=29, retries=2) for name in ("soft", "small"))
    outcome = Outcome("a.mp4", "job-1", Status.PARTIAL, "partial", outputs=outputs)
    job = Job.ended(Drives(), outcome, Place(Path("results"), by_job=True))
    progress = job.progress
    assert (progress.name, progress.frames_done, progress.frames_wanted, progress.share) == ("a.mp4", 60, 60, 1.0)
    assert (progress.frames_sent, progress.frames_total, progress.retries) == (30, 30, 4)
    assert (progress.frames_per_second, progress.seconds_left) == (0.0, None)


def test_the_progress_of_a_job_that_was_never_begun_is_what_ended_it() -> None:
    driver = Drives()
    job = job_of(driver)
    job.start()
    driver.started[0].bug = ZeroDivisionError("a bug in the driver")
    with pytest.raises(ZeroDivisionError, match="a bug in the driver"):
        _ = job.progress
