"""What the scripts of the dispatcher's rules begin with."""

from __future__ import annotations

import pytest

from tests.middleware.script import Script


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator(9)
    made.client(1)
    return made
