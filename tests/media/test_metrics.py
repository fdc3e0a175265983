from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from moviola.base.output_summary import OutputSummary
from moviola.filters.chain import Step
from moviola.media.metrics import ClusterStatistics, WorkerStatistics, build, percentiles, state_of, summary, write
from tests.media.video.clips import ONE_KEYFRAME, encode
from tests.media.video.cutting_room import BLUR, Reel, output, take

WORKERS = (WorkerStatistics("one", 3, 30, 2.0, 2.5), WorkerStatistics("two", 1, 10, 0.5, 2.5))


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Reel:
    folder = tmp_path_factory.mktemp("metrics")
    clip = encode(folder / "clip.mp4", "libx264", 40, options=ONE_KEYFRAME, sound="aac")
    return take(clip, folder, output(chain=BLUR), chunk_frames=10)


def documented() -> set[str]:
    """The first column of the table in docs/METRICS.md, `.name` standing for what the field before it is in."""
    names: set[str] = set()
    path = Path(__file__).parents[2] / "docs" / "METRICS.md"
    of_files, _, _ = path.read_text(encoding="utf-8").partition("\n## What Prometheus reads\n")
    for line in of_files.splitlines():
        if not line.startswith("| `"):
            continue
        parent = ""
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]):
            whole = parent + name if name.startswith(".") else name
            parent = whole.rpartition(".")[0] or parent
            names.add(whole.replace("[]", ""))
    return names


def fields_of(metrics: dict[str, Any]) -> set[str]:
    """Dotted names of all fields, down to where keys are a source's, a library's or a worker's own."""
    names: set[str] = set()
    for name, value in metrics.items():
        if isinstance(value, dict) and name not in ("versions", "frame_latency_ms", "chunk_latency_ms"):
            names |= {f"{name}.{inner}" for inner in value}
        else:
            names.add(name)
    return names


def test_every_field_is_documented_and_every_documented_field_is_there(reel: Reel) -> None:
    metrics = build(
        reel.source, output(chain=BLUR), reel.spliced, 2.0, ClusterStatistics((1.0,), 1, 2, WORKERS)
    ).to_wire()
    words = documented()
    assert fields_of(metrics) - words == {"troubles.decode_error_count"}
    inner = {"workers", "versions", "frame_latency_ms", "chunk_latency_ms"}
    assert words - fields_of(metrics) <= inner


def test_counts_and_rates(reel: Reel) -> None:
    metrics = build(reel.source, output(chain=BLUR), reel.spliced, 2.0).to_wire()
    assert metrics["state"] == "done"
    zero = ("fallback", "lost", "damaged", "repeated", "left_out")
    assert metrics["frames"] == {"in": 40, "out": 40} | dict.fromkeys(zero, 0)
    assert metrics["frames_per_second"] == 20.0
    assert metrics["output"]["filters"] == [{"name": "blur", "parameters": {"radius": 2}}]
    assert metrics["digest"] == reel.spliced.digest
    assert metrics["fingerprints"] == [reel.results[0].fingerprint]
    latency = metrics["frame_latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert all(metrics["seconds"][stage] >= 0 for stage in ("decode", "convert", "filter", "encode", "wait"))


@pytest.mark.parametrize(("rate", "out", "repeated", "left_out"), [("10", 16, 0, 24), ("60", 96, 56, 0)])
def test_another_rate_is_accounted_for(tmp_path: Path, rate: str, out: int, repeated: int, left_out: int) -> None:
    wanted = output(chain=(Step("fps", {"rate": rate}),))
    reel = take(encode(tmp_path / "clip.mp4", "libx264", 40), tmp_path, wanted, chunk_frames=7)
    metrics = build(reel.source, wanted, reel.spliced, 2.0).to_wire()
    assert metrics["state"] == "done"
    frames = metrics["frames"]
    assert (frames["in"], frames["out"], frames["repeated"], frames["left_out"]) == (40, out, repeated, left_out)
    assert frames["in"] + frames["repeated"] == frames["out"] + frames["lost"] + frames["left_out"]


def test_prerolls_are_counted(reel: Reel) -> None:
    chunks = build(reel.source, output(), reel.spliced, 1.0).to_wire()["chunks"]
    assert chunks["count"] == len(reel.results)
    assert 0 < chunks["frames_min"] <= 10 <= chunks["frames_max"] < 20
    assert chunks["preroll_packets"] == reel.source.facts["preroll_frames"] > 30
    assert chunks["preroll_size"] == reel.source.facts["preroll_bytes"] > 0


def test_what_only_a_cluster_knows(reel: Reel) -> None:
    cluster = ClusterStatistics([10.0, 20.0, 30.0], 4, 5, WORKERS)
    metrics = build(reel.source, output(), reel.spliced, 2.0, cluster).to_wire()
    assert metrics["chunk_latency_ms"] == {"p50": 20.0, "p95": 30.0, "p99": 30.0}
    assert (metrics["retries"], metrics["duplicates"]) == (4, 5)
    assert metrics["seconds"]["wait"] == 2.5
    assert metrics["workers"][0] == {
        "name": "one",
        "chunks": 3,
        "frames": 30,
        "frames_per_second": 15.0,
        "busy_seconds": 2.0,
    }


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("on_error", ["original", "drop"])
def test_troubles_are_listed_and_make_it_partial(tmp_path: Path, on_error: str) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 12)
    wanted = output(chain=(Step("picky", {"every": 5}),), on_error=on_error)
    reel = take(clip, tmp_path, wanted)
    metrics = build(reel.source, wanted, reel.spliced, 1.0).to_wire()
    assert metrics["state"] == "partial"
    assert metrics["frames"]["in"] == metrics["frames"]["out"] + metrics["frames"]["lost"] == 12
    listed = metrics["troubles"]["fallback" if on_error == "original" else "lost"]
    assert [entry["frame"] for entry in listed] == [5, 10]
    assert "not to my taste" in listed[0]["error" if on_error == "original" else "cause"]


def test_a_damaged_source_makes_it_partial(reel: Reel) -> None:
    assert state_of(reel.source, reel.spliced) == "done"
    damaged = replace(reel.source, facts={**reel.source.facts, "damaged": True})
    assert state_of(damaged, reel.spliced) == "partial"


def test_percentiles_by_nearest_rank() -> None:
    assert percentiles(range(1, 101)) == {"p50": 50, "p95": 95, "p99": 99}
    assert percentiles([7.0]) == {"p50": 7.0, "p95": 7.0, "p99": 7.0}
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None}


def test_the_file_is_json(reel: Reel, tmp_path: Path) -> None:
    metrics = build(reel.source, output(), reel.spliced, 1.0).to_wire()
    path = tmp_path / "reel.metrics.json"
    write(path, metrics)
    assert json.loads(path.read_text()) == json.loads(json.dumps(metrics))
    assert list(tmp_path.iterdir()) == [path]


def test_the_summary_is_what_a_client_prints(reel: Reel) -> None:
    metrics = build(reel.source, output(), reel.spliced, 1.0, ClusterStatistics((), 4, 5))
    said = summary("reel", reel.spliced, metrics, "a.metrics.json")
    assert OutputSummary.from_wire(msgpack.unpackb(msgpack.packb(said.to_wire()))) == said
    assert (said.name, said.state, said.metrics_file) == ("reel", "done", "a.metrics.json")
    assert (said.frames_in, said.frames_out, said.digest) == (40, 40, reel.spliced.digest)
    assert (said.retries, said.duplicates) == (4, 5)
