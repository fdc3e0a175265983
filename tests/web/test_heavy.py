"""What a gateway bears: a very large upload, many at once, many listeners, its own end. Run with `--suite web`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest

from moviola.wire.limits import GIB, MIB
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, local, output

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


def peak_rss(gateway: Served) -> int:
    """The most memory that the gateway's process ever had, in bytes."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


def test_an_upload_of_a_gibibyte_takes_no_memory(gateway: Served, large: Path) -> None:
    assert peak_rss(gateway) < MAX_RSS
    command = [
        "curl",
        "-sS",
        "--fail-with-body",
        "-T",
        str(large),
        f"{gateway.url}/api/jobs/large.mp4?filters=identity",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{large.stat().st_size / MIB:.0f} MiB, peak RSS {peak_rss(gateway) / 1e6:.0f} MB")
    assert peak_rss(gateway) < MAX_RSS
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
