"""The Chromium of this machine: tests download none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, expect, sync_playwright

from tests.waiting import PATIENCE_S

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
"""What it is called where a system installs it."""


class NoChromium(Exception):
    """There is none on this machine; the text is a sentence."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give the block a headless browser, for whose pages `expect` waits as long as `until`. Raises NoChromium."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoChromium(f"there is no Chromium on this machine: none of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield running
        finally:
            running.close()
