"""A filter that asks for a label: real workers with the label and without, and what a person sees of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished
from tests.end_to_end.faults.witness import view
from tests.waiting import until

PLUGIN: Final = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Negative(Filter):
    name, summary, label = "negative", "dark becomes bright", "gpu"

    def apply(self, picture, earlier):
        return picture.with_bgr(255 - picture.bgr)
"""

REASON: Final = (
    "filter negative asks for a worker labelled gpu, and the one that is connected is not; start one with --label gpu"
)


def start(cluster: LocalCluster, plugin: Path, name: str, *more: str) -> None:
    told = ["--port", str(cluster.port), "--processes", "1", "--name", name, "--plugins", str(plugin), *more]
    cluster.start("worker", name, told)


def chunks_of(cluster: LocalCluster, name: str) -> int:
    return sum(one.facts.chunks for one in view(cluster).workers.values() if one.name.startswith(name))


def test_a_job_waits_for_a_worker_with_the_label_and_shares_its_chain_with_one_without(tmp_path: Path) -> None:
    plugin = tmp_path / "negative.py"
    plugin.write_text(PLUGIN)
    clip = clips.moving(tmp_path / "clip.mp4", frames=60, gop=15, size=(160, 120))
    asked = (str(clip), "--filters", "blur,negative,edges", "--chunk-frames", "15")
    with LocalCluster(tmp_path, workers=0) as cluster:
        start(cluster, plugin, "plain")
        cluster.wait(1)
        assert "filter negative asks for a worker labelled gpu, and this one is not" in cluster.log("plain")
        sender = cluster.begin(*asked)
        until(lambda: [job for job in view(cluster).jobs.values() if job.code == "no-worker"], "the job waits")
        assert [job["reason"] for job in cluster.status()["jobs"]] == [REASON]
        listed = cluster.run("client.filters", "negative").stdout
        assert "  asks for    a worker labelled gpu\n" in listed
        assert "  offered by  0 workers\n" in listed
        start(cluster, plugin, "strong", "--filters", "negative", "--label", "big,gpu")
        sent = finished(sender)
        until(lambda: chunks_of(cluster, "strong") == chunks_of(cluster, "plain") / 2 == 4, "both have worked")
        workers = {one["name"]: one for one in json.loads(cluster.run("client.workers", "--json").stdout)["workers"]}
        assert workers["strong-1"]["labels"] == ["big", "gpu"]
        assert "negative" not in workers["plain-1"]["filters"]
        reference = finished(cluster.begin(*asked, "--local", "--plugins", str(plugin)))
        assert sent["outputs"][0]["digest"] == reference["outputs"][0]["digest"]
        assert sent["outputs"][0]["fallback_frames"] == reference["outputs"][0]["fallback_frames"] == 0
