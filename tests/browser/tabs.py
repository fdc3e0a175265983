"""Tabs that nobody looks at: a headless browser takes all of its tabs for seen."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

TURN: Final = """
(isHidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, value: isHidden });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


def hide(page: Page) -> None:
    """Look at another tab."""
    page.evaluate(TURN, True)


def show(page: Page) -> None:
    """Look at this tab again."""
    page.evaluate(TURN, False)
