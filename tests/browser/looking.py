"""How tests look at a page: in both colour schemes, at a desk and on a phone, as people who see it and as axe does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

Scheme = Literal["light", "dark"]

SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")

DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
SIZES: Final = {"desktop": DESKTOP, "phone": PHONE}


def assert_accessible(page: Page) -> None:
    """Let axe look at a page as it is, in light and dark, at a desk and on a phone, and find nothing.

    Raises:
        AssertionError: axe has found something, which is told, or the page is wider than the phone.
    """
    found: list[str] = []
    for size, scheme in _looks(page):
        for violation in Axe().run(page).response["violations"]:
            places = [
                f"  {' '.join(map(str, node['target']))}: {node['failureSummary']}" for node in violation["nodes"]
            ]
            found.append("\n".join([f"{page.url}, {size}, {scheme}: {violation['id']}: {violation['help']}", *places]))
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > SIZES[size]["width"]:
            found.append(f"{page.url}, {size}, {scheme}: {width} px wide")
    assert not found, "\n\n".join(found)


def shoot(page: Page, folder: Path, name: str, *, is_whole: bool = True) -> None:
    """Take pictures of a page as it is, in light and dark, at a desk and on a phone, each as long as the page is.

    Args:
        page: to look at.
        folder: gets `NAME-SIZE-SCHEME.png`.
        name: of the page and its state.
        is_whole: also what is below the window; not where a dialog covers the window alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for size, scheme in _looks(page):
        page.evaluate("() => scrollTo(0, 0)")  # where the page's head belongs
        page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=is_whole)


def _looks(page: Page) -> Iterator[tuple[str, Scheme]]:
    with _as_before(page):
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                yield size, scheme


@contextmanager
def _as_before(page: Page) -> Iterator[None]:
    before = page.viewport_size
    try:
        yield
    finally:
        if before is not None:
            page.set_viewport_size(before)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
