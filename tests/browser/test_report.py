"""The report of a job in a browser that has no network: it opens, asks for nothing, and axe finds nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.waiting import PATIENCE_S
from tests.web.served import Served

from .looking import DESKTOP, assert_accessible

pytestmark = pytest.mark.suite("browser")

FRAMES: Final = 10_000
MAX_SIZE: Final = 5_000_000

NAME: Final = "<img src=x onerror=alert(1)>.mp4"

PICKY: Final = """
from dataclasses import dataclass
from typing import ClassVar
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Picky(Filter):
    name: ClassVar[str] = "picky"
    summary: ClassVar[str] = "raises on each fiftieth frame, and notes something of all others"

    def apply(self, picture, earlier):
        if picture.index % 50 == 7:
            raise ValueError("<script>document.title = 'taken'</script>")
        return picture.with_notes({"filter": self.name, "label": ("a", "b", "<i>c</i>")[picture.index % 3]})
"""
"""A filter that gives a report something to tell."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of a cluster whose workers offer `picky`."""
    folder = tmp_path_factory.mktemp("reported")
    (folder / "picky.py").write_text(PICKY)
    plugins = ("--plugins", str(folder / "picky.py"))
    with LocalCluster(folder, workers=2, worker_arguments=plugins) as cluster, Served(cluster) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def offline(browser: Browser) -> Iterator[Page]:
    """A tab without a network, in which nothing may go wrong."""
    with browser.new_context(viewport=DESKTOP, offline=True) as context:
        context.set_default_timeout(PATIENCE_S * 1000)
        yield context.new_page()


@pytest.fixture(scope="module")
def long_report(site: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a job of 10 000 frames and 2 000 tasks; a filter refuses 200 of the frames."""
    folder = tmp_path_factory.mktemp("long")
    clip = clips.moving(folder / NAME, frames=FRAMES, gop=10, size=(64, 48))
    job = site.cluster.send(
        str(clip), "--filters", "picky,metadata", "--filters", "lines=edges", "--chunk-frames", "10", status=4
    )
    path = folder / "report.html"
    ran = site.cluster.run("client.html_report", job["job_id"], "--out", str(path))
    assert ran.returncode == 0, ran.stderr
    return path


def asked_for(tab: Page, path: Path) -> list[str]:
    """Open a file; return what the page asked for beside itself and what is in it, and what it complained of."""
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda said: asked.append(said.text))
    tab.on("pageerror", lambda error: asked.append(str(error)))
    tab.goto(path.as_uri())
    tab.wait_for_load_state("networkidle")
    return [one for one in asked if not one.startswith("data:") and one != path.as_uri()]


def test_a_report_of_ten_thousand_frames_opens_without_a_network(offline: Page, long_report: Path) -> None:
    assert asked_for(offline, long_report) == []
    expect(offline).to_have_title(f"{NAME}: report of job " + offline.locator("header code").inner_text())
    expect(offline.get_by_text("200 of 10000 frames were not filtered").first).to_be_visible()
    pictures = offline.get_by_role("list").filter(has=offline.get_by_role("img", name="frame 7", exact=True))
    expect(pictures.get_by_role("img")).to_have_count(24)
    loaded = offline.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert loaded, "a picture of the report is none"
    assert offline.evaluate("document.querySelectorAll('script').length") == 0


def test_a_report_of_ten_thousand_frames_is_below_five_megabytes(long_report: Path) -> None:
    assert long_report.stat().st_size < MAX_SIZE


def test_axe_finds_nothing_in_a_report(offline: Page, long_report: Path) -> None:
    offline.goto(long_report.as_uri())
    assert_accessible(offline)


@pytest.mark.smoke
def test_the_gateways_report_is_the_page_itself(page: Page, site: Served, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=20)
    job = site.ended(site.put(clip, filters="grayscale,metadata"))
    page.goto(job["links"]["report"])
    expect(page.get_by_role("heading", level=1)).to_have_text("clip.mp4")
    expect(page.get_by_role("heading", name="Who did what, when")).to_be_visible()
    expect(page.get_by_role("img", name="scene 1, frame 0")).to_be_visible()
