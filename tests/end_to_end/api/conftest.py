"""What the tests of the Python API share: a cluster of real programs, a connection to it, a gate for its workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import moviola
from tests.end_to_end.api.connecting import connect
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import PLUGINS


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster of two workers, one a module."""
    arguments = ("--plugins", str(PLUGINS))
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=2, worker_arguments=arguments) as made:
        yield made


@pytest.fixture
def cluster(running: LocalCluster, tmp_path: Path) -> Iterator[moviola.Cluster]:
    """A connection to it, with a folder for results of the test's own."""
    with connect(running, tmp_path / "results") as made:
        yield made


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that the filter `gate` waits for; at the end it is there, so that no worker waits for ever."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()
