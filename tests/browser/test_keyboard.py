"""The whole way with the keyboard alone: a job is sent, followed and its result played; another one is cancelled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end import clips
from tests.web.served import Served

from . import scenes
from .choosing import choose_file
from .keyboard import press, tab_to

pytestmark = pytest.mark.suite("browser")


def test_a_job_is_sent_followed_and_its_result_played(page: Page, site: Served, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "holiday.mp4", frames=96)
    page.goto("/")
    press(page, page.get_by_role("link", name="Send", exact=True))
    expect(page.get_by_role("heading", name="Send", level=1)).to_be_visible()
    choose_file(page, lambda: press(page, page.get_by_role("button", name="Choose files …", exact=True)), clip)
    tab_to(page, page.get_by_role("searchbox", name="Search"))
    page.keyboard.type("sharper edges")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("The chain as text")).to_have_value("sharpen")
    press(page, page.get_by_role("button", name="Send", exact=True))
    expect(page).to_have_url(re.compile(r"/jobs/[^/]+$"))
    expect(page.get_by_text("Done", exact=True).first).to_be_visible()
    press(page, page.get_by_role("link", name="Watch sharpen"))
    expect(page).to_have_url(re.compile(r"/watch/sharpen$"))
    press(page, page.get_by_role("button", name="Play", exact=True))
    page.wait_for_function("() => [...document.querySelectorAll('video')].some((video) => video.currentTime > 0.5)")


def test_skipping_to_the_content_keeps_what_was_chosen(page: Page, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "chosen.mp4", frames=24)
    page.goto("/send")
    choose_file(page, page.get_by_role("button", name="Choose files …", exact=True).click, clip)
    expect(page.locator(".chosen")).to_contain_text("chosen.mp4")
    press(page, page.get_by_role("link", name="Skip to the content"))
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    expect(page.locator(".chosen")).to_contain_text("chosen.mp4")


def test_a_job_is_cancelled(page: Page, site: Served, tmp_path: Path) -> None:
    held = scenes.Held(site, tmp_path, "unwanted")
    try:
        page.goto("/")
        row = scenes.row(page, "unwanted.mp4")
        press(page, row.get_by_role("button", name="Cancel: unwanted.mp4"))
        expect(page.get_by_role("button", name="Keep it")).to_be_focused()
        press(page, page.get_by_role("button", name="Cancel the job"))
        expect(row.get_by_text("Cancelled", exact=True)).to_be_visible()
    finally:
        held.let_go()
