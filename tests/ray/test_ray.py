"""Jobs on a real Ray cluster are what one process and our own cluster make of them, whatever happens to its nodes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.end_to_end.cluster import LocalCluster
from tests.media.images.pictures import corners, encoded
from tests.media.video.clips import encode
from tests.ray.cluster import STORE_SIZE, RayCluster, ray_cluster, why_none
from tests.waiting import until

pytestmark = [
    pytest.mark.suite("ray"),
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(why_none()), reason=why_none()),
]

CHUNK: Final = 10
"""Frames of a chunk in these tests."""

PLUGIN: Final = '''
import os, time
from dataclasses import dataclass
from moviola.filters.base import Filter, parameter

@dataclass(frozen=True)
class Traced(Filter):
    """Write down each frame; wait at later ones until a gate is open; fail on one."""

    name = "traced"
    summary = "writes frames down"
    trace: str = parameter("", help="file of frames")
    gate: str = parameter("", help="file that lets later frames pass")
    wait_at: int = parameter(1000000, help="first of these", minimum=0, maximum=1000000)
    fail_at: int = parameter(1000000, help="frame", minimum=0, maximum=1000000)

    def apply(self, picture, earlier):
        if picture.index == self.fail_at:
            raise ValueError("it was to fail here")
        if self.trace:
            with open(self.trace, "a") as file:
                file.write(f"{picture.index}\\n")
        while picture.index >= self.wait_at and not os.path.exists(self.gate):
            time.sleep(0.05)
        return picture
'''


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with ray_cluster(tmp_path_factory.mktemp("ray")) as cluster:
        yield cluster


@pytest.fixture
def ray(nodes: RayCluster, tmp_path: Path) -> RayCluster:
    """The cluster, for drivers with a state folder of their own."""
    nodes.state = tmp_path / "state"
    return nodes


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("broker"), workers=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 chunks of CHUNK frames each: the encoder puts keyframes where it is told to, and nowhere else."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return encode(path, "mpeg4", 12 * CHUNK, options={"g": str(CHUNK), "sc_threshold": "1000000000"}, sound="aac")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "traced.py"
    path.write_text(PLUGIN)
    return path


def digests(told: dict[str, Any]) -> list[str]:
    return [each["digest"] for each in told["outputs"]]


def here(ray: RayCluster, folder: Path, *arguments: str | Path, status: int = 0) -> dict[str, Any]:
    """Return what `--local` tells."""
    words = [*map(str, arguments), "--local", "--json", "--results", str(folder / "local")]
    done = ray.host.run("client.file_sender", *words, timeout_s=600)
    assert done.returncode == status, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.smoke
def test_a_video_is_what_one_process_makes_of_it(ray: RayCluster, clip: Path, tmp_path: Path) -> None:
    flags = ("--filters", "blur", "--filters", "motion", "--chunk-frames", str(CHUNK))
    told = ray.send(clip, *flags, "--out", tmp_path / "out/")
    assert (told["status"], told["state"]) == ("done", "done")
    assert digests(told) == digests(here(ray, tmp_path, clip, *flags))
    metrics = json.loads((tmp_path / "out" / "blur.metrics.json").read_text())
    assert sum(each["chunks"] for each in metrics["workers"]) == 12
    assert all(each["name"].startswith("ray/") for each in metrics["workers"])


def test_our_own_cluster_makes_the_same_of_a_video_of_images_and_of_tables(
    ray: RayCluster, broker: LocalCluster, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(9):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(encoded(corners(40 + number, 32)))
    rows = "".join(f"{number},{number % 7}\n" for number in range(1000))
    (tmp_path / "table.csv").write_text(f"a,b\n{rows}")
    for source, *flags in (
        (clip, "--filters", "blur", "--filters", "motion", "--chunk-frames", str(CHUNK)),
        (tmp_path / "pictures", "--filters", "blur", "--chunk-frames", "2"),
        (tmp_path / "table.csv", "--filters", "where:column=b:equals=3", "--chunk-records", "100"),
    ):
        told = ray.send(source, *flags, "--out", tmp_path / f"{source.stem} by ray/")
        assert digests(told) == digests(here(ray, tmp_path, source, *flags))
        assert digests(told) == digests(broker.send(str(source), *flags))


def test_a_filter_that_fails_on_one_frame_costs_that_frame(
    ray: RayCluster, clip: Path, plugin: Path, tmp_path: Path
) -> None:
    flags = ("--plugins", plugin, "--filters", "traced:fail_at=47", "--chunk-frames", str(CHUNK))
    told = ray.send(clip, *flags, "--out", tmp_path / "out.mp4", status=4)
    alone = here(ray, tmp_path, clip, *flags, status=4)
    assert digests(told) == digests(alone)
    troubles = json.loads((tmp_path / "out.metrics.json").read_text())["troubles"]
    assert [(each["frame"], each["filter"]) for each in troubles["fallback"]] == [(47, "traced")]
    assert troubles == json.loads(Path(alone["outputs"][0]["metrics_path"]).read_text())["troubles"]
    failed = ray.send(clip, *flags, "--on-error", "fail", "--out", tmp_path / "none.mp4", status=1)
    assert "filter 'traced' failed on frame 47: ValueError: it was to fail here" in failed["reason"]


def test_a_job_may_be_larger_than_the_object_stores(ray: RayCluster, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    numbers = np.random.default_rng(1)
    for number in range(30):
        (folder / f"{number:02}.png").write_bytes(encoded(numbers.integers(0, 256, (1200, 2200, 3), dtype=np.uint8)))
    assert sum(path.stat().st_size for path in folder.iterdir()) > 2 * STORE_SIZE
    flags = ("--filters", "flip", "--chunk-frames", "2")
    told = ray.send(folder, *flags, "--out", tmp_path / "out")
    assert digests(told) == digests(here(ray, tmp_path, folder, *flags))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_was_killed_or_interrupted_goes_on_where_it_was(
    ray: RayCluster, clip: Path, plugin: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """No chunk that was stored is computed again: the filter has written down which frames it saw."""
    trace, gate = tmp_path / "trace", tmp_path / "gate"
    chain = f"traced:trace={trace}:gate={gate}:wait_at=60"
    flags = (clip, "--plugins", plugin, "--filters", chain, "--chunk-frames", str(CHUNK), "--out", tmp_path / "out.mp4")
    sender = ray.begin(*flags)
    until(lambda: seen(trace) >= {60, 70}, "both nodes at the gate", 600)
    until(lambda: len(ray.stored()) == 6, "what is before the gate on the disk")
    sender.send_signal(number)
    out, err = sender.communicate(timeout=120)
    stored = ray.stored()
    if number == signal.SIGINT:
        assert sender.returncode == 5, err
        assert json.loads(out)["reason"].startswith(f"interrupted; {len(stored)} results are kept: type it again")
    trace.unlink()
    gate.touch()
    told = ray.send(*flags)
    assert f"{len(stored)} results are stored already, and not computed again" in told["said"]
    assert seen(trace) == {frame for frame in range(120) if frame // CHUNK not in stored}
    assert digests(told) == digests(here(ray, tmp_path, *flags[:-2]))
    assert not list(ray.state.glob("engines/*"))


def test_a_cluster_that_is_not_there_is_said(ray: RayCluster, clip: Path, tmp_path: Path) -> None:
    told = ray.send(clip, "--engine", "ray://127.0.0.1:9", "--out", tmp_path / "out.mp4", status=3)
    assert told["reason"].startswith("No Ray cluster answers at 127.0.0.1:9 (")


def test_a_node_that_is_killed_costs_time_alone(ray: RayCluster, clip: Path, plugin: Path, tmp_path: Path) -> None:
    """The last test: one node is left."""
    trace, gate = tmp_path / "trace", tmp_path / "gate"
    chain = f"traced:trace={trace}:gate={gate}:wait_at=60"
    flags = (clip, "--plugins", plugin, "--filters", chain, "--chunk-frames", str(CHUNK))
    sender = ray.begin(*flags, "--out", tmp_path / "out.mp4")
    until(
        lambda: seen(trace) >= {60, 70}, "both nodes at the gate", 600
    )  # each node waits at the gate, in the middle of a chunk
    ray.kill_a_node()
    gate.touch()
    out, err = sender.communicate(timeout=600)
    assert sender.returncode == 0, err
    assert digests(json.loads(out)) == digests(here(ray, tmp_path, *flags))


def seen(trace: Path) -> set[int]:
    """Return the frames that were written down."""
    return {int(line) for line in trace.read_text().split()} if trace.exists() else set()
