"""The hand-made peer itself: it is let in, a wrong frame closes its connection and no other."""

from __future__ import annotations

from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, frame, submission


def test_garbage_ends_its_own_connection_and_no_other(cluster: LocalCluster, honest: Honest) -> None:
    with RawPeer(cluster.port) as good, RawPeer(cluster.port) as bad, RawPeer(cluster.aggregator_port) as other:
        bad.send(b"GET / HTTP/1.1\r\n\r\n")
        assert bad.closed().startswith("not-moviola")
        other.send(frame({"type": "Fetch"}))
        assert other.closed().startswith("bad-message")
        good.say("Submit", **submission(outputs=[{"name": "out", "chain": [{"name": "unheard-of"}]}]))
        assert good.expect("Job")["state"] == "pending"
    honest.check()
