"""Outputs are watched in a real browser: finished ones, and while their jobs run, whose workers wait at gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import PLUGINS
from tests.waiting import until
from tests.web.served import Served

from .choosing import choose_file
from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")

RATE: Final = clips.RATE
SECONDS: Final = 60
CHUNK: Final = 2 * RATE

LOSE: Final = """
() => {
  const video = document.querySelector("video.player-after");
  Object.defineProperty(video, "error", { value: { code: MediaError.MEDIA_ERR_NETWORK } });
  video.addEventListener("canplay", () => { window.backAt = video.currentTime; });
  video.dispatchEvent(new Event("error"));
}
"""
"""Tells the player what it is told where the connection of a file is cut, and notes where it can be played again."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    arguments = ("--plugins", str(PLUGINS))
    with (
        LocalCluster(tmp_path_factory.mktemp("site"), workers=2, worker_arguments=arguments) as cluster,
        Served(cluster) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a minute with sound."""
    path = tmp_path_factory.mktemp("clips") / "minute.mp4"
    return clips.moving(path, frames=SECONDS * RATE, gop=CHUNK, size=(320, 180), b_frames=2, sound=True)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of six seconds."""
    path = tmp_path_factory.mktemp("clips") / "short.mp4"
    return clips.moving(path, frames=3 * CHUNK, gop=CHUNK, size=(320, 180), b_frames=2, sound=True)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that the filter `gate` waits for; at the end it is there, so that no worker waits for ever."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


def with_a_cut(path: Path) -> Path:
    """A clip of four seconds: noise stands still, another one from the middle on, and a square moves over both."""
    random = np.random.default_rng(1)
    scenes = [random.integers(0, 255, (9, 16, 3), np.uint8).repeat(20, 0).repeat(20, 1) for _ in range(2)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for index in range(2 * CHUNK):
            picture = scenes[index // CHUNK].copy()
            left = 20 + index % CHUNK * 5
            picture[60:110, left : left + 40] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def gated(site: Served, clip: Path, gate: Path, *chunks: int, **fields: Any) -> dict[str, Any]:
    """A job whose workers wait at a gate in some chunks, and so in all behind these."""
    chain = ",".join(["blur", *(f"gate:frame={each * CHUNK}:path={gate}" for each in chunks)])
    return site.put(clip, filters=f"soft={chain}", chunk_frames=CHUNK, new="on", **fields)


def watch(page: Page, job: dict[str, Any], output: str = "soft") -> None:
    page.goto(f"/jobs/{job['id']}/watch/{output}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{output} of ")


def video(page: Page, what: str, which: str = "after") -> Any:
    """A property of one of the two pictures, which comes behind the page's heading: it is waited for."""
    return page.locator(f"video.player-{which}").evaluate(f"video => video.{what}")


def sees(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait for something of the page that no locator tells."""
    until(condition, lambda: f"{what}: {page.locator('.player').inner_text()}", turn=lambda: page.wait_for_timeout(50))


def has_a_frame(page: Page) -> None:
    """Wait until a picture is there."""
    sees(page, lambda: video(page, "readyState") >= 2, "a picture")


def apart(page: Page) -> float:
    """By how many seconds the two pictures are apart."""
    one, other = (f"document.querySelector('video.player-{which}').currentTime" for which in ("before", "after"))
    return float(page.evaluate(f"Math.abs({one} - {other})"))


def reaches(page: Page, time_s: float, which: str = "after") -> None:
    """Wait until a picture is played that far."""
    sees(page, lambda: bool(video(page, "currentTime", which) >= time_s), f"{time_s} s")


def test_a_finished_result_plays_by_keys_alone(page: Page, site: Served, short: Path) -> None:
    job = site.ended(site.put(short, filters="soft=blur", chunk_frames=CHUNK, new="on"))
    watch(page, job)
    play = page.get_by_role("button", name="Play")
    expect(play).to_be_enabled()
    has_a_frame(page)
    assert video(page, "duration") == pytest.approx(6, abs=0.1)
    play.focus()
    page.keyboard.press("Enter")
    reaches(page, 1)
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_role("slider", name="Time").focus()
    page.keyboard.press("Home")
    sees(page, lambda: video(page, "currentTime") == 0, "the beginning")
    page.keyboard.press("ArrowRight")
    sees(page, lambda: video(page, "currentTime") == 5, "five seconds on")
    page.get_by_role("button", name="Frame on").press("Enter")
    until(lambda: 5.04 < video(page, "currentTime") < 5.08, "the next frame", turn=lambda: page.wait_for_timeout(50))
    page.get_by_role("combobox", name="Speed").select_option("2")
    assert video(page, "playbackRate") == 2
    page.keyboard.press("m")
    assert_accessible(page)


@pytest.mark.smoke
def test_it_plays_while_the_job_runs_and_goes_on_by_itself(page: Page, site: Served, minute: Path, gate: Path) -> None:
    job = gated(site, minute, gate, 4, 5)
    watch(page, job)
    has_a_frame(page)
    page.get_by_role("button", name="Play").click()
    reaches(page, 3)
    assert site.get(job["links"]["self"])["state"] == "running"
    assert video(page, "duration") == pytest.approx(SECONDS, abs=0.1)
    reaches(page, 7.5)
    expect(page.locator(".player-message")).to_contain_text("Waiting for frames")
    assert_accessible(page)
    gate.touch()
    reaches(page, 9)
    page.get_by_role("slider", name="Time").press("End")
    reaches(page, SECONDS - 0.5)


def test_it_holds_no_connection_for_what_is_not_needed_yet(page: Page, site: Served, minute: Path, gate: Path) -> None:
    job = gated(site, minute, gate, 18, 19)
    until(lambda: site.get(job["links"]["self"])["progress"]["frames_done"] >= 18 * CHUNK, "what can be loaded")
    with page.expect_event("requestfailed", lambda request: "play.mp4" in request.url):
        watch(page, job)
    loaded = video(page, "buffered.end(0)")
    assert loaded > 30
    with page.expect_request("**/play.mp4?from=*") as following:
        page.evaluate(f"document.querySelector('video.player-after').currentTime = {loaded - 5}")
    assert float(following.value.url.partition("from=")[2]) == pytest.approx(loaded, abs=0.01)
    sees(page, lambda: video(page, "buffered.end(0)") > 35.9, "the rest of what is finished")
    gate.touch()
    page.evaluate(f"document.querySelector('video.player-after').currentTime = {loaded - 1}")
    page.get_by_role("button", name="Play").click()
    reaches(page, loaded + 1)
    assert video(page, "buffered.length") == 1


def test_before_and_after_are_in_step_beside_a_divider(page: Page, site: Served, short: Path) -> None:
    job = site.put(short, filters=["soft=blur:radius=9", "source=identity"], chunk_frames=CHUNK, new="on")
    site.ended(job)
    watch(page, job)
    divider = page.get_by_role("slider", name="Divider between before and after")
    expect(divider).to_have_attribute("aria-valuenow", "50")  # the output that is the source is chosen by itself
    divider.focus()
    for key, place in (("ArrowRight", "52"), ("PageDown", "42"), ("End", "100"), ("Home", "0"), ("PageUp", "10")):
        page.keyboard.press(key)
        expect(divider).to_have_attribute("aria-valuenow", place)
    box = page.locator(".player-stage").bounding_box()
    grip = divider.bounding_box()
    assert box is not None
    assert grip is not None
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 20)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "70")
    has_a_frame(page)
    page.get_by_role("button", name="Play").click()
    reaches(page, 1.5)
    sees(page, lambda: apart(page) < 0.1, "both in step")
    page.get_by_role("button", name="Pause").click()
    sees(page, lambda: apart(page) < 0.001, "the same picture")
    page.get_by_role("slider", name="Time").press("Home")
    sees(page, lambda: video(page, "currentTime", "before") == 0, "the beginning of both")
    assert_accessible(page)


def test_a_file_of_this_machine_is_the_source(page: Page, site: Served, short: Path) -> None:
    job = site.ended(site.put(short, filters="soft=blur:radius=9", chunk_frames=CHUNK, new="on"))
    watch(page, job)
    page.get_by_role("combobox", name="Compare with").select_option("file")
    expect(page.locator(".player-compare")).to_contain_text("It stays on this machine")
    choose_file(page, page.get_by_role("button", name="Choose the source file").click, short)
    expect(page.get_by_role("slider", name="Divider between before and after")).to_be_visible()
    sees(page, lambda: video(page, "readyState", "before") >= 2, "its picture")
    assert video(page, "duration", "before") == pytest.approx(6, abs=0.1)


def test_boxes_and_cuts_are_drawn_over_it(page: Page, site: Served, tmp_path: Path) -> None:
    clip = with_a_cut(tmp_path / "cut.mp4")
    job = site.ended(site.put(clip, filters="soft=metadata,motion", chunk_frames=CHUNK, new="on"))
    assert job["state"] == "done"
    watch(page, job)
    expect(page.locator(".player-ticks line")).to_have_count(1)
    page.get_by_role("button", name="Next cut").click()
    sees(page, lambda: video(page, "currentTime") == pytest.approx(2), "the cut")
    expect(page.locator(".player-notes")).to_contain_text("metadata: ")
    for _ in range(10):
        page.get_by_role("button", name="Frame on").click()
    sees(page, lambda: video(page, "currentTime") == pytest.approx(2.42), "ten frames on")
    expect(page.locator(".player-box").first).to_be_attached()
    expect(page.locator(".player-label").first).to_contain_text("motion")
    assert_accessible(page)
    page.get_by_role("button", name="Boxes and labels").click()
    expect(page.locator(".player-box")).to_have_count(0)


def test_what_cannot_be_played_says_why_and_where_the_file_is(page: Page, site: Served, short: Path) -> None:
    job = site.ended(site.put(short, filters="soft=blur", codec="ffv1", new="on"))
    watch(page, job)
    expect(page.locator(".player-message")).to_contain_text("codec=h264")
    (made,) = (file["href"] for file in job["files"] if file["name"] == "soft.mkv")
    expect(page.get_by_role("link", name="Get the finished file")).to_have_attribute("href", made)
    assert_accessible(page)


def test_a_file_that_cannot_be_had_for_a_while_is_waited_for(page: Page, site: Served, short: Path) -> None:
    job = site.ended(site.put(short, filters="soft=blur", new="on"))
    why = {"code": "aggregator-away", "detail": "The aggregator is away."}
    page.route("**/files/soft.mp4", lambda route: route.fulfill(status=503, json=why))
    watch(page, job)
    expect(page.locator(".player-message")).to_contain_text("The aggregator is away.")
    assert_accessible(page)
    page.unroute("**/files/soft.mp4")
    has_a_frame(page)
    page.get_by_role("button", name="Play").click()
    reaches(page, 2)
    page.evaluate(LOSE)
    page.wait_for_function("() => window.backAt >= 2")
    reaches(page, 4)  # it goes on by itself


def test_a_file_that_is_no_video_is_said_to_be_none(page: Page, site: Served, short: Path) -> None:
    job = site.ended(site.put(short, filters="soft=blur", new="on"))
    page.route("**/files/soft.mp4", lambda route: route.fulfill(status=200, content_type="video/mp4", body=b"no video"))
    watch(page, job)
    expect(page.locator(".player-message")).to_contain_text("codec=h264")


def test_what_is_compared_with_says_no_longer_that_nothing_is_there(
    page: Page, site: Served, short: Path, gate: Path
) -> None:
    held = f"gate:frame=0:path={gate}"
    job = site.put(short, filters=[f"soft=blur,{held}", f"source=identity,{held}"], chunk_frames=CHUNK, new="on")
    watch(page, job)
    page.get_by_role("combobox", name="Compare with").select_option("output:source")
    expect(page.locator(".player-compare")).to_contain_text("Nothing of it is finished yet.")
    gate.touch()
    sees(page, lambda: video(page, "readyState", "before") >= 2, "its picture")
    expect(page.locator(".player-compare")).not_to_contain_text("Nothing of it is finished yet.")


def test_a_job_that_waits_and_is_cancelled_says_so(page: Page, site: Served, short: Path, gate: Path) -> None:
    job = gated(site, short, gate, 0, 1, 2)
    watch(page, job)
    expect(page.locator(".player-message")).to_contain_text("Waiting for the first frames")
    assert_accessible(page)
    assert site.client.delete(job["links"]["self"]).status_code == 200
    expect(page.locator(".player-message")).to_contain_text("cancelled")
    assert_accessible(page)


def test_a_gateway_that_is_killed_is_met_again_where_it_was(page: Page, site: Served, minute: Path, gate: Path) -> None:
    job = gated(site, minute, gate, 4, 5)
    watch(page, job)
    has_a_frame(page)
    site.cluster.kill(site.name)
    try:
        page.get_by_role("button", name="Play").click()
        reaches(page, 5)  # what is here plays on
        expect(page.locator(".player")).to_contain_text("was cut")
        assert_accessible(page)
    finally:
        site.__enter__()  # another process at the same address
    gate.touch()
    reaches(page, 12)
