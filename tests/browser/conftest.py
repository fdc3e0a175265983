"""What tests of the page share: a Chromium, a real cluster with a gateway, and a page of it.

A browser lives as long as the module of tests: its event loop would be in the way of others in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import PLUGINS
from tests.waiting import PATIENCE_S
from tests.web.served import Served

from .chromium import NoChromium, chromium
from .looking import DESKTOP


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of this machine."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(chromium())
        except NoChromium as error:
            pytest.skip(str(error))
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of a cluster with two workers; `site.url` is its address, `site.cluster` the cluster. Filters can be
    held at gates (`tests/end_to_end/faults/plugins.py`)."""
    folder, plugins = tmp_path_factory.mktemp("site"), ("--plugins", str(PLUGINS))
    with LocalCluster(folder, workers=2, worker_arguments=plugins) as cluster, Served(cluster) as gateway:
        yield gateway


@pytest.fixture
def page(browser: Browser, site: Served) -> Iterator[Page]:
    """A tab that shows nothing yet; paths lead to the gateway. The test fails where the page raised an error, or wanted
    something that its policy forbids."""
    with browser.new_context(base_url=site.url, viewport=DESKTOP) as context:
        context.set_default_timeout(PATIENCE_S * 1000)
        tab = context.new_page()
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        yield tab
        assert not errors, errors
