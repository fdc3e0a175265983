"""What tests of the middleware begin with: a script of the dispatcher's rules, or a middleware on real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.middleware.peers import Cluster
from tests.middleware.script import Script


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator(9)
    made.client(1)
    return made


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()
