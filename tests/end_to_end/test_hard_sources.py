"""Sources that are hard to share out, through a whole cluster: few keyframes, filters that look back, damage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moviola.session.outcome import Status
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, output
from tests.end_to_end.faults.witness import PLUGINS, tasks
from tests.end_to_end.real_clips import decode
from tests.media.video.clips import encode, packets_in, scratched
from tests.waiting import until

WORKERS = 4
FRAMES = 96
GOP = 16
BAD = 40
"""The packet, and without B-frames the frame, that is damaged."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    workers = ("--plugins", str(PLUGINS))
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=WORKERS, worker_arguments=workers) as running:
        yield running


def metrics_of(outcome: dict[str, Any]) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads(Path(outcome["outputs"][0]["metrics_path"]).read_text())
    return metrics


def boxes_of(notes: Path) -> list[list[list[int]]]:
    """The boxes of every frame, in order."""
    return [json.loads(line)["boxes"] for line in notes.read_text().splitlines()]


def pieces_in_work(cluster: LocalCluster) -> list[int]:
    """The pieces that workers compute, one of each worker."""
    return sorted({pid: task.index for pid, task in tasks(cluster) if task.phase == "computing"}.values())


def test_motion_sees_the_frame_before_wherever_the_video_is_cut(cluster: LocalCluster, tmp_path: Path) -> None:
    """At any chunk size every frame has the boxes it has in one piece, the first of a chunk too."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=72, gop=24, size=(360, 120), b_frames=2)
    found = {}
    for size in (1000, 64, 7, 1):
        out = tmp_path / f"{size}.mkv"
        arguments = ("--filters", "motion", "--codec", "ffv1", "--chunk-frames", str(size), "--out", str(out))
        outcome = cluster.send(str(clip), *arguments)
        notes = boxes_of(out.with_suffix(".annotations.jsonl"))
        found[metrics_of(outcome)["chunks"]["count"]] = (clips.frames(out), notes)
    assert len(found) == 4, "each size cuts differently"
    frames, notes = found.pop(1)
    assert len(frames) == len(notes) == 72
    assert all(notes[1:]), "the square moves in every frame"
    assert not notes[0]
    for count, (others, other_notes) in found.items():
        assert others == frames, f"{count} chunks"
        assert other_notes == notes, f"{count} chunks"


def test_one_keyframe_is_work_for_all(cluster: LocalCluster, tmp_path: Path) -> None:
    """Pieces of the only GOP go to every worker, and the metrics say what decoding their prerolls costs.

    A gate in the middle of each piece holds its worker until all are at work."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=300, gop=300, size=(160, 120), b_frames=2)
    out, gate = tmp_path / "out.mp4", tmp_path / "gate"
    middles = [300 * (2 * piece + 1) // (2 * WORKERS) for piece in range(WORKERS)]
    gates = ",".join(f"gate:frame={frame}:path={gate}" for frame in middles)
    sender = cluster.begin(str(clip), "--filters", f"blur,{gates}", "--out", str(out))
    until(lambda: pieces_in_work(cluster) == list(range(WORKERS)), "each worker has a piece in work")
    gate.touch()
    metrics = metrics_of(finished(sender))
    source, chunks = metrics["source"], metrics["chunks"]
    assert source["keyframe_count"] == 1
    assert source["chunk_count"] == chunks["count"] == WORKERS
    # n equal pieces of one GOP decode (n - 1) / 2 GOPs a second time; cuts move by less than a group of B-frames
    assert source["preroll_share"] == pytest.approx((WORKERS - 1) / 2, abs=0.05)
    assert source["preroll_frames"] == pytest.approx(source["preroll_share"] * 300, abs=1)
    assert chunks["preroll_packets"] == source["preroll_frames"]
    assert chunks["preroll_size"] == source["preroll_bytes"] > 0
    assert [time for time, _ in clips.frames(out)] == [time for time, _ in clips.frames(clip)]


@pytest.mark.parametrize(
    ("codec", "kept", "lost"),
    [("libx264", 0.0, [BAD]), ("mpeg4", 0.5, [])],
    ids=["not to be decoded", "damaged"],
)
def test_damage_is_counted_and_located(
    cluster: LocalCluster, tmp_path: Path, codec: str, kept: float, lost: list[int]
) -> None:
    """A packet keeps its first part. Every frame that decodes comes out, those of other GOPs unharmed; state and exit
    status say that not all is well, and why: a cluster as one process does. What follows damage in its GOP depends on
    it."""
    whole = encode(tmp_path / "whole.mkv", codec, FRAMES, options={"g": str(GOP), "bf": "0"})
    packets = packets_in(whole)
    size = packets[BAD].size
    recovers = next(at for at, packet in enumerate(packets) if at > BAD and packet.is_keyframe)
    damaged = [at for at in range(BAD, recovers) if at not in lost]
    source = scratched(whole, tmp_path / "damaged.mkv", BAD, keep=int(size * kept))
    out = tmp_path / "out.mkv"
    arguments = ("--filters", "identity", "--codec", "ffv1", "--chunk-frames", "24", "--out", str(out))
    outcome = cluster.send(str(source), *arguments, status=Status.PARTIAL)
    metrics = metrics_of(outcome)
    assert outcome["state"] == metrics["state"] == "partial"
    counts = {"in": FRAMES, "out": FRAMES - len(lost), "fallback": 0, "lost": len(lost), "damaged": len(damaged)}
    assert metrics["frames"] == counts | {"repeated": 0, "left_out": 0}
    assert [entry["frame"] for entry in metrics["troubles"]["lost"]] == lost
    assert metrics["troubles"]["damaged"] == damaged
    first = BAD // GOP * GOP
    expected, found = decode(source), decode(out)
    assert len(found.times) == len(expected.times) == counts["out"]
    assert found.checksums[:first] == expected.checksums[:first]
    assert found.checksums[first + GOP :] == expected.checksums[first + GOP :]
    aside = ("--out", str(tmp_path / "alone.mkv"), "--local")
    alone = cluster.send(str(source), *arguments[:-2], *aside, status=Status.PARTIAL)
    assert output(alone)["digest"] == output(outcome)["digest"]
    assert metrics_of(alone)["troubles"] == metrics["troubles"]
    assert str(alone["reason"]).removesuffix("; the metrics list all") in outcome["reason"]
    assert f"{len(damaged)} of {FRAMES} frames were damaged, or made of damaged ones" in outcome["reason"]


def test_a_file_that_is_cut_off_is_partly_done_and_says_what_is_missing(cluster: LocalCluster, tmp_path: Path) -> None:
    whole = clips.moving(tmp_path / "whole.mkv", frames=96, gop=16)
    size = whole.stat().st_size
    short = tmp_path / "short.mkv"
    short.write_bytes(whole.read_bytes()[: size // 2])
    arguments = (str(short), "--filters", "identity", "--out")
    outcome = cluster.send(*arguments, str(tmp_path / "out.mkv"), status=Status.PARTIAL)
    alone = cluster.send(*arguments, str(tmp_path / "alone.mkv"), "--local", status=Status.PARTIAL)
    for told in (outcome, alone):
        assert told["state"] == "partial"
        assert told["reason"].startswith("the end is missing: ")
    metrics = metrics_of(outcome)
    assert metrics["reasons"] == metrics_of(alone)["reasons"] == metrics["source"]["damage"]
    assert metrics["source"]["damaged"]
    found = cluster.run("client.jobs", "show", outcome["job_id"])
    assert "partial: the end is missing: " in found.stdout


def test_a_header_without_frames_is_refused(cluster: LocalCluster, tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mkv", "libx264", 32)
    hollow = scratched(whole, tmp_path / "hollow.mkv", *range(32), keep=0)
    refused = cluster.run("client.file_sender", str(hollow))
    assert refused.returncode == Status.WRONG
    assert f"{hollow}: none of its h264 frames can be decoded" in refused.stderr
    assert "Traceback" not in refused.stderr
