"""What tests of the loop begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.pair import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.server.shut()
    made.client.shut()
