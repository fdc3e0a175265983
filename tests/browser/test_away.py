"""The page while gateway or middleware are away: it says so, keeps what it showed, and goes on without a load."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.end_to_end import clips
from tests.waiting import until
from tests.web.served import Served

from . import scenes
from .choosing import choose_file
from .desk import choose, preview_of
from .looking import assert_accessible
from .tabs import hide, show

pytestmark = pytest.mark.suite("browser")

HASTY: Final = "AbortSignal.timeout = ((timeout) => (ms) => timeout(ms / 30))(AbortSignal.timeout.bind(AbortSignal));"
"""A page that waits for an answer a thirtieth of its time."""

CUT: Final = """() => {
  window.wholeAnswer = Response.prototype.arrayBuffer;
  Response.prototype.arrayBuffer = () => Promise.reject(new TypeError("network error"));
}"""
"""Cut each answer in its body."""

EVENT_MS: Final = 1000
"""In which an event reaches the page, and is answered there by another look."""


def test_a_gateway_that_restarts_is_met_again(page: Page, site: Served, tmp_path: Path) -> None:
    scenes.done(site, tmp_path, "before")
    page.goto("/")
    page.evaluate("window.isTheSame = true")
    expect(scenes.row(page, "before.mp4")).to_be_visible()
    site.cluster.kill(site.name)
    expect(page.get_by_role("alert")).to_contain_text("The gateway does not answer")
    expect(page.locator("#connection")).to_have_text("Away")
    expect(scenes.row(page, "before.mp4")).to_be_visible()
    assert_accessible(page)
    pages = page.get_by_role("navigation", name="Pages")
    for name in ("Compare", "Workers", "Send"):
        pages.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    site.__enter__()
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.get_by_role("button", name="Choose files …", exact=True)).to_be_visible()
    pages.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    scenes.done(site, tmp_path, "after")
    expect(scenes.row(page, "after.mp4").get_by_text("Done", exact=True)).to_be_visible()
    assert page.evaluate("window.isTheSame")


def test_a_middleware_that_restarts_is_met_again(page: Page, site: Served, tmp_path: Path) -> None:
    held = scenes.Held(site, tmp_path, "through")
    page.goto("/")
    page.evaluate("window.isTheSame = true")
    row = scenes.row(page, "through.mp4")
    expect(row.get_by_text("In work", exact=True)).to_be_visible()
    site.cluster.kill("middleware")
    expect(page.get_by_role("alert")).to_contain_text("The cluster does not answer")
    assert_accessible(page)
    site.cluster.start("middleware")
    expect(page.locator("#connection")).to_have_text("Live")
    held.let_go()
    expect(row.get_by_text("Done", exact=True)).to_be_visible()
    assert page.evaluate("window.isTheSame")


def test_a_page_that_is_loaded_while_the_cluster_is_away_comes_to_life_with_it(page: Page, site: Served) -> None:
    site.cluster.kill("middleware")
    page.goto("/")
    expect(page.get_by_text("The jobs are shown as soon as the cluster answers.")).to_be_visible()
    page.goto("/workers")
    expect(page.get_by_text("The workers are shown as soon as the cluster answers.")).to_be_visible()
    assert_accessible(page)
    site.cluster.start("middleware")
    expect(page.locator(".worker:not(.gone)")).to_have_count(2)


def test_an_answer_that_never_comes_is_given_up(page: Page) -> None:
    page.add_init_script(HASTY)
    page.route("**/api/workers", lambda _: None)
    page.goto("/workers")
    expect(page.get_by_role("alert")).to_contain_text("The gateway does not answer")
    page.unroute("**/api/workers")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator(".worker:not(.gone)")).to_have_count(2)


def test_news_that_cannot_be_read_at_once_are_read_later(page: Page, site: Served, tmp_path: Path) -> None:
    held = scenes.Held(site, tmp_path, "later")
    page.goto(f"/jobs/{held.job['id']}/watch/{held.job['progress']['outputs'][0]}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("of later.mp4")
    expect(page.locator("#connection")).to_have_text("Live")
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=504, json={"detail": "The cluster has not answered in time", "code": "timeout"})

    record = f"**/api/jobs/{held.job['id']}"
    page.route(record, refuse)
    held.let_go()
    site.ended(held.job)
    until(lambda: refused, "a look at the job that has ended", turn=lambda: page.wait_for_timeout(50))
    page.wait_for_timeout(EVENT_MS)
    page.unroute(record)
    page.wait_for_function("() => document.querySelector('video.player-after').readyState >= 2")
    expect(page.locator(".player-hint")).not_to_contain_text("can be watched already")  # said of a job that runs


def test_a_file_that_could_not_be_shown_for_a_while_is_read_again(page: Page, site: Served, tmp_path: Path) -> None:
    page.goto(f"/jobs/{scenes.table(site, tmp_path)['id']}")
    button = page.get_by_role("button", name="Show as a table: post_2000_results.json")
    page.evaluate(CUT)
    button.click()
    opened = page.locator(".opened:not([hidden])")
    expect(opened).to_contain_text("The gateway does not answer. Hide this, and show it again.")
    button.click()
    page.evaluate("() => { Response.prototype.arrayBuffer = window.wholeAnswer; }")
    button.click()
    expect(page.get_by_role("region", name="Table of movies")).to_be_visible()
    button.click()
    button.click()
    expect(page.get_by_role("region", name="Table of movies")).to_be_visible()
    expect(page.get_by_role("region", name="Table of movies")).to_have_count(1)


def test_a_preview_is_made_when_the_gateway_is_back(page: Page, tmp_path: Path) -> None:
    page.goto("/send")
    clip = clips.moving(tmp_path / "clip.mp4", frames=24)
    choose_file(page, page.get_by_role("button", name="Choose files …", exact=True).click, clip)
    page.route("**/api/previews", lambda route: route.abort())
    choose(page, "blur")
    expect(page.locator(".preview")).to_contain_text("The gateway does not answer")
    page.unroute("**/api/previews")
    expect(preview_of(page).first).to_be_visible()


def test_notes_that_could_not_be_read_are_read_when_the_page_is_back(page: Page, site: Served, tmp_path: Path) -> None:
    job = scenes.done(site, tmp_path, "noted", "noted=metadata")
    page.route("**/noted.annotations.jsonl", lambda route: route.fulfill(status=503, json={"detail": "It is away."}))
    page.goto(f"/jobs/{job['id']}/watch/noted")
    expect(page.get_by_text("Boxes and cuts cannot be read: It is away.")).to_be_visible()
    page.unroute("**/noted.annotations.jsonl")
    hide(page)
    show(page)
    expect(page.locator(".player-notes")).to_contain_text("metadata: ")
