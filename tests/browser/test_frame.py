"""The page's frame: it loads, shows each address, and is live."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")


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
