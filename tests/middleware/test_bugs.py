"""What a bug in the dispatcher costs: a connection where nothing was changed, else the process, and no half change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from middleware.job_control import JobControl
from middleware.leases import Leases
from middleware.submissions import Submissions
from moviola.storage.crashes import MAX_CRASHES, HalfDone
from moviola.wire.events import Lost
from moviola.wire.messages import Beat, Chunk, Control, Error, Event, Job, Watch
from tests.middleware.peers import AGGREGATOR, WORKER, Cluster


def _bug(*_told: Any) -> None:
    raise IndexError("a planted bug")


def test_a_bug_that_changed_nothing_costs_the_connection_that_met_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, other, aggregator = cluster.join("client"), cluster.join("client"), cluster.join("aggregator", AGGREGATOR)
    job = cluster.submit(client, aggregator, "clip")
    monkeypatch.setattr(Submissions, "chunk", _bug)
    client.say(Chunk(job, 0, 0, 1), b"chunk")
    cluster.until(lambda: client.is_lost, client)
    [lost] = [event for event in client.events if isinstance(event, Lost)]
    assert isinstance(lost.error, Error)
    assert lost.error.code == "failed"
    assert "a planted bug" in caplog.text
    assert "job='clip-" in caplog.text
    other.say(Watch(topics=["jobs"]))
    cluster.until(lambda: other.heard(Job), other)
    assert other.heard(Job)[0].job == job


def test_half_a_change_ends_the_process_before_anything_of_its_turn_is_told(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, aggregator = cluster.join("client"), cluster.join("aggregator", AGGREGATOR)
    job = cluster.submit(client, aggregator, "clip")
    real = JobControl.control

    def control(self: Any, *told: Any) -> None:
        real(self, *told)
        _bug()

    monkeypatch.setattr(JobControl, "control", control)
    client.say(Control(job, "cancel"))
    with pytest.raises(HalfDone) as raised:
        cluster.until(lambda: client.heard(Event), client)
    assert raised.value.jobs == [job]
    cluster.server._ledger.count_crash(raised.value.jobs)  # as `run` does
    assert client.heard(Event) == []
    cluster.close()
    monkeypatch.undo()
    again = Cluster(tmp_path)
    assert again.server.dispatcher.cluster.jobs[job].state.value == "pending"
    assert again.ledger.crashes() == {job: 1}
    again.close()


def test_memory_that_does_not_agree_ends_the_process(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = cluster.join("worker", WORKER)

    def beat(self: Any, who: Any, *_told: Any) -> None:
        self._cluster.fleet._leave_line(who)
        _bug()

    monkeypatch.setattr(Leases, "beat", beat)
    worker.say(Beat())
    with pytest.raises(HalfDone):
        cluster.until(lambda: worker.is_lost, worker)


def test_a_bug_in_a_tick_ends_the_process_and_is_counted(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    client, aggregator = cluster.join("client"), cluster.join("aggregator", AGGREGATOR)
    job = cluster.submit(client, aggregator, "clip")

    def assess(_cluster: Any, job: Any, _now: float) -> None:
        assert job is None, "a planted bug"

    monkeypatch.setattr("middleware.turns.assess", assess)
    with pytest.raises(HalfDone):
        cluster.server.run()
    assert cluster.ledger.crashes() == {job: 1}


def test_a_job_over_which_the_process_ended_too_often_ends_instead(cluster: Cluster, tmp_path: Path) -> None:
    client, aggregator = cluster.join("client"), cluster.join("aggregator", AGGREGATOR)
    poison, good = cluster.submit(client, aggregator, "poison"), cluster.submit(client, aggregator, "good")
    cluster.until(lambda: True)
    for _ in range(MAX_CRASHES):
        cluster.ledger.count_crash([poison])
    cluster.close()
    again = Cluster(tmp_path)
    again.until(lambda: True)
    jobs = again.server.dispatcher.cluster.jobs
    again.loop.wake()
    again.server.turn()
    assert jobs[poison].state.value == "failed"
    assert jobs[poison].code == "crashed"
    assert jobs[good].state.value == "pending"
    again.close()
