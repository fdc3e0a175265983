"""Disks and spools that are too small: who is hit says so, and nobody else is."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.witness import view
from tests.waiting import PATIENCE_S, until

ROOM = 20_000_000
SMALL_SPOOL = 12 * 1024
FAILED = 1  # the sender's exit status


def noise(path: Path, frames: int, size: tuple[int, int]) -> Path:
    """A clip that cannot be made small."""
    random = np.random.default_rng(7)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "1", "x264-params": "keyint=8:min-keyint=8:scenecut=0"}
        for index in range(frames):
            picture = random.integers(0, 255, size=(size[1] * 3 // 2, size[0]), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@contextmanager
def small_results(cluster: LocalCluster) -> Iterator[None]:
    """Results on a file system of ROOM bytes. Who may not mount one gets processes whose files may be no larger."""
    cluster.results.mkdir()
    told = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "moviola-test", str(cluster.results)]
    is_mounted = os.geteuid() == 0 and subprocess.run(told, capture_output=True, check=False).returncode == 0
    try:
        with cluster:
            if not is_mounted:
                aggregator = psutil.Process(cluster.processes["aggregator"].pid)
                for process in (aggregator, *aggregator.children()):
                    process.rlimit(psutil.RLIMIT_FSIZE, (ROOM, ROOM))
            yield
    finally:
        if is_mounted:
            subprocess.run(["umount", str(cluster.results)], check=True)


@pytest.mark.suite("long")
def test_a_job_that_does_not_fit_says_so_and_two_others_finish(tmp_path: Path) -> None:
    large = noise(tmp_path / "large.mp4", 900, (160, 120))
    small = clips.moving(tmp_path / "small.mp4", frames=96)
    cluster = LocalCluster(tmp_path, workers=2)
    with small_results(cluster):
        too_large = cluster.begin(str(large), "--filters", "identity", "--codec", "ffv1")
        others = [cluster.begin(str(small), "--filters", chain) for chain in ("blur", "edges")]
        for other in others:
            assert output(finished(other))["frames_out"] == 96
        outcome = finished(too_large, FAILED)
        assert "could not be written" in outcome["reason"]
        assert any(os.strerror(number) in outcome["reason"] for number in (errno.ENOSPC, errno.EFBIG))
        assert seconds_of_splicing(cluster.log("aggregator"), str(outcome["job_id"])) < PATIENCE_S
        assert not list(cluster.results.rglob("*.part*"))
        assert not (cluster.results / str(outcome["job_id"])).exists()
        assert output(cluster.send(str(small), "--filters", "blur"))["frames_out"] == 96, "the cluster lives on"


def seconds_of_splicing(log: str, job: str) -> float:
    """From when its splice began until it was told."""
    (began,) = re.findall(rf"^(\S+ \S+) .* job {job}: splicing", log, re.MULTILINE)
    (ended,) = re.findall(rf"^(\S+ \S+) .* job {job} is failed", log, re.MULTILINE)
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


@pytest.mark.suite("long")
def test_a_source_far_larger_than_the_spool(tmp_path: Path) -> None:
    source = noise(tmp_path / "large.mp4", 300, (320, 240))
    assert source.stat().st_size > 30_000_000
    arguments = (str(source), "--filters", "identity", "--codec", "mpeg4")
    with LocalCluster(tmp_path, workers=2, middleware_arguments=("--spool-limit", "8M")) as cluster:
        sent = output(cluster.send(*arguments))
        assert sent["frames_out"] == sent["frames_in"] == 300
        assert sent["digest"] == output(local(cluster, *arguments))["digest"]
        held = sum(path.stat().st_size for path in (tmp_path / "state" / "middleware" / "spool").iterdir())
        assert held < 2 * 8 * 2**20, f"the spool's files have {held} bytes"


def test_half_uploads_keep_a_third_client_out_no_longer_than_their_expiry(tmp_path: Path) -> None:
    """Nobody can work on the first two. One of them fills the spool; one's client is killed, the other's waits on."""
    film = clips.moving(tmp_path / "film.mp4", frames=240, size=(320, 240))
    assert film.stat().st_size > 4 * SMALL_SPOOL
    expiry_s = 3.0
    limits = ("--spool-limit", str(SMALL_SPOOL), "--upload-timeout", str(expiry_s))
    with LocalCluster(
        tmp_path, workers=1, worker_arguments=("--filters", "blur"), middleware_arguments=limits
    ) as cluster:
        halves = [cluster.begin(str(film), "--filters", chain) for chain in ("edges", "motion")]
        until(lambda: len(chunks_sent(cluster)) == 2 and any(chunks_sent(cluster)), "both are there, and one filled it")
        halves[0].kill()
        halves[0].communicate()
        began = time.monotonic()
        sent = output(cluster.send(str(film), "--filters", "blur"))
        assert sent["frames_out"] == 240
        assert time.monotonic() - began < expiry_s + PATIENCE_S, "what a loaded machine needs for it is allowed beside"
        log = cluster.log("middleware")
        given_up = re.findall(r"the upload of job (\S+) stopped 3 s ago: its chunks are given up", log)
        assert given_up, "it waited for nothing"
        assert len(given_up) == len(set(given_up)), (
            "who could not go on was let in a second time, while the third waited"
        )
        assert halves[1].poll() is None
        halves[1].kill()
        halves[1].communicate()


def chunks_sent(cluster: LocalCluster) -> list[int]:
    """How many chunks of each job are there."""
    return [int(job.progress.chunks_sent) for job in view(cluster).jobs.values()]


def test_results_without_room_wait_and_go_on(tmp_path: Path) -> None:
    """An aggregator whose spool is too small for one job's results holds that job, with the reason; others finish."""
    large = noise(tmp_path / "large.mp4", 250, (160, 120))
    small = clips.moving(tmp_path / "small.mp4", frames=96)
    with LocalCluster(tmp_path, workers=2, aggregator_arguments=("--spool-limit", "4M")) as cluster:
        waiting = cluster.begin(str(large), "--filters", "identity", "--codec", "ffv1")
        job = until(
            lambda: next((one for one in view(cluster).jobs.values() if one.code == "no-room"), None), "it waits"
        )
        assert "its limit is" in job.reason
        assert waiting.poll() is None
        cluster.kill("aggregator")
        ports = ["--port", str(cluster.aggregator_port), "--middleware-port", str(cluster.port)]
        cluster.start("aggregator", arguments=[*ports, "--results", str(cluster.results), "--spool-limit", "64M"])
        assert output(finished(waiting))["frames_out"] == 250
        assert output(cluster.send(str(small)))["frames_out"] == 96
