"""Takes pictures of every page and state, from real clusters: `python -m tests.browser.screenshots FOLDER`.

Each is taken at a desk and on a phone, in light and dark. They are for looking at: nothing compares them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect

from moviola.web.users import Role, add_user
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import PLUGINS
from tests.waiting import until
from tests.web.served import Served

from . import scenes
from .chromium import chromium
from .desk import choose, drop, preview_of
from .looking import DESKTOP, shoot

LONG_MS: Final = 300_000
"""How long a comparison may take on a busy machine."""

COPIES: Final = 20
"""Of the film, one behind the other: a job that goes on while pictures of it are taken."""

MANY: Final = 30
"""Workers of the picture with many."""


class Studio:
    """Where pictures are taken.

    Args:
        browser: that shows the pages.
        folder: gets the pictures.
        scratch: for clips and clusters.
    """

    def __init__(self, browser: Browser, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch
        self._browser = browser

    @contextmanager
    def site(
        self, name: str, workers: int = 2, *arguments: str, plugins: bool = False
    ) -> Iterator[tuple[Served, Page]]:
        """Give the block a gateway of a new cluster, whose workers have filters that misbehave where `plugins` says so,
        and a tab of it."""
        place = self.scratch / name
        place.mkdir()
        worker_arguments = ("--plugins", str(PLUGINS)) if plugins else ()
        with (
            LocalCluster(place, workers=workers, worker_arguments=worker_arguments) as cluster,
            Served(cluster, "web", *arguments) as site,
            self._browser.new_context(base_url=site.url, viewport=DESKTOP) as context,
        ):
            yield site, context.new_page()

    def shoot(self, page: Page, name: str, *, is_whole: bool = True) -> None:
        """Take the pictures of a page as it is, with what is below the window."""
        print(name, flush=True)
        shoot(page, self.folder, name, is_whole=is_whole)


def live(page: Page, path: str) -> None:
    """Go to a page, and wait until it is current."""
    page.goto(path)
    expect(page.locator("#connection")).to_have_text("Live")


def empty(studio: Studio) -> None:
    """A cluster without jobs and workers."""
    with studio.site("empty", 0) as (_, page):
        for path, name in (
            ("/", "jobs-empty"),
            ("/workers", "workers-none"),
            ("/send", "send"),
            ("/compare", "compare"),
        ):
            live(page, path)
            studio.shoot(page, name)


def busy(studio: Studio) -> None:
    """Jobs in every state, each one's page, the workers at work, and then all of it away."""
    with studio.site("busy", plugins=True) as (site, page):
        folder = studio.scratch
        of = {
            "table": scenes.table(site, folder),
            "pictures": scenes.pictures(site, folder),
            "failed": scenes.failed(site, folder, "crossing road"),
            "partial": scenes.partial(site, folder, "evening sky"),
            "done": site.ended(site.put(clips.film(), "big buck bunny.mp4", filters=["edges", "blur"])),
        }
        cancelled, paused = (scenes.Held(site, folder, name) for name in ("garden", "harbour"))
        site.client.delete(cancelled.job["links"]["self"])
        site.client.post(f"{paused.job['links']['self']}/pause")
        for held in (cancelled, paused):
            held.let_go()  # so that the workers are free again
        running = site.put(clips.film_times(COPIES), "long film.mp4", filters=["blur:radius=25", "edges"])
        live(page, "/")
        expect(scenes.row(page, "long film.mp4").get_by_text("frames/s")).to_be_visible()
        page.wait_for_function("() => document.querySelector('.thumbnail video')?.readyState >= 2")
        studio.shoot(page, "jobs")
        live(page, "/workers")
        expect(page.get_by_text("long film.mp4: computing").first).to_be_visible()
        studio.shoot(page, "workers")
        live(page, f"/jobs/{running['id']}")
        expect(page.get_by_text("frames/s").first).to_be_visible()
        studio.shoot(page, "job-running")
        site.client.delete(running["links"]["self"])
        for name, job in of.items():
            live(page, f"/jobs/{job['id']}")
            expect(page.get_by_role("heading", name=job["name"])).to_be_visible()
            for button in page.get_by_role("button", name="Show").all()[:1] if name in ("table", "pictures") else []:
                button.click()
                expect(page.get_by_text("All", exact=False).or_(page.get_by_text("The first")).first).to_be_visible()
            page.wait_for_function("() => [...document.images].every((image) => image.complete)")
            studio.shoot(page, f"job-{name}")
        live(page, f"/jobs/{paused.job['id']}")
        page.get_by_role("button", name="Cancel").click()
        studio.shoot(page, "job-cancel", is_whole=False)
        page.keyboard.press("Escape")
        live(page, "/jobs/none")
        studio.shoot(page, "job-none")
        live(page, "/")
        site.cluster.kill("middleware")
        expect(page.get_by_role("alert")).to_be_visible()
        studio.shoot(page, "jobs-away")
        page.reload()
        expect(page.get_by_text("as soon as the cluster answers")).to_be_visible()
        studio.shoot(page, "jobs-never-read")


def users(studio: Studio) -> None:
    """A gateway with users."""
    path = studio.scratch / "users.json"
    token = add_user(path, "anna", Role.USER, 0)
    with studio.site("users", 1, "--users", str(path)) as (_, page):
        page.goto("/login")
        expect(page.get_by_label("Token")).to_be_visible()
        studio.shoot(page, "login")
        page.get_by_label("Token").fill("nonsense")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        studio.shoot(page, "login-refused")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#connection")).to_have_text("Live")
        studio.shoot(page, "jobs-of-a-user")


def many(studio: Studio) -> None:
    """As many workers as fill a page."""
    with studio.site("many", MANY) as (_, page):
        live(page, "/workers")
        expect(page.locator(".worker")).to_have_count(MANY)
        studio.shoot(page, "workers-many")


def sending(studio: Studio) -> None:
    """The view that sends: a full desk, tables, what is refused, and an upload that is cut."""
    with studio.site("sending", 1) as (_, page):
        live(page, "/send")
        film = clips.film()
        drop(page, (film.name, "video/mp4", film.read_bytes()))
        choose(page, "blur", "watermark")
        preview_of(page)
        page.get_by_role("button", name="Add an output").click()
        choose(page, "edges")
        preview_of(page)
        studio.shoot(page, "send-video")
        books = "".join(f"book {number},{number * 10}\n" for number in range(60))
        drop(page, ("books.csv", "text/csv", f"title,pages\n{books}".encode()), ("notes.txt", "text/plain", b"hello"))
        page.get_by_role("button", name="Remove this output").click()
        page.get_by_label("The chain as text").fill("where:column=pages:min=300")
        expect(page.get_by_role("heading", name="books.csv: 30 records are kept")).to_be_visible()
        studio.shoot(page, "send-table")
        page.route("**/api/jobs/*", lambda route: route.abort("connectionreset"))
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("The connection was cut")).to_be_visible()
        studio.shoot(page, "send-cut")


def comparing(studio: Studio) -> None:
    """A comparison while it goes on, when it was cancelled, when it has ended, and one that cannot be."""
    clip = clips.moving(studio.scratch / "crossing.mp4", frames=96, size=(640, 360))
    with studio.site("comparing") as (site, page):
        with scenes.standing_still(site):
            fill_comparison(page, clip, "edges", "Sequential", "Distributed")
            page.get_by_role("button", name="Compare").click()
            expect(page.get_by_text("Distributed: round 1 of 2")).to_be_visible()
            studio.shoot(page, "compare-running")
            page.get_by_role("button", name="Cancel").click()
            expect(page.get_by_text("It was cancelled.")).to_be_visible()
            studio.shoot(page, "compare-cancelled")
        fill_comparison(page, clip, "blur:radius=9", "Sequential", "Threads", "Processes", "Distributed")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("All 8 results are equal")).to_be_visible(timeout=LONG_MS)
        studio.shoot(page, "compare-done")
        fill_comparison(page, clip, "blurr", "Threads")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("did you mean")).to_be_visible()
        studio.shoot(page, "compare-refused")


def watching(studio: Studio) -> None:
    """The player: two outputs side by side, boxes and cuts, what does not play, and a job that is held."""
    with studio.site("watching", plugins=True) as (site, page):
        film = clips.film_times(3)
        live(page, watch_path(site.ended(site.put(film, "film.mp4", filters=["edges", "source=identity"])), "edges"))
        page.evaluate(SEEK, 3)
        expect(page.get_by_role("slider", name="Divider")).to_be_visible()
        settle(page)
        studio.shoot(page, "watch-compared")
        live(page, watch_path(site.ended(site.put(film, "film.mp4", filters="seen=metadata,motion")), "seen"))
        page.evaluate(SEEK, 3)
        on = page.get_by_role("button", name="Frame on")
        until(lambda: page.locator(".player-box").count() > 0, "something that moves", turn=on.click)
        settle(page)
        studio.shoot(page, "watch-boxes")
        none = site.ended(site.put(clips.film(), "film.mp4", filters="blur", codec="ffv1"))
        live(page, watch_path(none, "blur"))
        expect(page.get_by_role("link", name="Get the finished file")).to_be_visible()
        studio.shoot(page, "watch-refused")
        gate = studio.scratch / "watching.gate"
        held = site.put(film, "film.mp4", filters=f"soft=blur:radius=9,gate:frame=132:path={gate}")
        live(page, watch_path(held, "soft"))
        settle(page)
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_text("Waiting for frames")).to_be_visible()
        studio.shoot(page, "watch-waiting")
        gate.touch()


SEEK: Final = "time => { for (const one of document.querySelectorAll('video')) one.currentTime = time; }"


def watch_path(job: dict[str, Any], output: str) -> str:
    """Where the page plays an output."""
    return f"/jobs/{job['id']}/watch/{output}"


def settle(page: Page) -> None:
    """Wait until each picture that is shown is there, where it is wanted."""
    there = "[...document.querySelectorAll('video:not([hidden])')].every(one => one.readyState >= 2 && !one.seeking)"
    until(lambda: bool(page.evaluate(there)), "pictures", turn=lambda: page.wait_for_timeout(50))


def fill_comparison(page: Page, clip: Path, filters: str, *ways: str) -> None:
    """Say on the page what is compared: two rounds of each of some ways."""
    live(page, "/compare")
    page.get_by_label("A video, or pictures").set_input_files(clip)
    page.get_by_label("Filters").fill(filters)
    page.get_by_label("Rounds").fill("2")
    page.get_by_label("To warm up").fill("0")
    page.get_by_label("Threads and processes").fill("2")
    for way in page.get_by_role("checkbox").all():
        way.set_checked(any(name in way.evaluate("node => node.parentNode.textContent") for name in ways))


SCENES: Final[dict[str, Callable[[Studio], None]]] = {
    "empty": empty,
    "busy": busy,
    "users": users,
    "many": many,
    "sending": sending,
    "comparing": comparing,
    "watching": watching,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="gets NAME-SIZE-SCHEME.png")
    parser.add_argument("--scene", choices=SCENES, action="append", help="only this one; may be repeated")
    args = parser.parse_args(arguments)
    with chromium() as browser, tempfile.TemporaryDirectory() as scratch:
        studio = Studio(browser, args.folder, Path(scratch))
        for name in args.scene or SCENES:
            SCENES[name](studio)
    return 0


if __name__ == "__main__":
    sys.exit(main())
