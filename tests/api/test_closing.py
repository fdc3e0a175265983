"""How a `moviola.Cluster` is left."""

from __future__ import annotations

from pathlib import Path

import pytest

import moviola
from moviola.session.runs import Runs
from tests.session.fakes import FakeCluster


def test_a_cluster_that_had_a_job_may_be_closed_again(clip: Path, tmp_path: Path) -> None:
    with FakeCluster() as fake, moviola.Cluster("localhost", fake.port, no_secret=True) as cluster:
        cluster.submit(clip, out=tmp_path / "out.mp4").result()
        cluster.close()


def test_a_job_that_is_submitted_just_before_the_end_is_closed(clip: Path, tmp_path: Path) -> None:
    with FakeCluster() as fake, moviola.Cluster("localhost", fake.port, no_secret=True) as cluster:
        cluster.submit(clip, out=tmp_path / "first.mp4").result()  # the thread is idle from here on
        job = cluster.submit(clip, out=tmp_path / "second.mp4")
        cluster.close()
        with pytest.raises(moviola.Closed):
            job.wait(timeout=5)
        with pytest.raises(moviola.Closed, match="this cluster object is closed"):
            cluster.submit(clip, out=tmp_path / "third.mp4")


def test_a_job_that_cannot_be_begun_is_over(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("a bug in beginning")

    monkeypatch.setattr(Runs, "begin", fails)
    with (
        FakeCluster() as fake,
        moviola.Cluster("localhost", fake.port, no_secret=True) as cluster,
        pytest.raises(ZeroDivisionError, match="a bug in beginning"),
    ):
        cluster.submit(clip, out=tmp_path / "out.mp4").wait(timeout=5)
