"""The jobs on the page: live from the upload to the end, and what can be done with each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.end_to_end import clips
from tests.waiting import until
from tests.web.served import Served

from . import scenes
from .late import Late
from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")

Hold = Callable[[str], scenes.Held]


@pytest.fixture
def hold(site: Served, tmp_path: Path) -> Iterator[Hold]:
    """Begins a job that goes on until it is let go, or the test ends."""
    with ExitStack() as stack:

        def begin(name: str) -> scenes.Held:
            held = scenes.Held(site, tmp_path, name)
            stack.callback(held.let_go)
            return held

        yield begin


EVENT_MS = 1000
"""In which an event reaches the page, and is answered there by another look."""


def is_between(page: Page, name: str) -> None:
    """Wait until a job's bar is neither at its beginning nor at its end."""
    page.wait_for_function(
        "name => { const bar = document.querySelector(`[role=progressbar][aria-label='Progress of ${name}']`);"
        " const now = Number(bar?.getAttribute('aria-valuenow')); return now > 0 && now < 100; }",
        arg=name,
    )


def test_a_real_clip_comes_and_moves_to_its_end_without_a_load(page: Page, site: Served, tmp_path: Path) -> None:
    page.goto("/")
    expect(page.locator("#connection")).to_have_text("Live")
    page.evaluate("window.isTheSame = true")
    held = scenes.Held(site, tmp_path, "film", clips.film())
    row = scenes.row(page, "film.mp4")
    expect(row.get_by_text("In work", exact=True)).to_be_visible()
    is_between(page, "film.mp4")
    held.let_go()
    expect(row.get_by_text("Done", exact=True)).to_be_visible()
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "100 %")
    expect(row.locator(".thumbnail video, .thumbnail svg")).to_have_count(1)
    assert page.evaluate("window.isTheSame")


def test_an_answer_that_comes_late_undoes_nothing(page: Page, site: Served, hold: Hold, tmp_path: Path) -> None:
    held, gone = hold("late"), scenes.done(site, tmp_path, "gone")
    answer = Late(page, "**/api/jobs?limit=*")
    page.goto("/")
    answer.made()
    held.let_go()
    site.ended(held.job)
    assert site.client.delete(gone["links"]["self"]).json()["done"] == "forgotten"
    page.wait_for_timeout(EVENT_MS)
    answer.let_go()
    expect(scenes.row(page, "late.mp4").get_by_text("Done", exact=True)).to_be_visible()
    expect(scenes.row(page, "gone.mp4")).to_have_count(0)


def test_an_older_look_at_a_job_undoes_nothing_and_a_failed_one_is_made_good(
    page: Page, site: Served, hold: Hold
) -> None:
    held = hold("looked-at")
    page.goto(f"/jobs/{held.job['id']}")
    state = page.locator(".head .badge")
    expect(state).to_have_text("In work")
    record = f"**/api/jobs/{held.job['id']}"
    page.route(record, lambda route: route.fulfill(status=500, json={"detail": "Something broke"}))
    expect(page.get_by_text("Something broke")).to_be_visible()
    page.unroute(record)
    page.get_by_role("button", name="Ask again").click()
    expect(state).to_have_text("In work")
    answer = Late(page, record)
    answer.made()
    held.let_go()
    site.ended(held.job)
    expect(page.get_by_role("link", name="Download", exact=False).first).to_be_visible()
    answer.let_go()
    page.wait_for_timeout(EVENT_MS / 2)
    assert state.text_content() == "Done"


def test_a_table_that_changes_keeps_who_reads_it(page: Page, hold: Hold) -> None:
    job, looks = hold("read").job, itertools.count(500)

    def hurry(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for worker in told["workers"]:
            worker["frames_per_s"] = next(looks)
        route.fulfill(response=answer, json=told)

    page.route(f"**/api/jobs/{job['id']}", hurry)
    page.goto(f"/jobs/{job['id']}")
    region = page.get_by_role("region", name="Workers of this job, as a table")
    expect(region).to_contain_text(re.compile(r"5\d\d/s"))
    region.focus()
    before = region.text_content() or ""
    for _ in range(2):
        expect(region).not_to_have_text(before)
        before = region.text_content() or ""
    expect(region).to_be_focused()


def test_a_button_of_an_empty_list_stays_while_jobs_change(page: Page, hold: Hold) -> None:
    page.goto("/")
    page.get_by_label("Find by name").fill("nothing like it")
    button = page.get_by_role("button", name="Show all jobs")
    button.focus()
    every = page.get_by_role("button", name="All")
    before = every.first.text_content() or ""
    hold("elsewhere")
    expect(every.first).not_to_have_text(before)
    expect(button).to_be_focused()


def test_who_has_left_a_job_that_is_forgotten_stays_where_they_are(page: Page, site: Served, tmp_path: Path) -> None:
    job = scenes.done(site, tmp_path, "left")
    held: list[Route] = []

    def hold_deletion(route: Route) -> None:
        if route.request.method == "DELETE":
            held.append(route)
        else:
            route.continue_()

    page.route(f"**/api/jobs/{job['id']}*", hold_deletion)
    page.goto(f"/jobs/{job['id']}")
    page.get_by_role("button", name="Forget: left.mp4").click()
    page.get_by_role("button", name="Forget it").click()
    until(lambda: held, "the request", turn=lambda: page.wait_for_timeout(20))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Workers").click()
    expect(page).to_have_title("Workers · Moviola")
    held[0].continue_()
    expect(page.locator(".saying")).to_be_visible()
    assert page.title() == "Workers · Moviola"


def test_a_job_is_cancelled_after_a_question(page: Page, hold: Hold) -> None:
    hold("cancelled")
    page.goto("/")
    row = scenes.row(page, "cancelled.mp4")
    button = row.get_by_role("button", name="Cancel: cancelled.mp4")
    button.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    assert_accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(row.get_by_text("Cancelled", exact=True)).to_be_visible()
    row.get_by_role("button", name="Forget: cancelled.mp4").click()
    page.get_by_role("button", name="Forget it").click()
    expect(row).to_have_count(0)


def test_a_job_that_ends_while_the_question_stands_is_not_forgotten(page: Page, site: Served, hold: Hold) -> None:
    held = hold("overtaken")
    page.goto("/")
    row = scenes.row(page, "overtaken.mp4")
    row.get_by_role("button", name="Cancel: overtaken.mp4").click()
    held.let_go()
    site.ended(held.job)
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text("only a job that is not over can be cancelled")).to_be_visible()
    expect(row.get_by_text("Done", exact=True)).to_be_visible()
    assert site.get(held.job["links"]["self"])["files"]


def test_a_job_that_was_forgotten_elsewhere_is_gone_after_a_load(page: Page, site: Served, tmp_path: Path) -> None:
    job = scenes.done(site, tmp_path, "forgotten-elsewhere")
    scenes.done(site, tmp_path, "another")
    page.goto("/")
    expect(scenes.row(page, "forgotten-elsewhere.mp4")).to_be_visible()
    assert site.cluster.run("client.jobs", "forget", job["id"]).returncode == 0
    expect(scenes.row(page, "forgotten-elsewhere.mp4")).to_have_count(0)  # the gateway has heard of it
    page.reload()
    expect(scenes.row(page, "another.mp4")).to_be_visible()
    expect(scenes.row(page, "forgotten-elsewhere.mp4")).to_have_count(0)


def test_a_job_is_paused_given_another_priority_and_goes_on(page: Page, hold: Hold) -> None:
    held = hold("paused")
    page.goto("/")
    row = scenes.row(page, "paused.mp4")
    row.get_by_role("button", name="Pause: paused.mp4").click()
    expect(row.get_by_text("Paused", exact=True)).to_be_visible()
    row.get_by_role("button", name="Priority: paused.mp4").click()
    page.get_by_label("Priority", exact=True).fill("7")
    page.get_by_role("button", name="Change it").click()
    expect(row.get_by_text("priority 7")).to_be_visible()
    row.get_by_role("button", name="Resume: paused.mp4").click()
    held.let_go()
    expect(row.get_by_text("Done", exact=True)).to_be_visible()


def test_a_cancelled_job_that_is_tried_again_says_what_it_waits_for(page: Page, hold: Hold, site: Served) -> None:
    job = hold("again").job
    assert site.client.delete(job["links"]["self"]).status_code == 200
    page.goto(f"/jobs/{job['id']}")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("submit the same file again")).to_be_visible()
    expect(page.get_by_text("Waiting", exact=True).first).to_be_visible()


def test_the_list_is_filtered_by_state_and_by_name(page: Page, site: Served, tmp_path: Path) -> None:
    scenes.failed(site, tmp_path, "bad")
    scenes.done(site, tmp_path, "good")
    page.goto("/")
    expect(scenes.row(page, "good.mp4")).to_be_visible()
    page.get_by_role("button", name="Failed").click()
    expect(scenes.row(page, "good.mp4")).to_have_count(0)
    expect(scenes.row(page, "bad.mp4").get_by_text("is not to my taste")).to_be_visible()
    page.reload()
    expect(scenes.row(page, "bad.mp4")).to_be_visible()
    expect(scenes.row(page, "good.mp4")).to_have_count(0)
    page.get_by_label("Find by name").fill("nothing like it")
    page.get_by_role("button", name="Show all jobs").click()
    expect(scenes.row(page, "good.mp4")).to_be_visible()
    assert_accessible(page)


def test_a_job_that_failed_says_why_and_one_that_is_done_has_its_files(
    page: Page, site: Served, tmp_path: Path
) -> None:
    page.goto(f"/jobs/{scenes.failed(site, tmp_path, 'why')['id']}")
    expect(page.get_by_text("frame 20 is not to my taste").first).to_be_visible()
    expect(page.get_by_role("heading", name="Failures")).to_be_visible()
    expect(page.get_by_role("img", name="2 tasks tried again")).to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("region", name="Tasks as a table").get_by_text("tried again")).to_have_count(2)
    assert_accessible(page)
    page.goto(f"/jobs/{scenes.done(site, tmp_path, 'files')['id']}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download edges.mp4").click()
    assert download.value.path().stat().st_size > 0
    page.get_by_role("button", name="Show: edges.metrics.json").click()
    expect(page.get_by_role("region", name="edges.metrics.json")).to_contain_text('"digest"')
    assert_accessible(page)


def test_a_table_is_shown_as_a_table_and_pictures_as_a_gallery(page: Page, site: Served, tmp_path: Path) -> None:
    page.goto(f"/jobs/{scenes.table(site, tmp_path)['id']}")
    page.get_by_role("button", name="Show as a table: post_2000_results.json").click()
    movies = page.get_by_role("region", name="Table of movies")
    expect(movies.get_by_role("columnheader", name="title", exact=True)).to_be_visible()
    expect(movies.get_by_role("row")).not_to_have_count(1)
    assert_accessible(page)
    page.goto(f"/jobs/{scenes.pictures(site, tmp_path)['id']}")
    page.get_by_role("button", name="Show the pictures").click()
    first = page.get_by_role("img", name="one.png")
    expect(first).to_be_visible()
    page.wait_for_function("() => document.querySelector('.gallery img').naturalWidth > 0")
    assert_accessible(page)


def test_a_job_that_is_not_there_says_so(page: Page) -> None:
    page.goto("/jobs/none")
    expect(page.get_by_role("heading", name="No such job")).to_be_visible()
    assert_accessible(page)
