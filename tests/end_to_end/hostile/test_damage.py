"""Bytes that are not what they were: on disk, on the wire; repaired or said, and nobody is blamed."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished
from tests.end_to_end.faults.witness import PLUGINS, computing, stored, view
from tests.end_to_end.hostile.peer import Honest, RawPeer, frame, submission, worker_details
from tests.waiting import until

CHUNKS = 6
GOP = 16


def overwrite(folder: Path) -> int:
    """Changes every byte of every file in a spool; returns how many there are."""
    count = 0
    for path in (folder / "spool").glob("*.segment"):
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.write(bytes(byte ^ 0x5A for byte in data))
        count += len(data)
    return count


def remove(folder: Path) -> int:
    """Removes a spool, and returns how many files it had."""
    count = len(list((folder / "spool").iterdir()))
    shutil.rmtree(folder / "spool")
    return count


@contextmanager
def halfway(folder: Path, at_frame: int) -> Iterator[tuple[LocalCluster, subprocess.Popen[str], Path]]:
    """A job whose one worker stands at a gate; the file that opens it."""
    clip, gate = clips.moving(folder / "clip.mp4", frames=CHUNKS * GOP, gop=GOP), folder / "open"
    with LocalCluster(folder, workers=1, worker_arguments=("--plugins", str(PLUGINS))) as cluster:
        sender = cluster.begin(
            str(clip), "--chunk-frames", str(GOP), "--filters", f"gate:frame={at_frame}:path={gate},blur"
        )
        yield cluster, sender, gate
        nobody_is_blamed(cluster)


def reference(cluster: LocalCluster) -> str:
    """The digest of the same film in one process."""
    clip = str(cluster.folder / "clip.mp4")
    local = cluster.send(clip, "--chunk-frames", str(GOP), "--filters", "blur", "--local", "--out", "local.mp4")
    return str(local["outputs"][0]["digest"])


def nobody_is_blamed(cluster: LocalCluster) -> None:
    seen = view(cluster)
    assert seen.is_current
    for worker in seen.connected_workers():
        assert (worker.facts.failures, worker.facts.losses) == (0, 0)
    assert cluster.log("middleware").count(" joined from ") == 1, "the worker came back, so it had been sent away"


@pytest.mark.parametrize("harm", [overwrite, remove])
def test_results_damaged_on_the_aggregators_disk_are_done_again(tmp_path: Path, harm: Callable[[Path], int]) -> None:
    with halfway(tmp_path, (CHUNKS - 1) * GOP) as (cluster, sender, gate):
        until(lambda: stored(cluster) == CHUNKS - 1, "all but the last chunk are stored")
        assert harm(tmp_path / "state" / "aggregator")
        gate.touch()
        sent = finished(sender)
        assert sent["outputs"][0]["digest"] == reference(cluster)
        assert re.search("is damaged|cannot be read|are gone", cluster.log("aggregator"))


def test_chunks_damaged_on_the_middlewares_disk_are_asked_for_again(tmp_path: Path) -> None:
    with halfway(tmp_path, 0) as (cluster, sender, gate):
        until(lambda: computing(cluster, 0), "the worker stands at the gate")
        until(lambda: view(cluster).jobs and next(iter(view(cluster).jobs.values())).progress.chunks_total, "all sent")
        assert overwrite(tmp_path / "state" / "middleware")
        gate.touch()
        sent = finished(sender)
        assert sent["outputs"][0]["digest"] == reference(cluster)
        assert "needs chunks again" in cluster.log("middleware")


def test_a_damaged_message_is_named_and_costs_its_sender_no_connection(cluster: LocalCluster, honest: Honest) -> None:
    """Of each role; a client alone is sent back, to ask what is here."""
    result = {"type": "Result", "lease": [1, 1], "job": "j", "track": 0, "index": 3, "owner_epoch": 1}
    counts = {"build": "f", "frames_in": 1, "frames_out": 1}
    with RawPeer(cluster.aggregator_port, "worker") as worker:
        for _ in range(2):
            worker.send(frame({**result, **counts}, b"result", xxh3=1))
            assert worker.expect("Stored", verdict="damaged")["index"] == 3
    with RawPeer(cluster.port, "worker", hello={"details": worker_details(filters=("unheard-of",))}) as worker:
        worker.send(frame({"type": "HandOn", "lease": [1, 1], "job": "j", "track": 0, "index": 2}, b"x", xxh3=1))
        assert worker.expect("Stored", verdict="damaged")["index"] == 2
    with RawPeer(cluster.port) as client:
        job = client.submit(**submission(outputs=[{"name": "out", "chain": [{"name": "unheard-of"}]}]))
        chunk = {"type": "Chunk", "job": job, "stream": 0, "index": 0, "frame_count": 1}
        client.send(frame(chunk, b"chunk", xxh3=1))
        assert client.closed().startswith("corrupt")
    with RawPeer(cluster.port) as client:
        client.send(frame({"type": "Watch"}, xxh3=1))
        assert client.closed().startswith("corrupt")
    honest.check()


@pytest.mark.suite("long")
def test_a_ledger_that_cannot_be_used_ends_its_program_with_a_sentence(tmp_path: Path) -> None:
    """Whose file was removed, is empty, of an older version, or damaged; one job's row costs that job alone."""
    small = clips.moving(tmp_path / "small.mp4", frames=24, gop=8)
    with LocalCluster(tmp_path, workers=1) as cluster:
        honest = Honest(cluster, small)
        jobs = [honest.check()["job_id"] for _ in range(2)]
        ledger = tmp_path / "state" / "middleware" / "ledger.sqlite"
        cluster.kill("middleware", signal.SIGTERM)
        cluster.processes["middleware"].wait(30)
        whole = ledger.read_bytes()
        for content, reason in ((b"", "it is empty"), (whole[:6000] + bytes(9000), "cannot be used as a ledger")):
            ledger.write_bytes(content)
            process = cluster.start("middleware", "broken")
            assert process.wait(30) == 1
            said = cluster.log("broken").splitlines()[-1]
            assert str(ledger) in said
            assert reason in said
            assert "move it away" in said
        assert "Traceback" not in cluster.log("broken")
        ledger.write_bytes(whole)
        with closing(sqlite3.connect(ledger)) as file:
            file.execute("UPDATE job SET fixed = x'00' WHERE job = ?", (jobs[0],))
            file.commit()
        cluster.start("middleware")
        cluster.wait(1)
        listed = cluster.run("client.jobs", "--json").stdout
        assert jobs[0] not in listed
        assert jobs[1] in listed
        assert f"these are left out: job {jobs[0]}" in cluster.log("middleware")
        honest.check()
        aggregators = tmp_path / "state" / "aggregator" / "ledger.sqlite"
        aggregators.unlink()
        sender = cluster.begin(str(small), "--filters", "edges")
        assert cluster.processes["aggregator"].wait(60) == 1
        assert f"{aggregators} was removed while it was in use" in cluster.log("aggregator").splitlines()[-1]
        cluster.start("aggregator")
        finished(sender)
