"""Chains that no worker offers as a whole: several real workers share them, and nobody can tell from the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished
from tests.end_to_end.faults.witness import PLUGINS, computing, view
from tests.waiting import until

TIMEOUT_S = 120


def worker(cluster: LocalCluster, name: str, filters: str) -> None:
    """Starts a worker that offers these filters only."""
    told = ["--port", str(cluster.port), "--processes", "1", "--name", name, "--filters", filters]
    cluster.start("worker", name, [*told, "--plugins", str(PLUGINS)])


def digest(outcome: dict[str, Any]) -> str:
    [output] = outcome["outputs"]
    assert output["fallback_frames"] == output["lost_frames"] == 0
    return str(output["digest"])


def chunks_of(cluster: LocalCluster, name: str) -> int:
    return sum(int(one.facts.chunks) for one in view(cluster).workers.values() if one.name.startswith(name))


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Two workers that offer different filters."""
    with LocalCluster(tmp_path_factory.mktemp("sharing"), workers=0) as cluster:
        worker(cluster, "blurs", "blur")
        worker(cluster, "looks", "motion,edges")
        cluster.wait(2)
        yield cluster


@pytest.mark.parametrize(
    ("codec", "chunk_frames", "chain"),
    [("ffv1", "1", "blur,motion"), ("h264", "7", "blur,motion"), ("ffv1", "40", "motion,blur,edges")],
)
def test_two_that_offer_one_step_each(
    sharing: LocalCluster, tmp_path: Path, codec: str, chunk_frames: str, chain: str
) -> None:
    """`motion` looks back at what `blur` made on the other worker, wherever the clip is cut."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=50, gop=30, size=(160, 120), b_frames=2)
    before = chunks_of(sharing, "blurs"), chunks_of(sharing, "looks")
    asked = (str(clip), "--filters", chain, "--codec", codec, "--chunk-frames", chunk_frames)
    assert digest(sharing.send(*asked)) == digest(sharing.send(*asked, "--local"))
    until(lambda: chunks_of(sharing, "blurs") > before[0], "blurs has worked")
    until(lambda: chunks_of(sharing, "looks") > before[1], "looks has worked")


@pytest.mark.suite("long")
def test_one_is_killed_and_one_that_offers_all_joins(tmp_path: Path) -> None:
    """Gates hold the second stage: until its worker is killed, and until one that offers both is there, in the place of
    the next one."""
    first, second = tmp_path / "first", tmp_path / "second"
    clip = clips.moving(tmp_path / "clip.mp4", frames=450, gop=15, size=(160, 120))
    asked = (str(clip), "--chunk-frames", "15", "--filters")
    gates = f"gate:frame={4 * 15}:path={first},gate:frame={20 * 15}:path={second}"
    with LocalCluster(tmp_path, workers=0) as cluster:
        worker(cluster, "blurs", "blur")
        worker(cluster, "draws", "edges,gate")
        cluster.wait(2)
        sender = cluster.begin(*asked, f"blur,edges,{gates}")
        until(lambda: computing(cluster, 4, "draws"), "the second stage of chunk 4 is in work", TIMEOUT_S)
        cluster.kill("draws")
        worker(cluster, "other", "edges,gate")
        first.touch()
        until(lambda: computing(cluster, 20, "other"), "another one goes on, up to chunk 20", TIMEOUT_S)
        worker(cluster, "both", "blur,edges,gate")
        cluster.wait(3)
        cluster.kill("other")  # or it might have done all the rest before the new one had got anything
        second.touch()
        until(lambda: chunks_of(cluster, "both") >= 2, "one that offers all takes over", TIMEOUT_S)
        sent = finished(sender)
        assert sent["outputs"][0]["retries"]
        assert digest(sent) == digest(cluster.send(*asked, "blur,edges", "--local"))


def test_what_nobody_offers_even_together_waits_until_somebody_does(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=40, size=(160, 120))
    asked = (str(clip), "--filters", "blur,edges,motion")
    with LocalCluster(tmp_path, workers=0) as cluster:
        worker(cluster, "blurs", "blur")
        worker(cluster, "looks", "motion")
        cluster.wait(2)
        sender = cluster.begin(*asked)
        until(lambda: [job for job in view(cluster).jobs.values() if job.code == "no-worker"], "the job waits")
        [job] = cluster.status()["jobs"]
        assert job["reason"].startswith("no worker offers 'edges'")
        worker(cluster, "draws", "edges")
        assert digest(finished(sender)) == digest(cluster.send(*asked, "--local"))
