"""Frames that announce much and bring little, in all roles: they cost nothing, and nobody else's job."""

from __future__ import annotations

from moviola.wire.limits import MIB
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, frame, resident_bytes, worker_details

CHUNK = {"type": "Chunk", "job": "none", "stream": 0, "index": 0, "frame_count": 1}
TASK = {"lease": [1, 1], "job": "none", "track": 0, "index": 0}
HAND_ON = {"type": "HandOn", **TASK}
BEAT = {"type": "Beat", "leases": []}
LARGEST = 256 * MIB


def test_what_is_only_announced_costs_nothing(cluster: LocalCluster, honest: Honest) -> None:
    """60 bytes took 256 MiB: sixteen connections took 4 GiB."""
    honest.check()
    servers = [cluster.processes[name].pid for name in ("middleware", "aggregator")]
    before = [resident_bytes(one) for one in servers]
    peers = []
    for number in range(16):
        peers.append(RawPeer(cluster.port))
        peers[-1].send(frame(CHUNK, size=LARGEST, xxh3=1) + bytes(1000))
        details = worker_details(filters=("unheard-of",))
        peers.append(RawPeer(cluster.port, "worker", name=f"announcer-{number}", hello={"details": details}))
        peers[-1].send(frame(HAND_ON, size=192 * MIB, xxh3=1) + bytes(1000))
    for role in ("client", "worker"):
        other = RawPeer(cluster.aggregator_port, role, hello={"details": worker_details()})
        other.send(frame({"type": "Fetch", "job": "j", "file": "f", "offset": 0, "length": 1}, size=LARGEST))
        assert other.closed().startswith("too-large")
    beating = RawPeer(cluster.port)
    beating.send(frame(BEAT, size=1))
    assert beating.closed().startswith("too-large")  # before its one byte of payload
    honest.check()
    grown = [resident_bytes(one) - size for one, size in zip(servers, before, strict=True)]
    assert max(grown) < 48 * MIB, f"middleware and aggregator have grown by {[one // MIB for one in grown]} MiB"
    for peer in peers:
        peer.close()


def test_a_large_header_in_small_pieces_keeps_nobody_waiting(cluster: LocalCluster, honest: Honest) -> None:
    """Each piece copied all that had come: 4 MiB in pieces of a few bytes were minutes of work."""
    with RawPeer(cluster.port) as peer:
        data = frame(b"\xc0" * (4 * MIB))  # nil, a thing that no message is
        for start in range(0, len(data), 1024):
            peer.send(data[start : start + 1024])
        assert peer.closed().startswith("bad-message")
    honest.check()
