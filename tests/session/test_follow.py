"""A job that was submitted before, followed to its end: event, expected commands."""

from __future__ import annotations

from typing import Any

import pytest

from moviola.base.finished_file import FinishedFile
from moviola.base.invocation import typed
from moviola.session.events import (
    Begin,
    ClusterMessage,
    Command,
    Dial,
    Event,
    HangUp,
    Interrupted,
    Keep,
    Kept,
    Lost,
    Send,
    ServerRole,
    Start,
    Tick,
    Welcomed,
)
from moviola.session.follow import FollowSession
from moviola.session.outcome import Status
from moviola.session.redial import PATIENCE_S
from moviola.wire.addresses import Address
from moviola.wire.messages import Error, Job, Watch

MIDDLEWARE = ServerRole.MIDDLEWARE
BYE = [HangUp(ServerRole.AGGREGATOR), HangUp(ServerRole.MIDDLEWARE)]
DONE: dict[str, Any] = {
    "files": [FinishedFile("blur.mp4", 3, "x")],
    "addresses": [Address("h", 5001)],
}


class Stage:
    def __init__(self, *, fetch: bool) -> None:
        self.session = FollowSession("j", "localhost:5000", fetch=fetch)
        self.now = 0.0

    def feed(self, *events: Event) -> list[Command]:
        commands: list[Command] = []
        for event in events:
            commands = self.session.handle(event, self.now)
            self.session.validate()
        return commands

    def job(self, state: str = "running", name: str = "j", **fields: Any) -> list[Command]:
        return self.feed(ClusterMessage(MIDDLEWARE, Job(name, "clip.mp4", state, **fields)))

    def begun(self) -> Stage:
        assert self.feed(Start()) == [Dial(MIDDLEWARE)]
        assert self.feed(Welcomed(MIDDLEWARE)) == [Send(MIDDLEWARE, Watch("j"))]
        return self

    @property
    def ended(self) -> tuple[Status, str, str]:
        ending = self.session.ending
        assert ending is not None
        return ending.status, ending.state, ending.reason


@pytest.mark.parametrize(
    ("state", "status"),
    [("done", Status.DONE), ("partial", Status.PARTIAL), ("failed", Status.FAILED), ("cancelled", Status.CANCELLED)],
)
def test_who_waits_hears_how_it_ended(state: str, status: Status) -> None:
    stage = Stage(fetch=False).begun()
    assert stage.job() == []
    assert stage.job(state, reason="because", **DONE) == BYE
    assert stage.ended == (status, state, "because")


def test_who_fetches_gets_the_files_of_a_job_that_is_over_already() -> None:
    stage = Stage(fetch=True).begun()
    assert stage.job("done", **DONE) == [Begin("blur.mp4", 3, "x")]
    assert stage.feed(Kept(Keep("blur.mp4"))) == [HangUp(ServerRole.AGGREGATOR), *BYE]
    assert stage.ended == (Status.DONE, "done", "")


def test_a_lost_connection_is_made_again_and_the_job_asked_for_again() -> None:
    stage = Stage(fetch=True).begun()
    stage.job()
    assert stage.feed(Lost(MIDDLEWARE, "reset")) == []
    due = stage.session.next_deadline()
    assert due is not None
    stage.now = due
    assert stage.feed(Tick()) == [Dial(MIDDLEWARE)]
    assert stage.feed(Welcomed(MIDDLEWARE)) == [Send(MIDDLEWARE, Watch("j"))]
    assert stage.job("failed", reason="no") == BYE


def test_records_of_other_jobs_are_passed_over() -> None:
    stage = Stage(fetch=True).begun()
    assert stage.job("done", name="other", **DONE) == []
    assert stage.session.record is None


def test_a_middleware_that_is_not_there_or_stays_away_is_said() -> None:
    stage = Stage(fetch=False)
    stage.feed(Start())
    assert stage.feed(Lost(MIDDLEWARE, "refused")) == BYE
    status, _, reason = stage.ended
    assert status is Status.UNREACHABLE
    assert reason.startswith("No middleware answers at localhost:5000 (refused); start one with")
    stage = Stage(fetch=False).begun()
    stage.job()
    stage.feed(Lost(MIDDLEWARE, "reset"))
    stage.now += PATIENCE_S + 1
    stage.feed(Lost(MIDDLEWARE, "refused"))
    assert stage.ended[0] is Status.UNREACHABLE
    assert stage.ended[2].endswith(GOES_ON)


JOBS = "python -m client.jobs"
GOES_ON = f"job j goes on without us: {JOBS} wait j comes back to it, and {JOBS} cancel j ends it"


def test_a_job_that_is_forgotten_meanwhile_and_an_interruption_end_it() -> None:
    stage = Stage(fetch=True).begun()
    stage.feed(ClusterMessage(MIDDLEWARE, Error("unknown-job", "there is no job j", fatal=False)))
    assert stage.ended == (Status.FAILED, "failed", "there is no job j")
    stage = Stage(fetch=True).begun()
    stage.job()
    stage.feed(Interrupted())
    assert stage.ended == (
        Status.CANCELLED,
        "running",
        f"interrupted; {GOES_ON}",
    )


def test_who_waits_for_a_paused_job_is_told_how_to_resume_it() -> None:
    brain = FollowSession("j", "here:5000", fetch=False)
    brain.handle(Start(), 0.0)
    brain.handle(Welcomed(ServerRole.MIDDLEWARE), 0.0)
    paused = Job("j", "clip.mp4", "paused", "paused", "paused by ann@host")
    brain.handle(ClusterMessage(ServerRole.MIDDLEWARE, paused), 0.0)
    assert brain.note == f"paused: by ann@host; {typed('jobs')} resume j goes on with it"
