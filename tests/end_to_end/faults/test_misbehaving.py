"""Filters that raise, take their process down, or never end: exactly their frames suffer, and other jobs go on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.witness import PLUGINS, computing
from tests.waiting import until
from worker.computation import STUCK_LIMIT_S

GOP = 16
CHUNKS = 6
STALL_S = 2.0
TRIES = 3  # of a chunk, before its filters are bypassed

HANG_LIMIT_S = TRIES * (STALL_S + STUCK_LIMIT_S) + 30.0
"""What PROTOCOL.md says of a filter that never ends, and what a loaded machine adds to it."""

PARTIAL = 4  # the sender's exit status


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(
        tmp_path_factory.mktemp("cluster"),
        workers=2,
        worker_arguments=("--plugins", str(PLUGINS)),
        middleware_arguments=("--stall-timeout", str(STALL_S)),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.moving(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=CHUNKS * GOP, gop=GOP)


def begin(cluster: LocalCluster, clip: Path, chain: str, *more: str) -> subprocess.Popen[str]:
    return cluster.begin(str(clip), "--filters", chain, "--chunk-frames", str(GOP), *more)


def metrics_of(outcome: dict[str, Any]) -> dict[str, Any]:
    found = json.loads(Path(str(output(outcome)["metrics_path"])).read_text())
    assert isinstance(found, dict)
    return found


def kept_chunks(cluster: LocalCluster, outcome: dict[str, Any]) -> list[Path]:
    """The failed chunks' files, once they are all made."""
    folder = cluster.results / str(outcome["job_id"]) / "failed"
    until(lambda: folder.is_dir() and not list(folder.glob(".*")), "the failed chunks are files")
    return sorted(folder.iterdir())


def frame_count(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_one_frame_that_raises_costs_itself_alone(cluster: LocalCluster, clip: Path) -> None:
    outcome = finished(begin(cluster, clip, "raises:frame=37"), PARTIAL)
    metrics = metrics_of(outcome)
    assert outcome["state"] == metrics["state"] == "partial"
    assert [one["frame"] for one in metrics["troubles"]["fallback"]] == [37]
    assert metrics["frames"]["out"] == CHUNKS * GOP
    assert metrics["retries"] == 0
    assert output(outcome)["digest"] == output(local(cluster, *_identity(clip)))["digest"]
    (failure,) = metrics["failures"]
    assert {name: failure[name] for name in ("job", "output", "chunk", "frames", "filter", "failure_type")} == {
        "job": outcome["job_id"],
        "output": "raises",
        "chunk": 37 // GOP,
        "frames": [37, 37],
        "filter": "raises",
        "failure_type": "job_failure",
    }
    assert failure["worker"]
    assert "frame 37 is not to my taste" in failure["traceback"]
    assert "in misbehave" in failure["traceback"]
    assert outcome["failures"] == [failure]
    (kept,) = kept_chunks(cluster, outcome)
    assert kept.name == f"raises-{37 // GOP:06}.mkv"
    assert frame_count(kept) >= GOP


def _identity(clip: Path) -> tuple[str, ...]:
    return str(clip), "--filters", "identity", "--chunk-frames", str(GOP)


def test_on_error_drop_leaves_the_frame_out(cluster: LocalCluster, clip: Path) -> None:
    outcome = finished(begin(cluster, clip, "raises:frame=37", "--on-error", "drop"), PARTIAL)
    metrics = metrics_of(outcome)
    assert [one["frame"] for one in metrics["troubles"]["lost"]] == [37]
    assert metrics["frames"]["out"] == CHUNKS * GOP - 1


def test_on_error_fail_ends_the_job_and_says_why(cluster: LocalCluster, clip: Path) -> None:
    outcome = finished(begin(cluster, clip, "raises:frame=37", "--on-error", "fail"), 1)
    assert outcome["state"] == "failed"
    assert "chunk 2" in outcome["reason"]
    assert "frame 37 is not to my taste" in outcome["reason"]
    failure = outcome["failures"][0]
    assert (failure["frame"], failure["filter"], failure["failure_reason"]) == (37, "raises", "exception")
    assert len({one["worker"] for one in outcome["failures"]}) == 2, "it was tried on two workers"
    assert [path.name for path in kept_chunks(cluster, outcome)] == ["raises-000002.mkv"]


@pytest.mark.parametrize("policy", ["original", "drop"])
def test_a_chunk_that_takes_its_process_down_costs_itself_alone(cluster: LocalCluster, clip: Path, policy: str) -> None:
    outcome = finished(begin(cluster, clip, "aborts:frame=37", "--on-error", policy), PARTIAL)
    metrics = metrics_of(outcome)
    listed = metrics["troubles"]["lost" if policy == "drop" else "fallback"]
    assert [one["frame"] for one in listed] == list(range(2 * GOP, 3 * GOP))
    assert metrics["frames"]["out"] == CHUNKS * GOP - (GOP if policy == "drop" else 0)
    failures = metrics["failures"]
    assert len(failures) == metrics["retries"] - metrics["losses"]
    assert TRIES <= len(failures) <= TRIES + 1, "the last may have begun before the third was known"
    assert len({one["worker"] for one in failures}) == 2
    for failure in failures:
        assert failure["failure_type"] == "worker_failure"
        assert failure["failure_reason"] == "crash"
        assert failure["frames"] == [2 * GOP, 3 * GOP - 1]
        assert "SIGABRT" in failure["explanation"]
    assert [path.name for path in kept_chunks(cluster, outcome)] == ["aborts-000002.mkv"]


def test_a_chunk_that_never_ends_costs_itself_alone_while_others_go_on(cluster: LocalCluster, clip: Path) -> None:
    stuck = begin(cluster, clip, "hangs:frame=37")
    until(lambda: computing(cluster, 37 // GOP), "it hangs")
    others = [begin(cluster, clip, chain) for chain in ("blur", "edges")]
    until(lambda: any(other.poll() is not None for other in others), "another job ends")
    assert stuck.poll() is None
    assert [finished(other)["state"] for other in others] == ["done", "done"]
    until(lambda: stuck.poll() is not None, "its filters are bypassed", HANG_LIMIT_S)
    outcome = finished(stuck, PARTIAL)
    metrics = metrics_of(outcome)
    assert [one["frame"] for one in metrics["troubles"]["fallback"]] == list(range(2 * GOP, 3 * GOP))
    assert [one["failure_reason"] for one in metrics["failures"]] == ["stall"] * TRIES
    assert output(outcome)["digest"] == output(local(cluster, *_identity(clip)))["digest"]
