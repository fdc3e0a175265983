"""The middleware's shell on real sockets and files: what leaves late, and a process short of descriptors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from middleware import publisher
from middleware.server import MAX_UNREAD
from moviola.wire.limits import MIB
from moviola.wire.messages import (
    Chunk,
    Control,
    Job,
    Task,
    Watch,
    Worker,
    WorkerDetails,
)
from tests.middleware.peers import AGGREGATOR, WORKER, Cluster


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
    monkeypatch.setattr(publisher, "WATCHER_INTERVAL_S", 0.0)
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
