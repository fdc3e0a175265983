"""Jobs that a ledger has from earlier, and that today would be refused: they end with a reason, and cost no link."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moviola.storage.seals import sealed, unsealed
from moviola.wire.messages import Job
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import view
from tests.end_to_end.hostile.peer import Honest, RawPeer, submission
from tests.waiting import until

FAR = 9_999_999
"""The last index that a chunk may have."""

MATROSKA = b"\x1aE\xdf\xa3"


def change_ledger(cluster: LocalCluster, change: Callable[[dict[str, Any]], None]) -> str:
    """Lets the only job of a middleware that is not running be another; its id."""
    ledger = sqlite3.connect(cluster.folder / "state" / "middleware" / "ledger.sqlite")
    try:
        [(job, packed)] = ledger.execute("SELECT job, fixed FROM job").fetchall()
        fixed = unsealed(f"job {job}", packed)
        change(fixed)
        ledger.execute("UPDATE job SET fixed = ?", (sealed(f"job {job}", fixed),))
        ledger.commit()
    finally:
        ledger.close()
    return str(job)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda fixed: fixed["source"].update(facts={"x": "y" * 5_000_000}), "cannot be sent"),
        (lambda fixed: fixed["source"].update(name="n" * 70_000), "3 times"),
    ],
    ids=["too-large", "too-long"],
)
def test_a_job_of_an_earlier_version_ends_with_a_reason(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], word: str
) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    cluster = LocalCluster(tmp_path, workers=1)
    del cluster.environment["MOVIOLA_CHECK_SENT"]  # as at work: what was sent then is not looked at again
    with cluster:
        honest = Honest(cluster, clip)
        with RawPeer(cluster.port) as client:
            client.say("Submit", **submission(outputs=[{"name": "out", "chain": [{"name": "unheard-of"}]}]))
            client.expect("Job")
        cluster.kill("middleware")
        job = change_ledger(cluster, change)
        cluster.start("middleware")
        cluster.wait(1)
        ended = until(lambda: _failed(cluster, job), "the end of a job that cannot be")
        assert word in ended.reason, ended.reason
        honest.check()
        assert cluster.run("client.jobs", "show", job).returncode == 0
        cluster.restart("middleware")
        cluster.wait(1)
        assert _failed(cluster, job)
        honest.check()


def _failed(cluster: LocalCluster, job: str) -> Job | None:
    found = view(cluster).jobs.get(job)
    return found if found is not None and found.state == "failed" else None


def test_four_chunks_at_the_far_end_cost_no_link(tmp_path: Path) -> None:
    """Their Holdings had 5 MB, and came again after each reconnection."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    facts = {"template": MATROSKA, "template_format": "matroska"}
    source = {
        "kind": "video",
        "name": "far.mp4",
        "stream_count": 5,
        "process": {},
        "splice": {"passthrough": [facts] * 4},
    }
    with LocalCluster(tmp_path, workers=1) as cluster:
        honest = Honest(cluster, clip)
        with RawPeer(cluster.port) as client:
            job = client.submit(**submission(source=source))
            for stream in range(1, 5):
                client.say("Chunk", b"x", job=job, stream=stream, index=FAR, frame_count=1)
            until(
                lambda: client.expect("Job", job=job)["progress"]["tasks_stored"] == 4, "four chunks at the aggregator"
            )
            cluster.restart("middleware")
            cluster.wait(1)
        honest.check()
        with RawPeer(cluster.port) as client:
            client.say("Watch", job=job)
            assert client.expect("Job", job=job)["progress"]["tasks_stored"] == 4
        assert "too-large" not in cluster.log("aggregator") + cluster.log("middleware")
