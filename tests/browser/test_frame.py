"""The page's frame: it loads, shows each address, and is live."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.served import Served

from . import scenes
from .looking import assert_accessible
from .tabs import hide, show

pytestmark = pytest.mark.suite("browser")

CONNECTIONS: Final = 6
"""That a browser has to a host, for all of its tabs together."""


@pytest.mark.smoke
def test_the_page_is_there_and_live(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(page.locator("#connection")).to_have_text("Live")


def test_links_lead_to_each_page_and_back_without_a_load(page: Page) -> None:
    page.goto("/")
    page.evaluate("window.isTheSame = true")
    for name in ("Send", "Workers", "Compare", "Jobs"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page).to_have_title(f"{name} · Moviola")
    page.go_back()
    expect(page).to_have_title("Compare · Moviola")
    assert page.evaluate("window.isTheSame")


@pytest.mark.parametrize("path", ["/", "/send", "/workers", "/compare"])
def test_axe_finds_nothing_in_an_empty_cluster(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")
    assert_accessible(page)


def test_a_link_that_is_followed_while_the_page_begins_is_shown_once(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/session", hold)
    page.goto("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")
    page.evaluate("() => { document.querySelector('h1').isTheSame = true; }")
    held[0].continue_()
    expect(page.locator("#connection")).to_have_text("Live")
    assert page.evaluate("() => document.querySelector('h1').isTheSame")


def test_more_tabs_than_connections_are_all_current(page: Page, site: Served, tmp_path: Path) -> None:
    tabs = [page, *(page.context.new_page() for _ in range(CONNECTIONS))]
    for tab in tabs:
        tab.goto("/")
        expect(tab.locator("#connection")).to_have_text("Live")
        hide(tab)
    scenes.done(site, tmp_path, "meanwhile")
    assert scenes.row(page, "meanwhile.mp4").count() == 0
    show(page)
    expect(scenes.row(page, "meanwhile.mp4").get_by_text("Done", exact=True)).to_be_visible()
    scenes.done(site, tmp_path, "afterwards")
    expect(scenes.row(page, "afterwards.mp4").get_by_text("Done", exact=True)).to_be_visible()
