from __future__ import annotations

import io
import json
import socket
import threading
import time
from dataclasses import replace

import pytest

from client.display.status_tables import print_tables
from client.status import Status, main
from moviola.base.worker_facts import WorkerFacts
from moviola.display.terminal import Terminal
from moviola.filters.registry import schemas
from moviola.session.cluster_view import ClusterView
from moviola.wire.messages import Aggregator, Event, Job, Worker
from tests.session.fakes import FakeCluster


def at(cluster: FakeCluster) -> list[str]:
    return ["--host", "127.0.0.1", "--port", str(cluster.port)]


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def test_tables_of_what_there_is(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(at(cluster)) == Status.OK
    shown = capsys.readouterr().out
    for words in ("worker-0", "worker-1", "ready", "aggregator", f"127.0.0.1:{cluster.aggregator_port}"):
        assert words in shown


def test_json_has_all_of_it(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*at(cluster), "--json"]) == Status.OK
    shown = json.loads(capsys.readouterr().out)
    assert [worker["name"] for worker in shown["workers"]] == ["worker-0", "worker-1"]
    assert shown["aggregators"][0]["connected"] is True
    assert shown["jobs"] == []


def test_an_empty_cluster_is_said(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.script.workers = 0
    assert main(at(cluster)) == Status.OK
    assert "No worker is connected." in capsys.readouterr().out


def test_workers_that_have_long_gone_are_counted_and_not_shown() -> None:
    view = ClusterView()
    for name, state, heard_s in (("w1", "ready", 0.1), ("w2", "lost", 30.0), ("w3", "lost", 601.0)):
        view.take(Worker(name, name, state, WorkerFacts(heard_s=heard_s)))
    canvas = Terminal(file=io.StringIO(), width=80)
    print_tables(canvas, view)
    assert isinstance(canvas.file, io.StringIO)
    shown = canvas.file.getvalue()
    assert "w1" in shown
    assert "w2" in shown
    assert "w3" not in shown
    assert "1 worker gone for more than 10:00 not shown." in shown


def test_waiting_ends_when_enough_are_there(cluster: FakeCluster) -> None:
    assert main([*at(cluster), "--wait", "--workers", "2", "--aggregators", "1"]) == Status.OK


def test_waiting_ends_when_its_time_is_over(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*at(cluster), "--wait", "--workers", "3", "--timeout", "1"]) == Status.INCOMPLETE
    assert "Not complete within 1 s" in capsys.readouterr().err


def test_waiting_goes_on_until_a_middleware_is_there() -> None:
    cluster = FakeCluster()
    starting = threading.Timer(0.5, cluster.__enter__)
    began = time.monotonic()
    starting.start()
    assert main([*at(cluster), "--wait", "--workers", "2", "--timeout", "20"]) == Status.OK
    assert time.monotonic() - began >= 0.5
    starting.join()
    cluster.__exit__()


@pytest.mark.parametrize("arguments", [[], ["--wait", "--timeout", "1"]])
def test_no_middleware_to_reach(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    port = closed_port()
    assert main(["--host", "127.0.0.1", "--port", port, *arguments]) == Status.UNREACHABLE
    assert f"No middleware answers at 127.0.0.1:{port}" in capsys.readouterr().err


def test_wrong_usage() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--workers", "many"])
    assert caught.value.code == Status.WRONG


def test_the_view_keeps_the_newest_of_each() -> None:
    view = ClusterView()
    facts = WorkerFacts(filters=["blur"], schemas=[schemas()["blur"].to_wire(), {"name": "broken"}])
    for message in (
        Worker("a", "s", "ready", facts),
        Worker("b", "s", "full", facts),
        Worker("c", "s", "lost", facts),
        Worker("a", "s", "full", facts),
        Aggregator("store", "name", []),
        Aggregator("store", "name", [], connected=False),
        Job("j", "clip.mp4", "running"),
        Event("job-finished", "not this one"),
    ):
        view.take(message)
    assert [worker.name for worker in view.connected_workers()] == ["a", "b"]
    assert view.workers["a"].state == "full"
    assert not view.connected_aggregators()
    assert not view.is_current
    assert view.offered_filters() == {"blur": (schemas()["blur"], 2)}
    for worker in list(view.workers.values()):  # later records of a session have no schemas
        view.take(replace(worker, facts=WorkerFacts(filters=["blur"])))
    assert view.offered_filters() == {"blur": (schemas()["blur"], 2)}
    for worker in list(view.workers.values()):
        view.take(replace(worker, session="another", facts=WorkerFacts()))
    assert view.offered_filters() == {}
    view.take(Event("current", ""))
    assert view.is_current


def test_a_filter_that_no_worker_is_given_is_known_all_the_same() -> None:
    """It asks for a label that none of those has who have the filter."""
    view, blur = ClusterView(), schemas()["blur"]
    view.take(Worker("a", "s", "ready", WorkerFacts(filters=["edges"], schemas=[blur.to_wire()])))
    assert view.offered_filters() == {"blur": (blur, 0)}
    assert view.known_filters() == {"blur": blur}
