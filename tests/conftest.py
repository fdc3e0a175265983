"""Settings for all tests, and the suites: tests that need more than the usual ones have, and run only when named."""

from __future__ import annotations

import os
import signal
from typing import Final

import pytest
from hypothesis import settings

os.environ["MOVIOLA_CHECK_SENT"] = "1"  # before any of our modules, and for the programs that tests start
os.environ["XDG_CONFIG_HOME"] = os.devnull  # what somebody has configured for himself is no part of any test

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background with Ctrl-C ignored, and the programs that tests start inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("moviola", deadline=None)  # a loaded machine is slow, and slow is not wrong
settings.load_profile("moviola")

SUITES: Final = {
    "long": "tests of real processes that take more than half a minute each",
    "containers": "the compose file, with real containers: needs podman and root",
    "package": "the project installed in a fresh environment: needs a package registry",
    "fuzz": "a million frames of structured garbage through real processes",
}
"""What `--suite NAME` runs: the tests marked `@pytest.mark.suite(NAME)`, which nothing else runs."""


FRAMES: Final = 1_000_000

WORLDS: Final = 25
"""Random worlds in each of four batches (tests/fuzz): a few seconds. `--worlds 5000` looks longer."""


@pytest.fixture
def worlds(request: pytest.FixtureRequest) -> int:
    """How many random worlds a batch plays."""
    return int(request.config.getoption("--worlds"))


@pytest.fixture
def frames(request: pytest.FixtureRequest) -> int:
    """How many frames the suite `fuzz` sends in all."""
    return int(request.config.getoption("--frames"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--worlds", type=int, default=WORLDS, help="random worlds in each batch of tests of any sequence")
    parser.addoption("--frames", type=int, default=FRAMES, help="frames of garbage that the suite 'fuzz' sends")
    parser.addoption("--suite", choices=sorted(SUITES), help="run this suite instead of the usual tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--suite")
    chosen = [item for item in items if _suite_of(item) == wanted]
    config.hook.pytest_deselected(items=[item for item in items if _suite_of(item) != wanted])
    items[:] = chosen


def _suite_of(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("suite")
    if marker is None:
        return None
    name = str(marker.args[0])
    assert name in SUITES, f"{item.nodeid} is of a suite that does not exist: {name}"
    return name
