"""Real clips through real processes: what comes back must be what one process would have made."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.witness import PLUGINS, all_sent, lose_a_task
from tests.processes import is_alive, tree
from tests.screen import LARGE, Screen
from tests.waiting import until

LOST_TASK_TIMEOUT_S = 30


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


def test_the_film_with_its_sound(cluster: LocalCluster, tmp_path: Path) -> None:
    """Two films end to end: two workers' digest is that of `--local` and of ten lines of PyAV; audio is untouched."""
    film = clips.film_times(2)
    sent = output(cluster.send(str(film), "--filters", "blur", "--codec", "mpeg4", "--out", str(tmp_path / "o.mp4")))
    reference = output(
        local(cluster, str(film), "--filters", "blur", "--codec", "mpeg4", "--out", str(tmp_path / "l.mp4"))
    )
    assert sent["digest"] == reference["digest"] == clips.digest(tmp_path / "o.mp4")
    assert sent["frames_in"] == sent["frames_out"] == len(clips.times(film))
    assert clips.audio_packets(tmp_path / "o.mp4") == clips.audio_packets(film)
    assert clips.times(tmp_path / "o.mp4") == clips.times(film)
    metrics = json.loads((tmp_path / "o.metrics.json").read_text())
    assert metrics["digest"] == sent["digest"]


@pytest.mark.parametrize("workers", [1, 4])
def test_any_number_of_workers_gives_the_same_digest(workers: int, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", b_frames=2)
    with LocalCluster(tmp_path, workers=workers) as running:
        sent = output(running.send(str(clip), "--filters", "blur,edges"))
        assert sent["digest"] == output(local(running, str(clip), "--filters", "blur,edges"))["digest"]


def test_identity_is_bit_exact(cluster: LocalCluster, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", b_frames=2)
    out = tmp_path / "out.mkv"
    cluster.send(str(clip), "--filters", "identity", "--codec", "ffv1", "--out", str(out))
    assert [planes for _, planes in clips.frames(out)] == [planes for _, planes in clips.frames(clip)]


@pytest.mark.parametrize("gop", [64, 65, 129, 130])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_gop_lengths_and_b_frames_keep_every_time(
    cluster: LocalCluster, tmp_path: Path, gop: int, b_frames: int
) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=2 * gop + 3, gop=gop, size=(64, 48), b_frames=b_frames)
    out = tmp_path / "out.mp4"
    cluster.send(str(clip), "--filters", "blur", "--out", str(out))
    assert [time for time, _ in clips.frames(out)] == [time for time, _ in clips.frames(clip)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_loopbacks_and_the_name(cluster: LocalCluster, tmp_path: Path, host: str) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=20)
    assert output(cluster.send(str(clip), "--host", host))["frames_out"] == 20


def test_three_clients_at_once_get_their_own(cluster: LocalCluster, tmp_path: Path) -> None:
    senders = []
    for number, frames in enumerate((31, 47, 64)):
        clip = clips.moving(tmp_path / f"clip{number}.mp4", frames=frames)
        senders.append((frames, cluster.begin(str(clip), "--out", str(tmp_path / f"out{number}.mp4"))))
    for number, (frames, sender) in enumerate(senders):
        assert output(finished(sender))["frames_out"] == frames
        assert len(clips.frames(tmp_path / f"out{number}.mp4")) == frames


def test_results_lie_where_the_latest_link_points(cluster: LocalCluster, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=20)
    outcome = cluster.send(str(clip))
    path = Path(str(output(outcome)["path"]))
    assert path.resolve().is_relative_to((cluster.results / str(outcome["job_id"])).resolve())
    assert (cluster.results / "latest").resolve() == path.resolve().parent
    assert not list(cluster.results.rglob("*.part*"))


def test_kill_9_of_a_worker_in_the_middle_of_a_job(tmp_path: Path) -> None:
    """The lost tasks are counted, the killed child is back, and the digest is that of an undisturbed run."""
    gate = tmp_path / "gate"
    clip = clips.moving(tmp_path / "clip.mp4", frames=320, gop=16, size=(320, 240))
    arguments = (str(clip), "--chunk-frames", "16", "--filters")
    with LocalCluster(tmp_path, workers=2, worker_arguments=("--plugins", str(PLUGINS))) as running:
        gated = (7, 8, 9)
        gates = ",".join(f"gate:frame={chunk * 16}:path={gate}" for chunk in gated)
        sender = running.begin(*arguments, f"blur,{gates}")
        until(lambda: all_sent(running), "all chunks are there, so that no worker has credit left")
        lose_a_task(running, gated)
        gate.touch()
        sent = output(finished(sender))
        assert sent["retries"]
        assert sent["fallback_frames"] == 0
        assert sent["digest"] == output(local(running, *arguments, "blur"))["digest"]
        until(lambda: len(running.worker_children()) == 2, "the killed child is back", LOST_TASK_TIMEOUT_S)
        complete = running.run("client.status", "--wait", "--workers", "2", "--timeout", "60")
        assert complete.returncode == 0, complete.stderr


def test_the_screen_of_a_cluster_shows_its_workers_and_a_job_to_its_end(cluster: LocalCluster, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "shown.mp4", frames=100, size=(320, 240))
    command = [sys.executable, "-m", "client.status"]
    with Screen(command, size=LARGE, environment=cluster.environment, folder=cluster.folder) as screen:
        screen.until(lambda shown: "2 ready" in shown.text, "two workers")
        sent = output(cluster.send(str(clip), "--filters", "blur"))
        screen.until(lambda shown: "100 frames in" in shown.text, "the job's end")
        row = next(line for line in screen.lines if "100 frames in" in line)
        assert row.startswith("shown")
        assert "done" in row
        screen.type("q")
        assert screen.end() == 0
    assert sent["frames_out"] == 100
    known = cluster.status()
    assert known["cluster"]["workers"]["ready"] == 2
    assert known["cluster"]["frames_done"] >= 100
    assert known["cluster"]["jobs"]["done"] >= 1


def test_garbage_closes_its_own_connection_only(cluster: LocalCluster, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=200, size=(320, 240))
    half_open = [socket.create_connection(("127.0.0.1", port)) for port in (cluster.port, cluster.aggregator_port)]
    sender = cluster.begin(str(clip), "--filters", "blur")
    for port in (cluster.port, cluster.aggregator_port):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"MVLA" + b"\xff" * 20, b"\x00" * 4096):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as intruder:
                intruder.sendall(garbage)
                with suppress(ConnectionResetError):  # closed, gracefully or not; a hang would be a timeout
                    while intruder.recv(4096):
                        pass
    assert output(finished(sender))["frames_out"] == 200
    for one in half_open:
        one.close()


def test_stopping_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    with LocalCluster(tmp_path, workers=1) as running:
        processes = [one for process in running.processes.values() for one in tree(process.pid)]
    assert not [one for one in processes if is_alive(one)]
    for port in (running.port, running.aggregator_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
