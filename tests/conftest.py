"""Settings for all tests, and the suites: tests that need more than the usual ones have, and run only when named."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from moviola.base.processes import core_count
from tests.shares import dealt

os.environ["MOVIOLA_CHECK_SENT"] = "1"  # before any module that reads it, and for the programs that tests start
os.environ["XDG_CONFIG_HOME"] = os.devnull  # what somebody has configured for himself is no part of any test

# Tests start some thousand processes: they read compiled modules, also where the environment wants none written.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background with Ctrl-C ignored, and the programs that tests start inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

EXAMPLES: Final = 40
"""Of each property that hypothesis tries; the next run tries others."""

settings.register_profile("moviola", deadline=None, max_examples=EXAMPLES)  # slow, on a loaded machine, is not wrong
settings.load_profile("moviola")

SUITES: Final = {
    "long": "tests of real processes that take long, or try at scale what a usual test tries",
    "containers": "the compose file, with real containers: needs podman and root",
    "package": "the project installed in a fresh environment: needs a package registry",
    "web": "what a gateway bears: a gibibyte, many at once, its own end, requests made up of its document",
    "browser": "the gateway's page in a real Chromium: needs one on this machine",
    "fuzz": "a million frames of structured garbage through real processes",
    "ray": "jobs on a real Ray cluster of two nodes: needs Ray, network namespaces and root",
    "simulation": "thousands of fresh seeds, and every planted defect: half an hour",
}
"""What `--suite NAME` runs: the tests marked `@pytest.mark.suite(NAME)`, which nothing else runs. `--smoke` runs those
that are marked `@pytest.mark.smoke` as well, at least one of each suite: they make themselves small then, and skip
themselves, with the reason, where this machine lacks what they need."""


LONG: Final = Path(__file__).with_name("end_to_end")
"""Where tests take seconds each."""

FRAMES: Final = 1_000_000

SMOKE_FRAMES: Final = 1_000
"""Of garbage in a smoke run: seconds."""

WORLDS: Final = 10
"""Random worlds in each of four batches (tests/fuzz): a second or two. `--worlds 5000` looks longer."""


@pytest.fixture
def worlds(request: pytest.FixtureRequest) -> int:
    """How many random worlds a batch plays."""
    return int(request.config.getoption("--worlds"))


@pytest.fixture
def is_smoke(request: pytest.FixtureRequest) -> bool:
    """Whether only a smoke is wanted: the same, but small."""
    return bool(request.config.getoption("--smoke"))


@pytest.fixture
def frames(request: pytest.FixtureRequest, is_smoke: bool) -> int:
    """How many frames the suite `fuzz` sends in all."""
    return SMOKE_FRAMES if is_smoke else int(request.config.getoption("--frames"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--worlds", type=int, default=WORLDS, help="random worlds in each batch of tests of any sequence")
    parser.addoption("--frames", type=int, default=FRAMES, help="frames of garbage that the suite 'fuzz' sends")
    which = parser.getgroup("suites").addoption
    which("--suite", choices=sorted(SUITES), help="run this suite instead of the usual tests")
    which("--smoke", action="store_true", help="run a little of every suite instead of the usual tests")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules that have nothing of a suite, or no smoke: to import all takes longer than most that is run."""
    wanted, is_smoke = config.getoption("--suite"), config.getoption("--smoke")
    if not (wanted or is_smoke) or not collection_path.match("test_*.py"):
        return None
    return ("mark.smoke" if is_smoke else f'suite("{wanted}")') not in collection_path.read_text() or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted, is_smoke = config.getoption("--suite"), config.getoption("--smoke")
    if wanted and is_smoke:
        raise pytest.UsageError("--suite runs a suite, --smoke a little of every one: give one of them.")
    is_chosen = [_is_smoke(item) if is_smoke else _suite_of(item) == wanted for item in items]
    config.hook.pytest_deselected(items=[item for item, chosen in zip(items, is_chosen, strict=True) if not chosen])
    items[:] = [item for item, chosen in zip(items, is_chosen, strict=True) if chosen]
    if processes := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
        items[:] = dealt(items, processes, lambda item: str(item.path), _is_long)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the tests: tests of several programs wait for them a third of their time."""
    return core_count() + 1


def _is_long(item: pytest.Item) -> bool:
    return item.path.is_relative_to(LONG)


def _is_smoke(item: pytest.Item) -> bool:
    return item.get_closest_marker("smoke") is not None


def _suite_of(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("suite")
    if marker is None:
        return None
    name = str(marker.args[0])
    assert name in SUITES, f"{item.nodeid} is of a suite that does not exist: {name}"
    return name
