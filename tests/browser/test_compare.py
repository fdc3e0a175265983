"""Ways to do a job, compared on the page: on a real cluster and in processes of the gateway's machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.end_to_end import clips
from tests.waiting import until
from tests.web.served import Served

from . import scenes
from .looking import assert_accessible
from .tabs import hide, show

pytestmark = pytest.mark.suite("browser")

WAYS = ("Sequential", "Threads", "Processes", "Distributed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.moving(tmp_path_factory.mktemp("clips") / "crossing.mp4", frames=32, gop=8)


@pytest.fixture
def _stopped(site: Served) -> Iterator[None]:
    """The workers stand still."""
    with scenes.standing_still(site):
        yield


def fill(page: Page, clip: Path, *ways: str, filters: str = "blur") -> None:
    """Go to the form, and say what is compared."""
    page.goto("/compare")
    page.get_by_label("A video, or pictures").set_input_files(clip)
    page.get_by_label("Filters").fill(filters)
    page.get_by_label("To warm up").fill("0")
    page.get_by_label("Threads and processes").fill("2")
    for way in WAYS:
        page.get_by_role("checkbox", name=way).set_checked(way in (ways or WAYS))


def test_all_ways_are_compared_and_shown_again_after_a_load(page: Page, site: Served, clip: Path) -> None:
    fill(page, clip)
    page.get_by_label("Rounds").fill("2")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("All 8 results are equal")).to_be_visible()
    expect(page.get_by_role("rowheader")).to_have_text(WAYS)
    expect(page.locator(".compare-chart li")).to_have_count(4)
    expect(page.locator(".compare-chart rect.threads")).to_be_visible()
    assert_accessible(page)
    page.reload()
    expect(page.get_by_text("All 8 results are equal")).to_be_visible()
    expect(page.get_by_role("region", name="Earlier comparisons").get_by_role("link")).to_have_text(
        "crossing.mp4: blur:radius=7"
    )


@pytest.mark.usefixtures("_stopped")
def test_one_that_goes_on_is_followed_and_cancelled_with_the_keyboard(page: Page, site: Served, clip: Path) -> None:
    """The cluster's workers stand still, so it is at its second way for as long as somebody looks."""
    fill(page, clip, "Sequential", "Distributed", filters="flip")
    page.get_by_role("button", name="Compare").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Distributed: round 1 of 1")).to_be_visible()
    expect(page.locator(".compare-chart li")).to_have_count(1)
    expect(page.get_by_role("progressbar", name="Of all rounds")).to_have_attribute("aria-valuenow", "50")
    assert_accessible(page)
    page.goto("/compare")
    expect(page.get_by_text("Distributed: round 1 of 1")).to_be_visible()
    fill(page, clip)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Another comparison is under way")).to_be_visible()
    page.get_by_role("button", name="Cancel").focus()
    with page.expect_request(lambda request: request.method == "DELETE") as asked:
        page.keyboard.press("Enter")
    assert asked.value.url.endswith("?of=open"), "one that has just ended keeps its figures"
    expect(page.get_by_text("It was cancelled.")).to_be_visible()
    expect(page.get_by_role("heading", name="crossing.mp4: flip")).to_be_focused()
    assert_accessible(page)


def test_one_that_nobody_looks_at_is_followed_again_when_somebody_does(page: Page) -> None:
    """The gateway's answers about it are made here: it goes on until the test ends it."""
    path = "/api/comparisons/one"
    told = {
        "id": "one",
        "is_over": False,
        "state": "running",
        "source": "crossing.mp4",
        "filters": ["flip"],
        "modes": [],
    }
    told |= {"mode": "threads", "round": 1, "iterations": 1, "warm_ups": 0, "is_warm_up": False, "share": 0.5}
    told |= {"links": {"self": path, "events": f"{path}/events"}}
    streams: list[Route] = []

    def hold(route: Route) -> None:
        streams.append(route)

    page.route("**/api/comparisons", lambda route: route.fulfill(json={"comparisons": [told]}))
    page.route(f"**{path}", lambda route: route.fulfill(json=told))
    page.route(f"**{path}/events", hold)
    page.goto("/compare")
    button = page.get_by_role("button", name="Cancel")
    button.focus()
    until(lambda: streams, "its stream", turn=lambda: page.wait_for_timeout(20))
    with page.expect_event("requestfailed", lambda request: request == streams[0].request):
        hide(page)
    show(page)
    until(lambda: streams[1:], "another stream", turn=lambda: page.wait_for_timeout(20))
    expect(button).to_be_focused()
    hide(page)
    told |= {"is_over": True, "state": "cancelled", "reason": "It was cancelled"}
    show(page)
    expect(page.get_by_text("It was cancelled.")).to_be_visible()


def test_what_cannot_be_compared_is_said_beside_the_button(page: Page, clip: Path) -> None:
    fill(page, clip, filters="blurr")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text('did you mean "blur"?')).to_be_visible()
    for way in WAYS:
        page.get_by_role("checkbox", name=way).uncheck()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Choose at least one of the ways.")).to_be_visible()
    assert_accessible(page)


def test_a_source_that_cannot_be_read_is_told(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    fill(page, broken, "Sequential")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("alert").filter(has_text="this is not a media file")).to_be_visible()
    assert_accessible(page)
