"""What tests of the page share: a Chromium, a real cluster with a gateway, and a page of it.

A browser lives as long as the module of tests: its event loop would be in the way of others in the same process.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.end_to_end.cluster import LocalCluster
from tests.waiting import PATIENCE_S
from tests.web.served import Served

from .looking import DESKTOP

CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")
"""What a Chromium is called where a system installs it: the tests download none."""

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of this machine."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip(f"there is no Chromium on this machine: none of {', '.join(CHROMIUMS)}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of a cluster with two workers; `site.url` is its address, `site.cluster` the cluster."""
    with LocalCluster(tmp_path_factory.mktemp("site"), workers=2) as cluster, Served(cluster) as gateway:
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
