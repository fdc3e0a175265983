"""How a test chooses a file where a page opens the system's dialog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ElementHandle, Page

CATCH = """
() => {
  window.fileInputAsked = null;
  document.addEventListener("click", (event) => {
    if (!event.target.matches("input[type=file]")) return;
    event.preventDefault();
    window.fileInputAsked = event.target;
  }, { capture: true });
}
"""
"""Notes the input whose dialog would open, and keeps it closed. Playwright can answer the dialog itself
(`expect_file_chooser`), but Chromium does not always tell it of one that a script opened."""


def choose_file(page: Page, ask: Callable[[], None], path: Path) -> None:
    """Choose a file as a person does: `ask` for the dialog, which is answered with the file.

    Raises:
        playwright.sync_api.TimeoutError: no dialog would have opened.
    """
    page.evaluate(CATCH)
    ask()
    asked = page.wait_for_function("() => window.fileInputAsked").as_element()
    assert isinstance(asked, ElementHandle)
    asked.set_input_files(path)
