"""kill -9 of every role in the middle of jobs: each frame once, the undisturbed digest, and no stored task redone."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.killing import GOP, killing
from tests.end_to_end.faults.witness import (
    PLUGINS,
    all_sent,
    at_gates,
    view,
)
from tests.waiting import until


def make_clip(path: Path, chunks: int) -> Path:
    return clips.moving(path, frames=chunks * GOP, gop=GOP, size=(320, 240))


def test_each_role_killed_once_in_one_job(tmp_path: Path) -> None:
    killing(tmp_path, make_clip(tmp_path / "clip.mp4", 48), 48, ["worker", "middleware", "aggregator", "client"])


@pytest.mark.suite("long")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "role", ["worker", pytest.param("middleware", marks=pytest.mark.smoke), "aggregator", "client"]
)
def test_a_role_killed_five_times_in_one_job(tmp_path: Path, role: str, is_smoke: bool) -> None:
    chunks, times = (24, 2) if is_smoke else (200, 5)
    killer = killing(tmp_path, make_clip(tmp_path / "clip.mp4", chunks), chunks, [role] * times)
    assert killer.killed == {role: times}


@pytest.mark.suite("long")
def test_the_worker_of_one_chunk_killed_four_times(tmp_path: Path) -> None:
    """Kills from outside are no fault of the chunk, however often they hit it."""
    gate = tmp_path / "gate"
    clip = clips.moving(tmp_path / "clip.mp4", frames=10 * GOP, gop=GOP)
    arguments = (str(clip), "--chunk-frames", str(GOP), "--filters")
    with LocalCluster(tmp_path, workers=2, worker_arguments=("--plugins", str(PLUGINS))) as cluster:
        gated = range(5, 9)  # two for each worker: both are full, so whoever has room next begins with what was lost
        sender = cluster.begin(*arguments, ",".join(f"gate:frame={chunk * GOP + 3}:path={gate}" for chunk in gated))
        until(lambda: all_sent(cluster), "all chunks are there, so that no worker has credit left")
        victims: set[int] = set()
        for _ in range(4):
            (victim,) = (pid for pid, chunk in at_gates(cluster, gated, victims).items() if chunk == 5)
            victims.add(victim)
            psutil.Process(victim).send_signal(signal.SIGKILL)
        at_gates(cluster, gated, victims)
        gate.touch()
        sent = output(finished(sender))
        assert sent["fallback_frames"] == 0
        assert int(str(sent["retries"])) >= 4
        assert sent["digest"] == output(local(cluster, *arguments, "identity"))["digest"]


def test_a_filter_of_a_worker_that_is_gone_is_known_after_a_restart(tmp_path: Path) -> None:
    """And one that no worker ever had is refused, whoever is there."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=2 * GOP, gop=GOP)
    gate = tmp_path / "gate"
    gate.touch()
    arguments = (str(clip), "--chunk-frames", str(GOP), "--filters")
    with LocalCluster(tmp_path, workers=1, worker_arguments=("--plugins", str(PLUGINS))) as cluster:
        cluster.kill("worker", signal.SIGTERM)
        until(lambda: cluster.processes["worker"].poll() is not None, "the worker is gone")
        cluster.restart("middleware")
        until(lambda: view(cluster).is_current, "the middleware is back")
        sender = cluster.begin(*arguments, f"gate:frame=3:path={gate}")
        until(lambda: [job for job in view(cluster).jobs.values() if job.code == "no-worker"], "the job waits")
        refused = cluster.run("client.file_sender", *arguments, "gats")
        assert (refused.returncode, refused.stderr) == (2, 'there is no filter "gats"; did you mean "gate"?\n')
        cluster.start("worker")
        sent = output(finished(sender))
        assert sent["digest"] == output(local(cluster, *arguments, "identity"))["digest"]
