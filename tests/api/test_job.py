"""Tests `Job`, the Python object, with a driver that has no cluster."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pytest

import moviola
from moviola.api.driver import Driven, Driver
from moviola.api.job import Job
from moviola.api.waiting import Block, Submissions
from moviola.session import rpc
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


class Submitted(Block):
    """Submits jobs and waits for them, as `Cluster` does."""

    def __init__(self) -> None:
        self.jobs = Submissions[Job]()

    def submit(self, driver: Drives) -> Job:
        job = job_of(driver, self.jobs)
        job.start()
        self.jobs.add(job)
        return job

    def _submissions(self) -> Submissions[Job]:
        return self.jobs

    def close(self) -> None:
        pass


def job_of(driver: Driver, submissions: Submissions[Job] | None = None) -> Job:
    request = FollowRequest("job-1", "a.mp4", Place(Path("results"), by_job=True), fetch=True)
    return Job(driver, request, submissions=submissions)


def ended(status: Status, state: str, reason: str = "") -> Outcome:
    return Outcome("a.mp4", "job-1", status, state, reason)


DONE = ended(Status.DONE, "done")


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


def test_jobs_that_are_settled_are_let_go_of_at_the_next_one() -> None:
    driver, submitted = Drives(), Submitted()
    jobs = [submitted.submit(driver) for _ in range(3)]
    told, good, failed = driver.started
    told.outcome = ended(Status.FAILED, "failed", "one that is heard of")
    with pytest.raises(moviola.JobFailed):
        jobs[0].wait()
    good.outcome = DONE
    failed.outcome = ended(Status.FAILED, "failed", "one that nobody has heard of")
    gone = [weakref.ref(job) for job in jobs]
    del jobs
    last = submitted.submit(driver)
    driver.started[-1].outcome = DONE
    gc.collect()
    assert [each() is None for each in gone] == [True, True, False]
    with pytest.raises(moviola.JobFailed, match="one that nobody has heard of"):
        submitted.wait()
    assert last.wait().state == "done"


def test_a_job_that_is_begun_again_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "control", lambda *_: "job job-1 begins again")
    driver, submitted = Drives(), Submitted()
    job = submitted.submit(driver)
    driver.started[-1].outcome = ended(Status.CANCELLED, "cancelled", "cancelled by me")
    with pytest.raises(moviola.JobCancelled):
        job.wait()
    other = submitted.submit(driver)
    driver.started[-1].outcome = DONE
    assert list(submitted.jobs) == [other]
    for _ in range(2):
        job.retry()
        driver.started[-1].outcome = ended(Status.FAILED, "failed", "it fails again")
    assert list(submitted.jobs) == [job]
    with pytest.raises(moviola.JobFailed, match="it fails again"):
        submitted.wait()
