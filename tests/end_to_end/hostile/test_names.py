"""Names of real processes: whoever uses one that is another's is refused, and ends nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Closed, Header, Honest, RawPeer, worker_details
from tests.waiting import until


def _refusal(port: int, role: str, name: str, **hello: object) -> str:
    """What somebody is told who joins under a name."""
    with pytest.raises(Closed) as closed:
        RawPeer(port, role, name=name, hello=dict(hello))
    return str(closed.value)


def test_nobody_takes_the_name_of_a_worker_or_an_aggregator(cluster: LocalCluster, honest: Honest) -> None:
    [child] = cluster.worker_children()
    store = _store(cluster)
    addresses = [{"host": "", "port": 1}]
    for token in ("", "guessed"):
        told = _refusal(cluster.port, "worker", "w-1", details=worker_details(), token=token)
        assert told.startswith("name-taken: another worker is connected as 'w-1': choose another --name, or wait")
    claims = ((store["name"], store["store"], "forbidden"), ("other", store["store"], "forbidden"))
    for name, claimed, code in (*claims, (store["name"], "new", "name-taken")):
        details = {"store": claimed, "addresses": addresses}
        told = _refusal(cluster.port, "aggregator", name, details=details, token="guessed")
        assert told.startswith(f"{code}: "), told
    with RawPeer(cluster.aggregator_port, "worker", name="w-1", hello={"token": "guessed"}):
        honest.check()
    assert [one.pid for one in cluster.worker_children()] == [child.pid]
    assert "superseded" not in cluster.log("worker") + cluster.log("aggregator")


def test_a_worker_whose_name_is_taken_says_so_and_joins_once_it_is_free(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    patient = ("--worker-timeout", "120")  # who has the name says nothing while the worker starts
    with LocalCluster(tmp_path, workers=0, middleware_arguments=patient) as cluster:
        honest = Honest(cluster, clip)
        with RawPeer(cluster.port, "worker", name="w-1", hello={"details": worker_details(filters=("hostile",))}):
            parent = cluster.start("worker", arguments=["--port", str(cluster.port), "--processes", "1", "--name", "w"])
            until(
                lambda: "another worker is connected as 'w-1'" in cluster.log("worker"), "the worker says why it waits"
            )
        honest.check()
        assert parent.poll() is None


def _store(cluster: LocalCluster) -> Header:
    """The store of the cluster's aggregator, as everybody may know it."""
    with RawPeer(cluster.port, "client") as peer:
        peer.say("Watch", topics=["workers"])
        return peer.expect("Aggregator")
