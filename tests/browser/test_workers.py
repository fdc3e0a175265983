"""The workers on the page: who is there, who went and came back, and what jobs do without any."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end import clips
from tests.waiting import until
from tests.web.served import Served

from . import scenes
from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")


def test_a_killed_worker_disappears_and_comes_back(page: Page, site: Served) -> None:
    """Its parent, which starts another, is held meanwhile: so that it is gone is seen for sure."""
    page.goto("/workers")
    there = page.locator(".worker:not(.gone)")
    expect(there).to_have_count(2)
    parent = psutil.Process(site.cluster.processes["worker"].pid)
    child = site.cluster.worker_children()[0]
    parent.suspend()
    try:
        child.kill()
        expect(there).to_have_count(1)
        expect(page.locator(".worker.gone").get_by_text("Gone")).to_be_visible()
        assert_accessible(page)
    finally:
        parent.resume()
    expect(there).to_have_count(2)
    expect(page.locator(".worker.gone")).to_have_count(0)


def test_a_worker_tells_what_it_does(page: Page, site: Served, tmp_path: Path) -> None:
    held = scenes.Held(site, tmp_path, "shown")
    page.goto("/workers")
    try:
        expect(page.get_by_text("shown.mp4: computing").first).to_be_visible()
        assert_accessible(page)
    finally:
        held.let_go()
    site.ended(held.job)
    expect(page.get_by_text("It waits for work.")).to_have_count(2)


def test_a_job_without_workers_says_that_it_waits_for_one(page: Page, site: Served, tmp_path: Path) -> None:
    parent = site.cluster.processes["worker"]
    parent.terminate()
    until(lambda: parent.poll() is not None, "the end of the workers")
    page.goto("/workers")
    expect(page.locator(".worker:not(.gone)")).to_have_count(0)
    assert_accessible(page)
    site.put(clips.moving(tmp_path / "waiting.mp4", frames=48), filters="flip")
    page.goto("/")
    row = scenes.row(page, "waiting.mp4")
    expect(row.get_by_text("no worker is connected")).to_be_visible()
    expect(row.get_by_text("Waiting", exact=True)).to_be_visible()
    expect(page.get_by_text("No worker is connected: what is sent waits for one")).to_be_visible()
    assert_accessible(page)
    site.cluster.start("worker")
    expect(row.get_by_text("Done", exact=True)).to_be_visible()


def test_a_worker_is_drained_after_a_question(page: Page) -> None:
    page.goto("/workers")
    expect(page.locator(".worker:not(.gone)")).to_have_count(2)
    page.locator(".worker").first.get_by_role("button", name="Drain").click()
    assert_accessible(page)
    page.get_by_role("button", name="Drain it").click()
    expect(page.locator(".worker:not(.gone)")).to_have_count(1)
