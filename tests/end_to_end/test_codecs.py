"""Every codec that outputs can have, by three workers: the packets of `--local`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from moviola.media.video.codecs import CODECS
from tests.end_to_end.cluster import LocalCluster
from tests.media.video.clips import encode

FRAMES = 45


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("codecs"), workers=3) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return encode(folder / "clip.mp4", "libx264", FRAMES, options={"g": "15"}, size=(360, 202), sound="aac")


@pytest.mark.parametrize("codec", CODECS)
def test_three_workers_give_what_one_process_gives(
    codec: str, cluster: LocalCluster, clip: Path, tmp_path: Path
) -> None:
    arguments = (str(clip), "--filters", "blur", "--codec", codec, "--chunk-frames", "10")
    (alone,) = cluster.send(*arguments, "--local", "--out", str(tmp_path / "alone"))["outputs"]
    (made,) = cluster.send(*arguments, "--out", str(tmp_path / "made"))["outputs"]
    assert made["digest"] == alone["digest"]
    assert made["frames_out"] == FRAMES
    with av.open(str(tmp_path / "made")) as file:
        assert sum(1 for _ in file.decode(video=0)) == FRAMES
