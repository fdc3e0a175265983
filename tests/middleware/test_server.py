"""The middleware's shell on real sockets and files: what leaves late, and a process short of descriptors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from middleware import publisher as records
from middleware.ledger import MiddlewareLedger
from middleware.model.cluster import Rules
from middleware.server import MAX_UNREAD, Server
from moviola.storage.spool import Spool
from moviola.wire.addresses import Address
from moviola.wire.limits import MIB
from moviola.wire.loop import Loop, Lost, NetworkEvent, Received
from moviola.wire.messages import (
    VERSIONS,
    AggregatorDetails,
    Chunk,
    Control,
    Hello,
    Holdings,
    Job,
    Message,
    Own,
    Submit,
    Task,
    Watch,
    Welcome,
    Worker,
    WorkerDetails,
)

M = TypeVar("M", bound=Message)


class Peer:
    """One connection to the middleware, and all that came on it."""

    def __init__(self, port: int, role: str, details: dict[str, Any] | None = None, name: str = "") -> None:
        self.loop = Loop(role)
        token = f"token of {role}"
        hello = Hello(role, name or f"a {role}", "session", list(VERSIONS), details=details or {}, token=token)
        self.link = self.loop.dial([Address("127.0.0.1", port)], hello)
        self.events: list[NetworkEvent] = []

    def say(self, message: Message, payload: bytes = b"") -> None:
        self.loop.send(self.link, message, payload)

    def turn(self) -> None:
        self.loop.flush()
        self.events += self.loop.turn(time.monotonic() + 0.002)
        self.loop.flush()

    def heard(self, kind: type[M]) -> list[M]:
        return [one.message for one in self.events if isinstance(one, Received) and isinstance(one.message, kind)]

    @property
    def is_lost(self) -> bool:
        return any(isinstance(event, Lost) for event in self.events)


class Cluster:
    """A middleware in this process, with its state in `folder`, and peers that are driven by the test."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop("middleware")
        self.port = self.loop.listen("127.0.0.1", 0)
        self.spool = Spool(folder / "spool", limit_bytes=1024 * MIB)
        self.ledger = MiddlewareLedger(folder / "ledger.sqlite")
        self.server = Server(Rules(), self.loop, self.ledger, self.spool)
        self.peers: list[Peer] = []

    def join(self, role: str, details: dict[str, Any] | None = None, name: str = "") -> Peer:
        peer = Peer(self.port, role, details, name)
        self.peers.append(peer)
        self.until(lambda: peer.heard(Welcome), peer)
        return peer

    def until(self, condition: Callable[[], object], *reading: Peer, timeout_s: float = 30.0) -> None:
        """Turns of the middleware and of those peers, the others stand still."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, [peer.events[-3:] for peer in self.peers]
            self.loop.wake()
            self.server.turn()
            for peer in reading:
                peer.turn()

    def submit(self, client: Peer, aggregator: Peer, key: str, streams: int = 1) -> str:
        source = {"kind": "video", "name": f"{key}.mkv", "stream_count": streams, "process": {}}
        known = {one.job for one in client.heard(Job)}
        client.say(Submit(key, source, [{"name": "o", "chain": [{"name": "blur"}]}], {}, new=True))
        self.until(lambda: {one.job for one in client.heard(Job)} - known, client, aggregator)
        [job] = {one.job for one in client.heard(Job)} - known
        self.until(lambda: [one for one in aggregator.heard(Own) if one.job == job], client, aggregator)
        aggregator.say(Holdings(job, aggregator.heard(Own)[-1].owner_epoch, [b""] * streams))
        aggregator.turn()
        return job

    def close(self) -> None:
        """As kill -9 leaves it."""
        for loop in (self.loop, *(peer.loop for peer in self.peers)):
            loop.shut()
        self.spool.close()
        self.ledger.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


AGGREGATOR = AggregatorDetails("store", [{"host": "", "port": 5}]).to_wire()
WORKER = WorkerDetails([{"name": "blur"}], ["video"], 1, "build").to_wire()


def test_cancelling_a_job_spoils_nothing_that_still_leaves(cluster: Cluster, tmp_path: Path) -> None:
    client, aggregator = cluster.join("client"), cluster.join("aggregator", AGGREGATOR)
    worker = cluster.join("worker", WORKER)
    cancelled = cluster.submit(client, aggregator, "cancelled")
    for index in range(2):
        client.say(Chunk(cancelled, 0, index, 1), os.urandom(9 * MIB))
    cluster.until(lambda: client.heard(Job)[-1].accepted == 2, client)
    assert cluster.server.dispatcher.cluster.fleet.by_name["a worker"].held  # on their way to one who does not read
    client.say(Control(cancelled, "cancel"))
    cluster.until(lambda: client.heard(Job)[-1].state == "cancelled", client)
    other = cluster.submit(client, aggregator, "other")
    payloads = [os.urandom(9 * MIB) for _ in range(2)]
    for index, payload in enumerate(payloads):
        client.say(Chunk(other, 0, index, 1), payload)
    cluster.until(lambda: [one for one in client.heard(Job) if one.job == other][-1].accepted == 2, client)
    cluster.until(lambda: len(worker.heard(Task)) == 2 or worker.is_lost, worker)
    assert not worker.is_lost, worker.events
    cluster.until(lambda: cluster.spool.used_bytes == 18 * MIB, worker)  # what has left makes room

    cluster.close()
    again = Cluster(tmp_path)
    assert again.spool.used_bytes == 18 * MIB
    kept = {index: location for _, _, index, _, _, location in again.ledger.chunks() if location is not None}
    assert [again.spool.read(kept[index]) for index in range(2)] == payloads
    again.close()


def test_a_watcher_that_reads_nothing_is_told_no_more(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "WATCHER_INTERVAL_S", 0.0)
    watcher = cluster.join("client")
    watcher.say(Watch(topics=["workers"]))
    watcher.turn()
    details = WorkerDetails([{"name": f"{n:050}"} for n in range(900)], ["video"], 1, "build").to_wire()
    for number in range(4):
        cluster.join("worker", details, f"worker {number}")
    [peer] = cluster.server.dispatcher.cluster.clients
    cluster.until(lambda: cluster.loop.backlog(peer) > MAX_UNREAD)
    most = cluster.loop.backlog(peer)
    for _ in range(50):
        cluster.loop.wake()
        cluster.server.turn()
    assert cluster.loop.backlog(peer) == most < MAX_UNREAD + MIB
    heard = len(watcher.heard(Worker))
    cluster.until(lambda: not cluster.loop.backlog(peer), watcher)
    cluster.until(lambda: len(watcher.heard(Worker)) > heard + 100, watcher)
