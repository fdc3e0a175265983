"""Messages that are cheap to say and were dear to answer: far indexes, and questions again and again."""

from __future__ import annotations

from pathlib import Path

from moviola.wire.limits import MAX_CHUNKS, MIB
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, frame, resident_bytes, submission


def test_far_indexes_and_repeated_questions_cost_nobody_anything(cluster: LocalCluster, honest: Honest) -> None:
    with RawPeer(cluster.port) as far, RawPeer(cluster.port) as curious:
        honest.check()
        middleware = cluster.processes["middleware"].pid
        before = resident_bytes(middleware)

        job = far.submit(**submission())
        far.say("Chunk", b"x", job=job, stream=0, index=MAX_CHUNKS - 1, frame_count=1)
        far.say("End", job=job, chunk_counts=[MAX_CHUNKS])
        far.expect("Job", accepted=1)

        watch = frame({"type": "Watch", "topics": ["jobs", "workers"]})
        curious.send(2000 * watch)
        asking = [frame({"type": "Watch", "job": job}), frame({"type": "End", "job": job, "chunk_counts": [1]})]
        curious.send(200 * asking[0])
        far.send(1000 * frame({"type": "Beat"})[:10])  # it is no frame: closed, in its own time
        honest.check()
        curious.expect("Event", kind="current")
        assert resident_bytes(middleware) - before < 32 * MIB


def test_who_asks_for_much_and_reads_nothing_takes_little(cluster: LocalCluster, tmp_path: Path) -> None:
    """A thousand parts of a finished file, asked for at once."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=48, gop=8, size=(640, 360))
    honest = Honest(cluster, clip)
    sent = honest.check()
    aggregator = cluster.processes["aggregator"].pid
    before = resident_bytes(aggregator)
    with RawPeer(cluster.aggregator_port) as greedy:
        name = Path(sent["outputs"][0]["path"]).name
        for _ in range(40):
            ask = frame({"type": "Fetch", "job": sent["job_id"], "file": name, "offset": 0, "length": 8 * MIB})
            greedy.send(100 * ask)
        honest.check()
        assert resident_bytes(aggregator) - before < 64 * MIB
