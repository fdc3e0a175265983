"""The page of a gateway with users: nothing is shown before the login, and nothing of others after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from moviola.web.users import Role, add_user
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.web.served import Served

from . import scenes
from .late import Late
from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")


class Users(NamedTuple):
    """The tokens of two users."""

    anna: str
    bob: str


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Users]:
    path = tmp_path_factory.mktemp("users") / "users.json"
    return path, Users(add_user(path, "anna", Role.USER, 0), add_user(path, "bob", Role.USER, 0))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, users: tuple[Path, Users]) -> Iterator[Served]:
    """A gateway with users."""
    folder = tmp_path_factory.mktemp("site")
    with LocalCluster(folder, workers=1) as cluster, Served(cluster, "web", "--users", str(users[0])) as gateway:
        yield gateway


def log_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def test_who_logs_in_sees_their_own_jobs_and_nobody_elses(
    page: Page, site: Served, users: tuple[Path, Users], tmp_path: Path
) -> None:
    ids = {}
    for name, token in users[1]._asdict().items():
        site.client.headers["Authorization"] = f"Bearer {token}"
        clip = clips.moving(tmp_path / f"of-{name}.mp4", frames=16)
        ids[name] = site.ended(site.put(clip, filters="edges"))["id"]
    page.goto(f"/jobs/{ids['anna']}")
    expect(page).to_have_url(f"{site.url}/login?to=%2Fjobs%2F{ids['anna']}")
    assert_accessible(page)
    log_in(page, users[1].anna)
    expect(page.get_by_role("heading", name="of-anna.mp4")).to_be_visible()
    with page.expect_download() as download:  # files come by the cookie alone
        page.get_by_role("link", name="Download edges.mp4").click()
    assert download.value.path().stat().st_size > 0
    page.get_by_role("link", name="All jobs").click()
    expect(scenes.row(page, "of-anna.mp4")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")  # so does the stream of events
    expect(scenes.row(page, "of-bob.mp4")).to_have_count(0)
    page.goto(f"/jobs/{ids['bob']}")
    expect(page.get_by_role("heading", name="No such job")).to_be_visible()
    page.goto("/")
    scenes.row(page, "of-anna.mp4").get_by_role("button", name="Forget").click()  # what changes something, too
    page.get_by_role("button", name="Forget it").click()
    expect(scenes.row(page, "of-anna.mp4")).to_have_count(0)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_an_answer_for_who_has_logged_out_is_shown_to_nobody(
    page: Page, site: Served, users: tuple[Path, Users], tmp_path: Path
) -> None:
    site.client.headers["Authorization"] = f"Bearer {users[1].anna}"
    site.put(clips.moving(tmp_path / "secret.mp4", frames=16), filters="edges")
    answer = Late(page, "**/api/jobs?limit=*")
    page.goto("/login")
    log_in(page, users[1].anna)
    answer.made()
    page.get_by_role("button", name="Log out").click()
    log_in(page, users[1].bob)
    expect(page.locator("#connection")).to_have_text("Live")
    answer.let_go()
    page.wait_for_timeout(200)  # in which it would be drawn
    expect(scenes.row(page, "secret.mp4")).to_have_count(0)


def test_a_wrong_token_is_refused_in_a_sentence(page: Page, site: Served) -> None:
    page.goto("/login")
    log_in(page, "nonsense")
    expect(page.get_by_role("alert")).to_contain_text("This token is not known here")
    assert_accessible(page)


def test_a_session_holds_after_the_gateway_has_restarted(page: Page, site: Served, users: tuple[Path, Users]) -> None:
    page.goto("/login")
    log_in(page, users[1].bob)
    expect(page.locator("#connection")).to_have_text("Live")
    site.cluster.kill(site.name)
    expect(page.locator("#connection")).to_have_text("Away")
    site.__enter__()
    expect(page.locator("#connection")).to_have_text("Live")
    page.reload()
    expect(page.get_by_text("bob", exact=True)).to_be_visible()
