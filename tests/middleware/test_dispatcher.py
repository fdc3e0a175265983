"""The dispatcher as a whole, as scripts: who speaks out of role, what no schema tells from sense, who watches."""

from __future__ import annotations

from typing import Any

import pytest

from middleware.model.states import JobState
from moviola.wire.messages import (
    Beat,
    End,
    Finished,
    Hello,
    Job,
    LeaseBeat,
    Stored,
    Task,
    Watch,
    Worker,
    WorkerDetails,
)
from tests.middleware.script import Script


def test_a_peer_that_speaks_out_of_role_is_closed_and_nobody_else(script: Script) -> None:
    script.worker(11)
    script.tell(11, Watch())
    assert script.closed(11) == ["out-of-order"]
    assert not script.closed(1)


FRAMES = 2**62
"""Passes the schema, and a few of it do not pack any more."""


@pytest.mark.parametrize(
    ("peer", "say"),
    [
        (11, lambda job, lease: Beat([LeaseBeat(lease, "computing", FRAMES, 1)])),
        (9, lambda job, lease: Stored(job, 0, 2**40, "kept")),
        (9, lambda job, lease: Stored(job, 0, 0, "kept", lost_frames=FRAMES)),
        (9, lambda job, lease: Finished(job, 1, "running")),
        (1, lambda job, lease: End(job, [FRAMES])),
    ],
)
def test_what_no_schema_tells_from_sense_ends_one_connection(script: Script, peer: int, say: Any) -> None:
    script.worker(11)
    job = script.submit(chunks=2, end=False)
    script.tell(peer, say(job, script.said(11, Task)[0].lease))
    assert {one: script.closed(one) for one in (1, 9, 11) if script.closed(one)} == {peer: ["bad-message"]}
    script.leave(11)
    script.worker(12)
    script.tick(1)
    assert script.tasks(12) == ([] if peer == 9 else [0, 1])


@pytest.mark.parametrize("death", [{"lease": [1, [2]]}, {"lease": [1]}, {"kind": ["crash"]}])
def test_a_death_that_cannot_be_ends_the_workers_connection(script: Script, death: dict[str, Any]) -> None:
    details = {**WorkerDetails([{"name": "blur"}], ["video"], 1, "f").to_wire(), "death": death}
    script.tell(11, Hello("worker", "w11", "s11", [3], details=details))
    assert script.closed(11) == ["bad-message"]
    assert not script.dispatcher.cluster.fleet.by_name


def test_watchers_get_current_records_and_changes(script: Script) -> None:
    script.client(5)
    script.tell(5, Watch(topics=["jobs", "workers"]))
    script.worker(11)
    script.submit(chunks=2)
    script.tell(11, Beat([LeaseBeat(script.said(11, Task)[0].lease, "computing", 4, 4)], 55.0, 1 << 20))
    script.tick(2)
    assert script.said(5, Worker)[-1].facts.tasks[0].frames == 4
    assert script.said(5, Job)[-1].progress.frames_done == 4
    script.leave(11)
    script.tick(2)
    assert script.said(5, Worker)[-1].state == "lost"


def test_states_that_may_not_follow_each_other_are_a_bug() -> None:
    script = Script()
    script.client(1)
    job = script.dispatcher.cluster.open[script.submit(end=False)]
    job.set_state(JobState.DONE)
    with pytest.raises(AssertionError, match="done to running"):
        job.set_state(JobState.RUNNING)
