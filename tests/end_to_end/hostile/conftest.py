"""What tests share that leave a cluster as they have found it: programs that run, and an honest job beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One that nobody restarts. Its worker is called w-1."""
    with LocalCluster(tmp_path_factory.mktemp("hostile"), workers=1, worker_arguments=["--name", "w"]) as running:
        yield running


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chunks of eight frames."""
    return clips.moving(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=24, gop=8)


@pytest.fixture
def honest(cluster: LocalCluster, clip: Path) -> Honest:
    """Who checks that the cluster goes on as if nobody meant ill."""
    return Honest(cluster, clip)
