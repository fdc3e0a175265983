"""What a gateway bears: a very large upload, many at once, many listeners, its own end. Run with `--suite web`."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import av
import httpx
import numpy as np
import pytest

from moviola.wire.limits import GIB, MIB
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, local, output
from tests.waiting import PATIENCE_S, Pauses, until

from .listeners import Listeners
from .served import Served

pytestmark = [pytest.mark.suite("web"), pytest.mark.timeout(600)]

UPLOADS: Final = 20

MAX_RSS: Final = 150 * 10**6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("heavy"), workers=2) as running:
        yield running


@pytest.fixture
def gateway(cluster: LocalCluster) -> Iterator[Served]:
    with Served(cluster) as served:
        yield served


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of a gibibyte: noise, the same seconds again and again."""
    folder = tmp_path_factory.mktemp("large")
    piece = _noise(folder / "piece.mp4")
    count = -(-GIB // piece.stat().st_size)
    clips.join(piece, folder / "large.mp4", count)
    assert (folder / "large.mp4").stat().st_size >= GIB * 0.98
    return folder / "large.mp4"


def _noise(path: Path) -> Path:
    """Some 30 MB of H.264 in GOPs of 8 pictures."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.options = {
            "x264-params": "keyint=8:min-keyint=8:scenecut=0:open-gop=0",
            "preset": "ultrafast",
            "crf": "4",
        }
        for index in range(96):
            picture = random.integers(0, 255, (480, 640, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _as_matroska(clip: Path) -> Path:
    """The same packets in a container whose beginning tells all, so that it is cut while it comes."""
    path = clip.with_suffix(".mkv")
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return path


def peak_rss(gateway: Served) -> int:
    """The most memory that the gateway's process ever had, in bytes."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


@pytest.mark.parametrize("way", ["received whole", "cut while it comes"])
def test_an_upload_of_a_gibibyte_takes_no_memory(gateway: Served, large: Path, way: str) -> None:
    assert peak_rss(gateway) < MAX_RSS
    if way == "cut while it comes":
        large = _as_matroska(large)
    command = [
        "curl",
        "-sS",
        "--fail-with-body",
        "-T",
        str(large),
        f"{gateway.url}/api/jobs/{large.name}?filters=identity",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{large.stat().st_size / MIB:.0f} MiB, peak RSS {peak_rss(gateway) / 1e6:.0f} MB")
    assert peak_rss(gateway) < MAX_RSS
    assert (f"{large.name} is sent as a whole" in gateway.cluster.log("web")) == (way == "received whole")
    (job,) = gateway.get("/api/jobs?limit=1")["jobs"]
    gateway.client.delete(job["links"]["self"])


@pytest.mark.smoke
def test_twenty_uploads_at_once_become_what_local_makes_of_them(
    gateway: Served, is_smoke: bool, tmp_path: Path
) -> None:
    count = 3 if is_smoke else UPLOADS
    sources = [clips.moving(tmp_path / f"{number}.mp4", frames=24 + number) for number in range(count)]

    def one(source: Path) -> dict[str, Any]:
        return gateway.ended(gateway.put(source, filters="edges"))

    with ThreadPoolExecutor(count) as threads:
        ended = list(threads.map(one, sources))
    for source, job in zip(sources, ended, strict=True):
        reference = local(gateway.cluster, str(source), "--filters", "edges", "--out", f"{tmp_path}/r.mp4", "-y")
        assert job["outputs"][0]["digest"] == output(reference)["digest"], source


def test_fifty_open_streams_end_with_the_gateway_within_two_seconds(cluster: LocalCluster, tmp_path: Path) -> None:
    with Served(cluster) as gateway:
        gateway.ended(gateway.put(clips.moving(tmp_path / "clip.mp4", frames=16), filters="identity"))
        with Listeners(gateway.port, 50) as listeners:
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)
            gateway.process.wait(PATIENCE_S)
            took_s = time.monotonic() - began
            until(lambda: listeners.ended == 50, "the end of all streams")
    print(f"50 streams ended in {took_s:.2f} s")
    assert took_s < 2
    assert "Traceback" not in cluster.log("web")


def test_two_hundred_listeners_hear_of_every_job_once_while_one_is_stuck(gateway: Served, tmp_path: Path) -> None:
    """What they cost a job is measured by bench.listeners."""
    clip = clips.moving(tmp_path / "film.mp4", frames=240, size=(320, 240))
    with Listeners(gateway.port, 200, stuck=1) as listeners:
        jobs = [gateway.ended(gateway.put(clip, filters="blur", new="on")) for _ in range(2)]
        for job in jobs:
            assert job["state"] == "done"
            listeners.wait_for(f"job {job['id']} is done")
        for heard in listeners.heard:
            for job in jobs:
                assert heard.decode().count(f"job {job['id']} is done") == 1
        assert not listeners.ended


def test_a_gateway_that_is_killed_takes_nothing_from_the_listeners_of_another(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=240)
    with Served(cluster, "one") as one, Served(cluster, "two") as two:
        seen = [job["id"] for job in two.get("/api/jobs")["jobs"]]
        with Listeners(two.port, 3) as here, Listeners(one.port, 1) as there:
            first = one.put(clip, filters="blur", new="on")
            here.wait_for('"job-started", "time": ')
            half = one.process  # it is killed while a body is on its way to it
            with ThreadPoolExecutor(1) as threads:
                upload = threads.submit(_half_an_upload, one)
                until(upload.running, "an upload that has begun")
                one.process.kill()
                half.wait(PATIENCE_S)
                assert upload.result(PATIENCE_S)
            second = two.put(clip, filters="edges", new="on")
            for job in (first, second):
                assert two.ended(job)["state"] == "done"
                here.wait_for(f"job {job['id']} is done")
            for heard in here.heard:
                for job in (first, second):
                    for what in ("was submitted", "has started", "is done"):
                        assert heard.decode().count(f"job {job['id']} {what}") == 1, (job["id"], what)
            last = [line[4:] for line in there.heard[0].decode().splitlines() if line.startswith("id: ")][-1]
        stream, end = first["links"]["events"], f"{first['id']} is done"
        if end in there.heard[0].decode():  # before the gateway was killed: no more is to be told
            with two.client.stream("GET", stream, headers={"Last-Event-ID": last}) as answer:
                assert answer.status_code == 204
        else:
            resumed = "".join(json.dumps(told) for told in two.events(stream, after=last))
            assert end in resumed
            assert "missed" not in resumed
        assert len(two.get("/api/jobs")["jobs"]) == len(seen) + 2


def _half_an_upload(gateway: Served) -> bool:
    """Send a body that never ends to a gateway that is killed; True once it is gone."""

    def body() -> Iterator[bytes]:
        pause = Pauses()
        while gateway.process.poll() is None:
            yield bytes(1000)
            pause()

    with suppress(httpx.TransportError):
        gateway.client.put("/api/jobs/half.mp4", content=body())
    return True
