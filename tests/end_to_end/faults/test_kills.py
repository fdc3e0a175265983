"""kill -9 of every role in the middle of jobs: each frame once, the undisturbed digest, and no stored task redone."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, until
from tests.end_to_end.faults.witness import (
    PLUGINS,
    TELLING,
    Killer,
    all_sent,
    at_gates,
    handed_out_again,
    view,
    wait_for,
)
from tests.end_to_end.test_whole_road import local, output

GOP = 16


CHAIN = "blur:radius=9,edges"


def make_clip(path: Path, chunks: int) -> Path:
    return clips.moving(path, frames=chunks * GOP, gop=GOP, size=(320, 240))


def killing(folder: Path, source: Path, chunks: int, roles: list[str]) -> Killer:
    """Sends a job of so many chunks and kills these roles one after the other while it runs; checks what came of it."""
    plugins = ("--plugins", str(PLUGINS))
    with LocalCluster(folder, workers=2, middleware_arguments=TELLING, worker_arguments=plugins) as cluster:
        return _killing(cluster, (str(source), "--chunk-frames", str(GOP), "--filters"), chunks, roles)


def _killing(cluster: LocalCluster, arguments: tuple[str, ...], chunks: int, roles: list[str]) -> Killer:
    """A gate on the last frame keeps the job from ending before all are killed."""
    gate = cluster.folder / "gate"
    gated = (*arguments, f"{CHAIN},gate:frame={chunks * GOP - 1}:path={gate}")
    killer = Killer(cluster)
    killer.random.shuffle(roles)
    sender = killer.begin(*gated)
    for role, moment in zip(roles, killer.moments(len(roles), chunks), strict=True):
        wait_for(cluster, moment, sender)
        killer.linger()
        assert sender.poll() is None, f"the job ended before the {role} could be killed (seed {killer.seed})"
        if role == "client":
            sender = killer.another(sender, *gated)
        else:
            killer.kill(role)
    gate.touch()
    sent = output(finished(sender))
    assert sent["digest"] == output(local(cluster, *arguments, CHAIN))["digest"], f"seed {killer.seed}"
    assert sent["frames_out"] == sent["frames_in"] == chunks * GOP
    assert sent["fallback_frames"] == sent["lost_frames"] == 0
    again, hand_outs = handed_out_again(cluster.log("middleware"))
    assert hand_outs >= chunks
    assert again == 0, f"{again} of {hand_outs} hand-outs were of tasks known to be stored (seed {killer.seed})"
    print(f"killed {dict(killer.killed)}: {hand_outs} hand-outs for {chunks} chunks, {again} of stored ones")
    return killer


def test_each_role_killed_once_in_one_job(tmp_path: Path) -> None:
    killing(tmp_path, make_clip(tmp_path / "clip.mp4", 48), 48, ["worker", "middleware", "aggregator", "client"])


@pytest.mark.suite("long")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["worker", "middleware", "aggregator", "client"])
def test_a_role_killed_five_times_in_one_job(tmp_path: Path, role: str) -> None:
    killer = killing(tmp_path, make_clip(tmp_path / "clip.mp4", 200), 200, [role] * 5)
    assert killer.killed == {role: 5}


def test_the_worker_of_one_chunk_killed_four_times(tmp_path: Path) -> None:
    """Kills from outside are no fault of the chunk, however often they hit it."""
    gate = tmp_path / "gate"
    clip = clips.moving(tmp_path / "clip.mp4", frames=10 * GOP, gop=GOP)
    arguments = (str(clip), "--chunk-frames", str(GOP), "--filters")
    with LocalCluster(tmp_path, workers=2, worker_arguments=("--plugins", str(PLUGINS))) as cluster:
        gated = (5, 6, 7)
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
