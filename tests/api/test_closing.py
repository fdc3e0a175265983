"""How a `moviola.Cluster` is left."""

from __future__ import annotations

from pathlib import Path

import moviola
from tests.session.fakes import FakeCluster


def test_a_cluster_that_had_a_job_may_be_closed_again(clip: Path, tmp_path: Path) -> None:
    with FakeCluster() as fake, moviola.Cluster("localhost", fake.port, no_secret=True) as cluster:
        cluster.submit(clip, out=tmp_path / "out.mp4").result()
        cluster.close()
