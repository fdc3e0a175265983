"""A page that is used with the keyboard alone."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Page, expect

MAX_STEPS: Final = 200
"""Presses of the Tab key within which everything of a page is reached."""


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus.

    Raises:
        AssertionError: no way leads there.
    """
    expect(wanted).to_be_visible()
    for _ in range(MAX_STEPS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(node) => node === document.activeElement"):
            return
    raise AssertionError(f"no way leads to {wanted}")


def press(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus, and then Enter."""
    tab_to(page, wanted)
    page.keyboard.press("Enter")
