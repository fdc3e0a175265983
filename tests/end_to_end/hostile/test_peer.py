"""The hand-made peer itself: it is let in, a wrong frame closes its connection and no other."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, frame, submission


def test_garbage_ends_its_own_connection_and_no_other(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    with LocalCluster(tmp_path, workers=1) as cluster:
        honest = Honest(cluster, clip)
        with RawPeer(cluster.port) as good, RawPeer(cluster.port) as bad, RawPeer(cluster.aggregator_port) as other:
            bad.send(b"GET / HTTP/1.1\r\n\r\n")
            assert bad.closed().startswith("not-moviola")
            other.send(frame({"type": "Fetch"}))
            assert other.closed().startswith("bad-message")
            good.say("Submit", **submission(outputs=[{"name": "out", "chain": [{"name": "unheard-of"}]}]))
            assert good.expect("Job")["state"] == "pending"
        honest.check()
