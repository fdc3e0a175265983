"""`moviola.Cluster` with real programs: what comes back is what `moviola.process` gives."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

import moviola
from tests.end_to_end import clips
from tests.end_to_end.api.connecting import connect
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import all_sent, lose_a_task
from tests.waiting import until
from worker.parent import CALL_BACK


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.moving(tmp_path / "clip.mp4", frames=64, b_frames=2)


def test_a_job_of_two_outputs_equals_that_of_this_process(cluster: moviola.Cluster, clip: Path, tmp_path: Path) -> None:
    chains = {"soft": "blur:radius=5", "notes": "metadata,resize:width=80"}
    job = cluster.submit(clip, chains, out=tmp_path / "out", chunk_frames=16)
    told = list(job)
    assert [each.frames_done for each in told] == sorted(each.frames_done for each in told)
    assert (told[-1].frames_done, told[-1].frames_wanted, told[-1].share) == (128, 128, 1.0)
    result = job.result()
    reference = moviola.process(clip, chains, out=tmp_path / "reference", chunk_frames=16)
    assert {name: one.digest for name, one in result.outputs.items()} == {
        name: one.digest for name, one in reference.outputs.items()
    }
    assert result["soft"].path == tmp_path / "out" / "soft.mp4"
    assert list(result["notes"].annotations()) == list(reference["notes"].annotations())
    assert {worker.chunks for worker in result["soft"].metrics.workers} <= {1, 2, 3, 4}
    assert sum(worker.chunks for worker in result["soft"].metrics.workers) == 4
    frames = list(job.frames("notes"))
    assert [frame.index for frame in frames] == list(range(64))
    assert all(frame.notes[0]["frame"] == frame.index for frame in frames)
    assert job.state == "done"
    assert job.is_over


def test_a_worker_is_drained_and_a_job_goes_on_without_it(
    running: LocalCluster, cluster: moviola.Cluster, clip: Path, gate: Path
) -> None:
    gates = ",".join(f"gate:frame={frame}:path={gate}" for frame in (0, 16, 32, 48))
    job = cluster.submit(clip, gates, chunk_frames=16, new=True)
    until(lambda: all(each.tasks for each in cluster.workers()), "both have work")
    one, other = cluster.workers()
    with pytest.raises(moviola.Refused, match="only one that drains can be resumed"):
        one.resume()
    assert one.drain().startswith(f"worker {one.name} gets no more tasks: it finishes or gives back")
    assert "is told to go on" in one.resume()
    one.drain()
    assert cluster.workers()[0].state == "draining"
    gate.touch()
    assert job.result().state == "done"
    until(lambda: [each.state == "lost" for each in cluster.workers()] == [True, False], "it has left")
    assert cluster.workers()[1].name == other.name
    with pytest.raises(moviola.Refused, match="is not connected"):
        one.drain()
    running.processes["worker"].send_signal(CALL_BACK)
    running.wait(2)


def test_what_was_submitted_before_is_found_and_fetched(
    running: LocalCluster, cluster: moviola.Cluster, clip: Path, tmp_path: Path
) -> None:
    first = cluster.submit(clip, "grayscale", new=True, priority=7).result()
    with connect(running, tmp_path / "others") as other:
        found = other.job(first.job_id[:-2])
        assert (found.id, found.name, found.state) == (first.job_id, "clip.mp4", "done")
        assert first.job_id in [job.id for job in other.jobs()]
        status = found.status()
        assert (status.priority, status.outputs, status.is_over) == (7, ("grayscale",), True)
        assert other.job("latest", out=tmp_path / "again.mp4").result().path == tmp_path / "again.mp4"
        assert found.result().output.digest == first.output.digest
        assert found.result().path == tmp_path / "others" / first.job_id / "grayscale.mp4"
        with pytest.raises(moviola.UsageError, match="There is no job 'nothing'"):
            other.job("nothing")


def test_what_is_there_is_told(cluster: moviola.Cluster) -> None:
    filters = cluster.filters()
    assert (filters["blur"].summary, filters["blur"].workers) == ("Gaussian blur", 2)
    assert [parameter.name for parameter in filters["blur"].parameters] == ["radius"]
    workers = cluster.workers()
    assert {worker.state for worker in workers} <= {"ready", "full"}
    assert len({worker.process_id for worker in workers}) == 2
    assert all("blur" in worker.filters for worker in workers)


def test_kill_9_of_a_worker_in_the_middle_of_a_job(
    running: LocalCluster, cluster: moviola.Cluster, clip: Path, gate: Path, tmp_path: Path
) -> None:
    gated = (1, 2, 3)
    gates = ",".join(f"gate:frame={chunk * 16}:path={gate}" for chunk in gated)
    job = cluster.submit(clip, f"blur,{gates}", out=tmp_path / "o.mp4", chunk_frames=16)
    until(lambda: all_sent(running), "all chunks are there, so that no worker has credit left")
    lose_a_task(running, gated)
    gate.touch()
    result = job.wait()
    assert result.output.retries
    reference = moviola.process(clip, "blur", out=tmp_path / "reference.mp4", chunk_frames=16)
    assert result.output.digest == reference.output.digest
    until(lambda: len(running.worker_children()) == 2, "the killed child is back")


def test_a_job_is_paused_cancelled_and_begun_again(cluster: moviola.Cluster, clip: Path, gate: Path) -> None:
    job = cluster.submit(clip, f"gate:frame=0:path={gate}", chunk_frames=16)
    until(lambda: job.status().state == "running", "it is in work")
    with pytest.raises(moviola.Timeout, match=r"has not ended within 0\.05 s; it goes on"):
        job.wait(timeout=0.05)
    assert job.pause().endswith(".")
    until(lambda: job.status().state == "paused", "it is paused")
    assert job.set_priority(7).startswith(f"job {job.id} has priority 7, 0 before")
    assert job.status().priority == 7
    with pytest.raises(moviola.UsageError, match="priority is a whole number from 0 to 100, not 101"):
        job.set_priority(101)
    job.resume()
    assert job.cancel() == f"job {job.id} is cancelled."
    with pytest.raises(moviola.JobCancelled, match=r"clip\.mp4: cancelled by") as caught:
        job.wait()
    assert caught.value.result.state == "cancelled"
    with pytest.raises(moviola.Refused, match="is cancelled"):
        job.cancel()
    gate.touch()
    job.retry()
    assert job.wait().output.frames_out == 64


def test_a_job_that_fails_has_its_failures(cluster: moviola.Cluster, clip: Path) -> None:
    job = cluster.submit(clip, "raises:frame=20", on_error="fail", chunk_frames=16)
    with pytest.raises(moviola.JobFailed, match=r"clip\.mp4: failed: ") as caught:
        for _ in job:
            pass
    result = caught.value.result
    assert (result.state, result.job_id) == ("failed", job.id)
    assert result.failures[0].filter == "raises"
    assert result.failures[0].traceback


def test_leaving_the_block_waits_and_tells_of_what_nobody_heard(
    running: LocalCluster, clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(moviola.JobFailed), connect(running, tmp_path) as cluster:  # noqa: PT012 - the block is the test
        cluster.submit(clip, "raises:frame=20", on_error="fail", chunk_frames=16)
        good = cluster.submit(clip, "flip")
    assert good.result().output.frames_out == 64


def test_an_exception_leaves_at_once_and_the_cluster_goes_on(
    running: LocalCluster, clip: Path, gate: Path, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError), connect(running, tmp_path) as cluster:  # noqa: PT012 - the block is the test
        job = cluster.submit(clip, f"gate:frame=0:path={gate}", new=True)
        job.wait_until_sent()
        job_id = job.id
        _ = 1 / 0
    with pytest.raises(moviola.Closed, match=f"interrupted; job {job_id} goes on without us"):
        job.wait()
    with pytest.raises(moviola.Closed, match="this cluster object is closed"):
        cluster.submit(clip, "flip")
    gate.touch()
    with connect(running, tmp_path) as again:
        assert again.job(job_id).result().output.frames_out == 64


def test_many_jobs_from_several_threads(cluster: moviola.Cluster, tmp_path: Path) -> None:
    digests: dict[int, str] = {}

    def one(number: int) -> None:
        clip = clips.moving(tmp_path / f"{number}.mp4", frames=16 + number)
        digests[number] = cluster.submit(clip, "blur").result().output.digest

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, digest in digests.items():
        local = moviola.process(tmp_path / f"{number}.mp4", "blur", out=tmp_path / f"l{number}.mp4")
        assert local.output.digest == digest
    assert len(digests) == 8


def test_what_cannot_be_is_said_before_anything_is_sent(cluster: moviola.Cluster, clip: Path, tmp_path: Path) -> None:
    before = len(cluster.jobs())
    with pytest.raises(moviola.UsageError, match='there is no filter "blurr"; did you mean "blur"'):
        cluster.submit(clip, "blurr")
    with pytest.raises(moviola.UsageError, match="priority: must be a whole number from 0 to 100"):
        cluster.submit(clip, "blur", priority=101)
    with pytest.raises(moviola.UsageError, match=r"clip\.mp4"):
        cluster.submit(clip, "blur", out=clip)
    with pytest.raises(moviola.UnreadableSource, match="there is no such file"):
        cluster.submit(tmp_path / "none.mp4", "blur")
    job = cluster.submit(clip, ["blur", "flip"])
    with pytest.raises(moviola.UsageError, match='has no output "faces"; there are blur, flip'):
        job.frames("faces")
    with pytest.raises(moviola.UsageError, match="has 2 outputs; name one of blur, flip"):
        job.frames()
    job.wait()
    assert len(cluster.jobs()) == before + 1


def test_images_and_tables(cluster: moviola.Cluster, tmp_path: Path) -> None:
    pictures = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in pictures:
        cv2.imwrite(str(path), np.full((20, 30, 3), 90, np.uint8))
    result = cluster.submit(pictures, "flip", out=tmp_path / "flipped", format="jpg").wait()
    assert (result.unit, [frame.name for frame in result.output.frames()]) == ("image", ["one.jpg", "two.jpg"])
    table = tmp_path / "movies_metadata.csv"
    table.write_text("id,title,release_date,production_countries\n1,One,2001-01-01,[]\n2,Two,1999-01-01,[]\n")
    result = cluster.submit(table, "post_2000", out=tmp_path / "out.json").wait()
    assert (result.unit, result.output.frames_out, result.path) == ("record", 1, tmp_path / "out.json")


def test_what_is_there_already_is_not_sent_again(cluster: moviola.Cluster, clip: Path, tmp_path: Path) -> None:
    first = cluster.submit(clip, "rotate", out=tmp_path / "o.mp4").wait()
    before = len(cluster.jobs())
    again = cluster.submit(clip, "rotate", out=tmp_path / "o.mp4")
    assert (again.is_over, again.state, again.wait().output.digest) == (True, "done", first.output.digest)
    assert len(cluster.jobs()) == before
    with pytest.raises(moviola.UsageError, match=r"o\.mp4.* there already"):
        cluster.submit(clip, "flip", out=tmp_path / "o.mp4")
    replaced = cluster.submit(clip, "flip", out=tmp_path / "o.mp4", overwrite=True).wait()
    assert replaced.output.digest != first.output.digest


def test_nobody_and_somebody_else(running: LocalCluster) -> None:
    with pytest.raises(moviola.Unreachable, match=r"No middleware answers at 127\.0\.0\.1:1 "):
        moviola.Cluster("127.0.0.1", 1, no_secret=True)
    with pytest.raises(moviola.Refused, match="does not know this cluster's secret"):
        moviola.Cluster("127.0.0.1", running.port, no_secret=True)
    with pytest.raises(moviola.UsageError, match="The cluster's secret cannot be read"):
        moviola.Cluster("127.0.0.1", running.port, secret_file=running.folder / "nothing")
    with pytest.raises(moviola.UsageError, match="port: a port is a number from 1 to 65535, and '70000' is not"):
        moviola.Cluster(port=70000)
