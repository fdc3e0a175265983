"""What people do on the view that sends: drop files, choose filters, wait for the preview."""

from __future__ import annotations

import base64
import re
from typing import Final

from playwright.sync_api import Locator, Page, expect

DROP: Final = """
([zone, files]) => {
  const dropped = new DataTransfer();
  for (const { name, type, data } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    dropped.items.add(new File([bytes], name, { type }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: dropped, bubbles: true, cancelable: true }));
  }
}
"""


def drop(page: Page, *files: tuple[str, str, bytes]) -> None:
    """Drop files, each (name, media type, content), into the zone."""
    told = [{"name": name, "type": kind, "data": base64.b64encode(data).decode()} for name, kind, data in files]
    zone = page.locator(".drop").element_handle()
    page.evaluate(DROP, [zone, told])


def choose(page: Page, *filters: str) -> None:
    """Choose filters by their cards."""
    for name in filters:
        page.locator(".filter-card").filter(has=page.get_by_text(name, exact=True)).click()


def preview_of(page: Page) -> Locator:
    """The pictures of the preview, once it is made."""
    expect(page.get_by_text(re.compile(r"Made in [0-9.]+ s"))).to_be_visible()
    expect(page.locator(".preview")).not_to_have_attribute("aria-busy", "true")
    return page.locator(".preview img")
