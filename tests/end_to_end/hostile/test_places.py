"""A crowd that takes all places: silent connections, slow ones, and a user that asks for all it may."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from bench.flood import Flood, visit
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer
from tests.waiting import until

DESCRIPTORS = 10_240


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < DESCRIPTORS, reason="too few descriptors")
def test_a_crowd_keeps_nobody_out(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    with LocalCluster(tmp_path, workers=1) as cluster:
        honest = Honest(cluster, clip)
        with Flood(cluster.port, silent=4300, slow=100):
            honest.check()
            assert visit(cluster.port) < 30  # the bench measures it: on a quiet machine 0.1 s
            cluster.restart("worker")  # workers get in as well
            cluster.wait(1)
            honest.check()


@pytest.mark.suite("long")
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < DESCRIPTORS, reason="too few descriptors")
def test_idle_clients_give_way(tmp_path: Path) -> None:
    """4 094 of them were all that could be."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    idle: list[RawPeer] = []
    try:
        with LocalCluster(tmp_path, workers=1) as cluster:
            honest = Honest(cluster, clip)
            for _ in range(1600):
                idle.append(RawPeer(cluster.port, hello={"user": f"user {len(idle) // 100}"}))
            until(lambda: "closed: idle" in cluster.log("middleware"), "one that is idle goes")
            assert idle[0].closed().startswith("idle")
            honest.check()
    finally:
        for peer in idle:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
