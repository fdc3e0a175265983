"""A whole worker process but for the process: session, loop and compute thread against sockets of the test's own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from moviola.wire.addresses import Address
from moviola.wire.loop import Loop
from moviola.wire.messages import Beat, Hello, Released, Result, Revoke
from moviola.wire.schema import Lease
from tests.waiting import PATIENCE_S
from tests.worker.cluster import Cluster, Side
from worker.compute import Computer, load
from worker.events import EXIT_DRAINED, EXIT_ORPHANED, DrainRequested
from worker.held_task import Identity
from worker.network import Network
from worker.session import Session
from worker.shared_status import Note, Stage

NAME = "w-1"


class Process:
    """Both threads of a worker process, in this process."""

    def __init__(self, port: int) -> None:
        self.lifeline, self.parent = os.pipe()
        self.note = Note.create()
        self.status: list[int] = []
        identity = Identity(NAME, "s1", ({"name": "blur"},), ("fake",), "fake")
        session = Session(identity, (Address("127.0.0.1", port),), jitter=lambda: 0.0)
        self.network = Network(session, Loop("worker"), self.note, self.lifeline)
        self.computer = Computer(load({"fake": "tests.worker.fake_kind.process"}), self.network.report, self.note)
        threading.Thread(target=self.computer.run, daemon=True).start()
        self.thread = threading.Thread(target=lambda: self.status.append(self.network.run(self.computer)), daemon=True)
        self.thread.start()

    def end(self) -> None:
        if self.parent >= 0:
            os.close(self.parent)
            self.parent = -1
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.shut()


@pytest.fixture
def process(cluster: Cluster) -> Iterator[Process]:
    made = Process(cluster.middleware.port)
    cluster.joined(NAME)
    cluster.announce(NAME)
    yield made
    made.end()
    made.note.close()


def released(cluster: Cluster) -> dict[Lease, str]:
    return {message.lease: message.outcome for message in cluster.middleware.all(Released)}


def test_tasks_become_results_and_credit_returns(cluster: Cluster, process: Process) -> None:
    leases = [cluster.task(NAME, f"echo {n}".encode() * 100_000) for n in range(2)]
    cluster.until(lambda: len(cluster.results()) == 2)
    assert [cluster.results()[lease] for lease in leases] == [f"echo {n}".encode() * 100_000 for n in range(2)]
    assert not released(cluster)
    for lease in leases:
        cluster.verdict(lease)
    cluster.until(lambda: released(cluster) == dict.fromkeys(leases, "stored"))
    assert process.note.stage is Stage.WELCOMED


def test_beats_come_from_the_other_thread_while_one_computes(
    cluster: Cluster, process: Process, tmp_path: Path
) -> None:
    lease = cluster.task(NAME, f"wait {tmp_path / 'go'}".encode())

    def frames() -> int:
        return max((beat.frames for beat in cluster.middleware.heard_beats(lease)), default=0)

    first = cluster.until(frames)
    cluster.until(lambda: frames() > first)
    last = cluster.middleware.all(Beat)[-1]
    assert last.memory_bytes > 10_000_000
    assert last.leases[0].steps == last.leases[0].frames + 1
    (tmp_path / "go").touch()
    cluster.until(cluster.results)


def test_a_revoked_computation_stops_and_the_next_one_runs(cluster: Cluster, process: Process, tmp_path: Path) -> None:
    first = cluster.task(NAME, f"wait {tmp_path / 'never'}".encode())
    second = cluster.task(NAME, b"echo")
    cluster.until(lambda: process.note.lease == first)
    cluster.tell(NAME, Revoke(first))
    cluster.until(lambda: second in cluster.results() and released(cluster))  # they come over two connections
    assert released(cluster) == {first: "revoked"}


def test_a_lost_middleware_costs_no_work(cluster: Cluster, process: Process, tmp_path: Path) -> None:
    lease = cluster.task(NAME, f"wait {tmp_path / 'go'}".encode())
    cluster.until(lambda: process.note.lease == lease)
    port = cluster.middleware.port
    cluster.middleware.loop.shut()
    (tmp_path / "go").touch()
    cluster.middleware = Side("middleware")  # a place of its own while nobody listens at the old one
    cluster.until(cluster.results)
    cluster.verdict(lease)
    cluster.middleware.loop.shut()
    cluster.middleware = Side("middleware", port)
    cluster.middleware.epoch = 2
    cluster.joined(NAME)
    assert [one.lease for one in cluster.middleware.details()[0].held] == [lease]
    cluster.until(lambda: released(cluster) == {lease: "stored"})
    assert len(cluster.aggregator.all(Result)) == 1


def test_a_result_is_sent_again_to_a_store_that_came_back_elsewhere(cluster: Cluster, process: Process) -> None:
    lease = cluster.task(NAME, b"echo once more")
    cluster.until(cluster.results)
    cluster.aggregator.loop.shut()  # it dies with the result, before its verdict
    cluster.aggregator = Side("aggregator")
    cluster.announce(NAME)
    cluster.until(cluster.results)
    assert cluster.results() == {lease: b"echo once more"}
    cluster.verdict(lease)
    cluster.until(lambda: released(cluster) == {lease: "stored"})


def test_a_result_is_sent_again_to_a_store_that_came_back_at_its_old_place(cluster: Cluster, process: Process) -> None:
    lease = cluster.task(NAME, b"echo once more")
    cluster.until(cluster.results)
    port = cluster.aggregator.port
    cluster.aggregator.loop.shut()
    cluster.aggregator = Side("aggregator", port)
    cluster.until(cluster.results)
    cluster.verdict(lease)
    cluster.until(lambda: released(cluster) == {lease: "stored"})


def test_a_drain_delivers_what_runs_and_returns_what_waits(cluster: Cluster, process: Process, tmp_path: Path) -> None:
    running = cluster.task(NAME, f"wait {tmp_path / 'go'}".encode())
    waiting = cluster.task(NAME, b"echo")
    cluster.until(lambda: process.note.lease == running)
    process.network.report(DrainRequested())
    cluster.until(lambda: released(cluster) == {waiting: "drained"})
    (tmp_path / "go").touch()
    cluster.until(cluster.results)
    cluster.verdict(running)
    cluster.until(lambda: cluster.middleware.lost == [NAME])
    assert released(cluster) == {waiting: "drained", running: "stored"}
    process.end()
    assert process.status == [EXIT_DRAINED]


def test_it_ends_with_its_parent(cluster: Cluster, process: Process) -> None:
    process.end()
    assert process.status == [EXIT_ORPHANED]


def test_a_middleware_that_is_not_there_yet_is_waited_for() -> None:
    early = Side("middleware")
    port = early.port
    early.loop.shut()
    process = Process(port)
    cluster = Cluster()
    cluster.until(lambda: process.note.turns > 3)
    cluster.middleware.loop.shut()
    cluster.middleware = Side("middleware", port)
    cluster.joined(NAME)
    assert [hello.name for hello in cluster.middleware.all(Hello)] == [NAME]
    process.end()
    process.note.close()
    cluster.shut()
