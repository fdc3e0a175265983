"""Jobs of more chunks than a process may have files open, through processes that may have few open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, local, output

DESCRIPTORS = 1024
"""What most Linux systems grant. As a hard limit, so that no program can raise it."""

BITS = 12
BIT_SIZE = 16
"""Pixels a side: large enough that a bit survives any codec."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=2, descriptors=DESCRIPTORS) as running:
        yield running


def numbered(path: Path, count: int) -> Path:
    """A clip of keyframes, each of which shows its own number in black and white squares."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = BITS * BIT_SIZE, BIT_SIZE, "yuvj420p"
        for number in range(count):
            bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8) * 255
            grey = np.repeat(np.repeat(bits[None, :], BIT_SIZE, axis=0), BIT_SIZE, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([grey] * 3), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def numbers(path: Path) -> Iterator[int]:
    """Yield the number that each frame of a clip shows."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            grey = frame.to_ndarray(format="gray")[BIT_SIZE // 2, BIT_SIZE // 2 :: BIT_SIZE]
            yield sum(int(level > 127) << bit for bit, level in enumerate(grey))


@pytest.mark.suite("long")
@pytest.mark.parametrize("count", [1_100, 2_000])
def test_more_chunks_than_files_may_be_open_come_out_whole_and_in_order(
    cluster: LocalCluster, tmp_path: Path, count: int
) -> None:
    clip = numbered(tmp_path / "clip.mkv", count)
    out = tmp_path / "out.mkv"
    arguments = ("--filters", "identity", "--chunk-frames", "1")
    outcome = cluster.send(str(clip), *arguments, "--out", str(out))
    metrics = json.loads(Path(output(outcome)["metrics_path"]).read_text())  # type: ignore[arg-type]
    assert metrics["chunks"]["count"] == count
    assert metrics["retries"] == 0
    assert list(numbers(out)) == list(range(count))
    assert clips.times(out) == clips.times(clip)
    reference = local(cluster, str(clip), *arguments, "--out", str(tmp_path / "reference.mkv"))
    assert output(outcome)["digest"] == output(reference)["digest"]
