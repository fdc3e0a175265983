"""The page while gateway or middleware are away: it says so, keeps what it showed, and goes on without a load."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.served import Served

from . import scenes
from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")


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
    site.__enter__()
    expect(page.locator("#connection")).to_have_text("Live")
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
