from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.session.fakes import FakeCluster
from tests.session.material import write_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that can be sent. Not to be written to."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """A middleware and an aggregator that are there, and do what their script says."""
    made = FakeCluster()
    with made:
        yield made
