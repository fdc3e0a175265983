"""`moviola compare`, the gateway's comparisons and `moviola.compare`, on one cluster of real programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

import moviola
from moviola.comparison.records import Mode
from moviola.comparison.whereabouts import whereabouts
from moviola.session.target import Target
from moviola.wire.addresses import Address
from tests.end_to_end import clips
from tests.end_to_end.api.connecting import connect
from tests.end_to_end.cluster import LocalCluster
from tests.media.images.pictures import corners, encoded
from tests.waiting import PATIENCE_S, until
from tests.web.served import Served

MODES = [str(mode) for mode in Mode]
FAST = ("--workers", "2", "--warm-ups", "0")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of a cluster of two workers; what it keeps for a while lies in its folder `kept`."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "kept").mkdir()
    with LocalCluster(folder, workers=2) as cluster:
        cluster.environment["TMPDIR"] = str(folder / "kept")
        with Served(cluster) as made:
            yield made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.moving(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=24, gop=6)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.png").write_bytes(encoded(corners(40 + number, 32)))
    return folder


def compare(cluster: LocalCluster, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = cluster.run("client.compare", *arguments)
    assert done.returncode == status, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


LABELLED = """
import moviola

@moviola.filter(label="gpu")
def negative(picture):
    return 255 - picture
"""


def test_the_cluster_that_is_started_for_it_has_the_labels_that_filters_ask_for(
    gateway: Served, clip: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "labelled.py"
    plugin.write_text(LABELLED)
    wanted = ("--filters", "negative", "--plugins", str(plugin), "--mode", "sequential", "--mode", "distributed")
    told = json.loads(compare(gateway.cluster, str(clip), *wanted, *FAST, "--json").stdout)
    assert [each["mode"] for each in told["modes"]] == ["sequential", "distributed"]


def test_all_modes_of_a_clip_are_equal_and_measured(gateway: Served, clip: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    wanted = ("--filters", "denoise,background:samples=3", "--chunk-frames", "6", "--preset", "ultrafast")
    done = compare(gateway.cluster, str(clip), *wanted, *FAST, "--iterations", "2", "--plot", str(chart), "--json")
    told = json.loads(done.stdout)
    assert (told["state"], told["count"], told["chunks"], told["results"]) == ("done", 24, 4, 8)
    assert [each["mode"] for each in told["modes"]] == MODES
    assert [each["workers"] for each in told["modes"]] == [1, 2, 2, 2]
    for each in told["modes"]:
        assert len(each["rounds"]) == 2
        assert each["seconds_min"] <= each["seconds"] <= each["seconds_max"]
        assert each["per_second"] == pytest.approx(24 / each["seconds"])
        assert each["cpu_seconds"] > 0
        assert each["peak_memory"] > 20_000_000
    assert ElementTree.parse(chart).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert gateway.cluster.run("client.jobs", "list").stdout.count("clip.mp4") == 0


def test_the_programs_of_a_cluster_on_this_machine_are_found(gateway: Served) -> None:
    cluster = gateway.cluster
    found = whereabouts(Target(Address("localhost", cluster.port), secret=cluster.secret))
    servers = {cluster.processes[name].pid for name in ("middleware", "aggregator")}
    assert {*found.process_ids} == {*servers, *(child.pid for child in cluster.worker_children())}
    assert (found.workers, found.remote, found.remarks) == (2, frozenset(), ())


@pytest.mark.suite("long")
def test_pictures_are_compared_and_shown_to_people(gateway: Served, pictures: Path) -> None:
    told = compare(gateway.cluster, str(pictures), "--filters", "blur", "--chunk-frames", "2", *FAST).stdout
    assert told.startswith("pictures: blur:radius=7; 6 images in 3 chunks; 1 round, none to warm up; ")
    assert all(told.count(mode) == 2 for mode in MODES), told
    assert "All 4 results are equal: blur " in told


@pytest.mark.suite("long")
def test_an_interrupted_comparison_leaves_nothing(gateway: Served, clip: Path, tmp_path: Path) -> None:
    """Neither processes nor files, nor a job in the cluster, whose workers stand still."""
    children = gateway.cluster.worker_children()
    for child in children:
        child.suspend()
    environment = {**gateway.cluster.environment, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "client.compare", str(clip), "--mode", "distributed", *FAST]
    with subprocess.Popen(command, cwd=gateway.cluster.folder, env=environment, stderr=subprocess.PIPE) as comparing:
        try:
            until(lambda: gateway.get("/api/jobs")["jobs"], "its job")
            below = psutil.Process(comparing.pid).children(recursive=True)
            assert below
            comparing.send_signal(signal.SIGINT)
            assert comparing.wait(PATIENCE_S) == 5
        finally:
            for child in children:
                child.resume()
    until(lambda: not any(each.is_running() for each in below), "the end of its processes")
    assert not list(tmp_path.iterdir())
    until(lambda: not gateway.get("/api/jobs")["jobs"], lambda: gateway.get("/api/jobs"))


@pytest.mark.suite("long")
def test_python_compares_on_a_cluster_that_is_there(gateway: Served, clip: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    with connect(gateway.cluster, tmp_path / "results") as cluster:
        told = moviola.compare(
            clip, "flip", modes=["threads", "distributed"], workers=2, warm_ups=0, cluster=cluster, chunk_frames=6,
            progress=lambda each: seen.append(each.share),
        )  # fmt: skip
        assert ([each.mode for each in told.modes], told.results) == (["threads", "distributed"], 2)
        assert seen[-1] == 1.0


# ── the gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────


def begin(gateway: Served, *sources: Path, **fields: Any) -> dict[str, Any]:
    data = {"filters": "blur", "warm_ups": "0", **fields}
    files = [("file", (each.name, each.read_bytes())) for each in sources]
    answer = gateway.client.post("/api/comparisons", files=files, data=data)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["location"] == told["links"]["self"]
    assert isinstance(told, dict)
    return told


def test_the_gateway_compares_pictures_and_tells_of_it_as_it_goes(gateway: Served, pictures: Path) -> None:
    modes = ["threads", "distributed"]
    begun = begin(gateway, *sorted(pictures.iterdir()), workers="2", chunk_frames="2", mode=modes)
    told = list(gateway.events(begun["links"]["events"]))
    assert {each["event"] for each in told} == {"comparison"}
    assert (told[-1]["state"], told[-1]["results"], told[-1]["is_over"]) == ("done", 2, True)
    assert [each["mode"] for each in told[-1]["modes"]] == modes
    assert (told[-1]["unit"], told[-1]["count"], told[-1]["chunks"]) == ("image", 6, 3)
    shown = gateway.get(begun["links"]["self"])
    assert shown["modes"] == told[-1]["modes"]
    assert gateway.get("/api/comparisons")["comparisons"][0] == shown
    assert gateway.client.delete(begun["links"]["self"]).json()["done"] == "forgotten"
    assert gateway.client.get(begun["links"]["self"]).json()["code"] == "unknown-comparison"
    until(lambda: not kept(gateway), lambda: f"the files to go: {kept(gateway)}")


def kept(gateway: Served) -> list[str]:
    """The files of uploads and comparisons that a gateway has now, which may go while they are looked for."""
    return [name for _, _, names in os.walk(gateway.cluster.folder / "kept") for name in names]


def test_one_is_made_at_a_time_and_one_that_is_cancelled_leaves_nothing(gateway: Served, clip: Path) -> None:
    children = gateway.cluster.worker_children()
    for child in children:
        child.suspend()
    try:
        begun = begin(gateway, clip, mode="distributed")
        until(lambda: gateway.get("/api/jobs")["jobs"], "its job")
        refused = gateway.client.post("/api/comparisons", files={"file": (clip.name, clip.read_bytes())})
        assert (refused.status_code, refused.json()["code"]) == (429, "comparison-under-way")
        assert int(refused.headers["retry-after"]) > 0
        assert gateway.get("/api/health")
        assert gateway.client.delete(begun["links"]["self"]).json()["done"] == "cancelled"
        shown = gateway.get(begun["links"]["self"])
        assert (shown["state"], shown["reason"]) == ("cancelled", "It was cancelled")
    finally:
        for child in children:
            child.resume()
    until(lambda: not gateway.get("/api/jobs")["jobs"], "the job to go")
    until(lambda: not kept(gateway), lambda: f"the files to go: {kept(gateway)}")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"filters": "blurr"}, 422, 'did you mean "blur"?'),
        ({"iterations": "21"}, 400, "1 to 20"),
        ({"mode": "thread"}, 400, "did you mean threads?"),
        ({"priority": "3"}, 400, "There is no field 'priority'"),
        ({"quality": "3"}, 400, "quality is for images"),
    ],
)
def test_the_gateway_says_what_it_cannot_compare(
    gateway: Served, clip: Path, fields: dict[str, str], status: int, words: str
) -> None:
    answer = gateway.client.post("/api/comparisons", files={"file": (clip.name, clip.read_bytes())}, data=fields)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert not kept(gateway)


def test_a_source_that_cannot_be_read_is_told_without_a_path(gateway: Served, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    told = list(gateway.events(begin(gateway, broken)["links"]["events"]))[-1]
    assert told["state"] == "failed"
    assert told["reason"].startswith("sequential: broken.mp4: this is not a media file")
    assert tempfile.gettempdir() not in json.dumps(told)
