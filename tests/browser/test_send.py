"""The view that sends: files in, filters chosen and previewed, sent with progress, and what goes wrong on the way."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.end_to_end import clips
from tests.media.video.clips import encode
from tests.web.pictures import as_picture, as_png, decoded
from tests.web.relays import CuttingRelay
from tests.web.served import Served

from .choosing import choose_file
from .desk import choose, drop, preview_of
from .looking import assert_accessible

pytestmark = pytest.mark.suite("browser")

CUT_AT = 100_000  # bytes of an upload

SAMPLED = """
async ([name, data]) => {
  const { Sampler } = await import("/app/send/frames.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const parcel = { kind: { name: "video" }, files: [new File([bytes], name, { type: "video/mp4" })] };
  const content = async (file) => [...new Uint8Array(await file.arrayBuffer())].join();
  const contents = ({ files }) => Promise.all(files.map(content));
  const [hurried, calm] = [new Sampler(parcel, {}), new Sampler(parcel, {})];
  await hurried.sample(0);
  const givenUp = [1, 2].map((context) => hurried.sample(context).then(() => "taken", () => "given up"));
  const wanted = await hurried.sample(3);
  return [await Promise.all(givenUp), await contents(wanted), await contents(await calm.sample(3))];
}
"""
"""Takes samples of a video, the later before the earlier are taken; and one by itself."""


NOTE_ASSETS = """
() => {
  window.assets = [];
  const append = FormData.prototype.append;
  FormData.prototype.append = function (field, value, name) {
    if (field === "asset") window.assets.push(name);
    return append.apply(this, arguments);
  };
}
"""
"""Notes the names of the files that filters name, as they are sent."""

NEVER_ANSWERED = """
() => {
  XMLHttpRequest.prototype.send = function () {
    setTimeout(() => this.upload.dispatchEvent(new ProgressEvent("progress", { loaded: 9, total: 9 })));
  };
  XMLHttpRequest.prototype.abort = function () { this.dispatchEvent(new Event("abort")); };
}
"""
"""Lets all of a body be sent, and nothing be answered."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.moving(tmp_path_factory.mktemp("clips") / "my clip.mp4", frames=96, size=(320, 240))


@pytest.fixture
def send(page: Page) -> Page:
    page.goto("/send")
    expect(page.get_by_role("button", name="Choose files …")).to_be_visible()
    return page


class Cluster:
    """Plays a gateway to the page, of a cluster in which workers appear and become busy.

    Args:
        page: is told it.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._joined: list[str] = []
        self._state = "ready"
        self._names: dict[str, str] = {}
        self.asked = 0
        page.route("**/api/workers", self._tell_workers)
        page.route("**/api/filters", self._tell_filters)

    def change(self, names: dict[str, str] | None = None) -> None:
        """Let a worker join, and wait until the page knows the filters that there are then: some with other names."""
        self._names = names or {}
        self._joined.append(f"joined-{len(self._joined)}")
        expect(self._page.get_by_text(f"no worker labelled {self._joined[-1]} offers it now").first).to_be_visible()

    def make_busy(self) -> None:
        """Let all workers have as many tasks as they may, and wait until the page was told so."""
        self._state = "full"
        for _ in range(2):
            self._page.wait_for_event("response", lambda response: response.url.endswith("/api/workers"))

    def _tell_workers(self, route: Route) -> None:
        workers = route.fetch().json()["workers"]
        joined = [{**workers[0], "name": name} for name in self._joined]
        route.fulfill(json={"workers": [{**worker, "state": self._state} for worker in (*workers, *joined)]})

    def _tell_filters(self, route: Route) -> None:
        self.asked += 1
        told = route.fetch().json()["filters"]
        for one in told:
            one["name"] = self._names.get(one["name"], one["name"])
            one |= {"workers": 0, "label": self._joined[-1]} if self._joined else {}
        route.fulfill(json={"filters": told})


def content_of(picture: Locator) -> bytes:
    """The content of a picture that is shown."""
    source = picture.get_attribute("src")
    assert source is not None
    return base64.b64decode(source.partition(",")[2])


def test_a_clip_is_dropped_filtered_previewed_and_sent(send: Page, site: Served, clip: Path) -> None:
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    expect(send.get_by_text("1 video, ")).to_be_visible()
    choose(send, "blur")
    pictures = preview_of(send)
    expect(pictures).to_have_count(3)
    first = content_of(pictures.nth(0))
    slider = send.get_by_role("slider", name="radius, slider")
    slider.fill("25")
    expect(send.get_by_label("The chain as text")).to_have_value("blur:radius=25")
    expect(send.locator(".preview")).not_to_have_attribute("aria-busy", "true")
    expect(pictures.nth(0)).not_to_have_attribute("src", f"data:image/png;base64,{base64.b64encode(first).decode()}")
    blurred = decoded(content_of(pictures.nth(1)))
    assert blurred.std() < decoded(first).std(), "more blur leaves less contrast"
    send.get_by_role("button", name="Show before").click()
    expect(send.get_by_alt_text("Middle frame, before the filters")).to_be_visible()
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send).to_have_url(re.compile(r"/jobs/[^/]+$"))
    job = site.ended(site.get(f"/api/jobs/{send.url.rpartition('/')[2]}"))
    assert (job["state"], job["name"], job["outputs"][0]["name"]) == ("done", clip.name, "blur")


def test_frames_are_those_of_their_times_also_where_wishes_follow_each_other(send: Page, clip: Path) -> None:
    data = base64.b64encode(clip.read_bytes()).decode()
    given_up, hurried, calm = send.evaluate(SAMPLED, [clip.name, data])
    assert len(calm) == 12
    assert hurried == calm
    assert given_up == ["given up", "given up"]


def test_the_preview_of_pictures_is_what_the_job_makes_of_them(
    send: Page, site: Served, clip: Path, tmp_path: Path
) -> None:
    picture = as_picture(clip, tmp_path / "still.png").read_bytes()
    drop(send, ("still.png", "image/png", picture))
    send.get_by_label("The chain as text").fill("edges,flip")
    pictures = preview_of(send)
    expect(pictures).to_have_count(1)
    shown = content_of(pictures.nth(0))
    assert shown != picture
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send).to_have_url(re.compile(r"/jobs/[^/]+$"))
    job = site.ended(site.get(f"/api/jobs/{send.url.rpartition('/')[2]}"))
    assert site.client.get(f"{job['links']['self']}/files/edges-flip/still.png").content == shown


def test_what_would_be_kept_is_told_before_anything_is_sent(send: Page, site: Served, tmp_path: Path) -> None:
    film = encode(tmp_path / "film.mp4", "libx264", 6, pixel_format="yuv444p")
    before = site.get("/api/jobs")["count"]
    drop(send, (film.name, "video/mp4", film.read_bytes()))
    choose(send, "blur")
    send.get_by_label("codec", exact=True).select_option("mpeg4")
    send.get_by_role("button", name="What would be kept?").click()
    told = send.get_by_role("region", name=film.name)
    expect(told.get_by_role("row", name="changed mpeg4")).to_contain_text("cannot hold yuv444p")
    expect(told.get_by_role("row", name="kept frames")).to_contain_text("all 6")
    expect(send.get_by_text("Nothing is sent yet. Not kept: 1 changed.")).to_be_visible()
    told.get_by_text("What it is").click()
    expect(told.get_by_role("definition").filter(has_text="8 bits, 4:4:4 (yuv444p)")).to_be_visible()
    assert_accessible(send)
    send.get_by_label("codec", exact=True).select_option("h264")
    expect(told).to_have_count(0)
    assert site.get("/api/jobs")["count"] == before


def test_a_table_shows_its_first_records(send: Page) -> None:
    rows = "".join(f"book {number},{number * 10}\n" for number in range(60))
    drop(send, ("books.csv", "text/csv", f"title,pages\n{rows}".encode()))
    choose(send, "where")
    send.get_by_label("column", exact=True).fill("pages")
    send.get_by_label("min", exact=True).fill("500")
    expect(send.get_by_role("heading", name="books.csv: 10 records are kept")).to_be_visible()
    expect(send.get_by_role("cell", name="book 50")).to_be_visible()
    assert_accessible(send)


def test_several_files_become_their_jobs_and_one_of_them_can_be_removed(
    send: Page, site: Served, clip: Path, tmp_path: Path
) -> None:
    picture = as_picture(clip, tmp_path / "still.png").read_bytes()
    drop(
        send, ("one.mp4", "video/mp4", clip.read_bytes()), ("two.mp4", "video/mp4", clip.read_bytes()),
        ("a.png", "image/png", picture), ("b.png", "image/png", picture),
    )  # fmt: skip
    expect(send.get_by_text("2 videos and 2 images, ")).to_be_visible()
    send.get_by_role("button", name="Remove one.mp4").click()
    expect(send.get_by_text("1 video and 2 images, ")).to_be_visible()
    drop(send, ("notes.txt", "text/plain", b"hello"))
    expect(send.get_by_text("1 video and 2 images, ")).to_be_visible()
    choose(send, "grayscale")
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send.get_by_role("heading", name="Sent: 2 jobs")).to_be_visible()
    kinds = {job["name"]: job["kind"] for job in site.get("/api/jobs?limit=2")["jobs"]}
    assert kinds == {"two.mp4": "video", "upload": "images"}
    assert_accessible(send)


def test_what_is_no_material_is_refused_before_anything_is_sent(send: Page) -> None:
    sent: list[str] = []
    send.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    drop(send, ("notes.txt", "text/plain", b"hello"), ("empty.mp4", "video/mp4", b""))
    expect(send.get_by_text("notes.txt is not taken.")).to_be_visible()
    expect(send.get_by_text("empty.mp4 is empty.")).to_be_visible()
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send.get_by_text("Choose a file first.")).to_be_visible()
    assert not sent
    assert_accessible(send)


def test_a_chain_that_cannot_be_is_said_while_it_is_written(send: Page, clip: Path) -> None:
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    text = send.get_by_label("The chain as text")
    text.fill("blur:radius=9,")
    expect(send.locator("#chain-fault")).to_contain_text("the name of a filter is missing")
    text.fill("blurr")
    expect(send.locator("#chain-fault")).to_contain_text("no filter called “blurr”")
    text.fill("blur:radius=1000")
    expect(send.get_by_text("radius is 1000; it must be at most")).to_be_visible()
    text.fill("blur,edges")
    expect(send.locator(".step")).to_have_count(2)
    send.get_by_role("button", name="Move edges up").click()
    expect(text).to_have_value("edges,blur")
    expect(send.get_by_role("button", name="Move edges down")).to_be_focused()
    send.locator(".grip").nth(1).drag_to(send.locator(".step").nth(0).locator("h3"))
    expect(text).to_have_value("blur,edges")
    send.get_by_role("button", name="Remove blur").click()
    expect(text).to_have_value("edges")


def test_a_number_that_cannot_be_is_said_and_one_that_is_cleared_is_the_default(send: Page, clip: Path) -> None:
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    choose(send, "blur")
    text, radius = send.get_by_label("The chain as text"), send.get_by_role("spinbutton", name="radius")
    radius.press("End")
    radius.press_sequentially("80")  # behind the 7 of the default
    expect(text).to_have_value("blur:radius=780")
    expect(radius).to_have_attribute("aria-invalid", "true")
    radius.fill("")
    expect(text).to_have_value("blur")
    expect(send.get_by_role("slider", name="radius, slider")).to_have_value("7")
    crf, hint = send.get_by_role("spinbutton", name="crf"), send.locator("#send-hint")
    crf.fill("")
    crf.press_sequentially("60")
    send.get_by_role("button", name="Send", exact=True).click()
    expect(hint).to_have_text("crf: write a whole number from 0 to 51, or nothing for the default.")
    crf.press("Backspace")
    expect(hint).to_be_empty()
    crf.fill("")
    with send.expect_request(lambda request: request.method == "POST" and "/api/jobs/" in request.url) as asked:
        send.get_by_role("button", name="Send", exact=True).click()
    assert "crf" not in asked.value.url


def test_what_is_edited_stays_while_workers_come_and_get_busy(send: Page, clip: Path) -> None:
    cluster = Cluster(send)
    text, fault = send.get_by_label("The chain as text"), send.locator("#chain-fault")
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    text.fill("blur")
    text.fill("blur:radius=9,pixelate:")
    cluster.change()
    expect(text).to_have_value("blur:radius=9,pixelate:")
    expect(fault).to_contain_text("the name of a parameter of pixelate is missing")
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send.locator("#send-hint")).to_contain_text("the name of a parameter of pixelate is missing")
    send.get_by_role("button", name="Add an output").click()
    expect(fault).to_be_empty()
    send.get_by_role("button", name="1: blur").click()
    expect(text).to_have_value("blur:radius=9,pixelate:")
    text.fill("blur:radius=9")
    radius = send.get_by_role("spinbutton", name="radius")
    radius.focus()
    cluster.change()
    expect(radius).to_be_focused()
    asked = cluster.asked
    cluster.make_busy()
    assert cluster.asked == asked, "a worker that is busy changes no filter"


def test_a_filter_that_comes_with_a_worker_can_be_used_as_it_was_typed(send: Page, clip: Path) -> None:
    cluster = Cluster(send)
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    send.get_by_label("The chain as text").fill("edges,soften:radius=9")
    expect(send.locator("#chain-fault")).to_contain_text("no filter called “soften”")
    cluster.change({"blur": "soften"})
    expect(send.locator("#chain-fault")).to_be_empty()
    expect(send.get_by_role("spinbutton", name="radius")).to_have_value("9")


def test_several_outputs_options_and_a_logo_travel(send: Page, site: Served, clip: Path, tmp_path: Path) -> None:
    logo = as_picture(clip, tmp_path / "logo.png")
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    choose(send, "watermark")
    choose_file(send, send.get_by_role("button", name="Choose a file …").click, logo)
    expect(send.get_by_label("The chain as text")).to_have_value("watermark:file=logo.png")
    expect(preview_of(send)).to_have_count(3)
    send.get_by_role("button", name="Add an output").click()
    choose(send, "grayscale")
    send.get_by_label("Name of the output").fill("gray")
    send.get_by_label("codec", exact=True).select_option("ffv1")
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send).to_have_url(re.compile(r"/jobs/[^/]+$"))
    job = site.ended(site.get(f"/api/jobs/{send.url.rpartition('/')[2]}"))
    assert job["state"] == "done"
    assert [(one["name"], one["codec"]) for one in job["requested"]] == [("watermark", "ffv1"), ("gray", "ffv1")]


def test_each_output_gets_its_own_file_though_two_have_one_name(
    send: Page, site: Served, clip: Path, tmp_path: Path
) -> None:
    name, shades = 'my "logo".png', (0, 255)
    for folder, shade in zip("ab", shades, strict=True):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(as_png(np.full((40, 40, 3), shade, np.uint8)))
    (tmp_path / "o.png").write_bytes((tmp_path / "a" / name).read_bytes())
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    text, pick = send.get_by_label("The chain as text"), send.get_by_role("button", name="Choose a file …")
    choose(send, "watermark")
    choose_file(send, pick.click, tmp_path / "o.png")
    expect(text).to_have_value("watermark:file=o.png")
    choose_file(send, pick.click, tmp_path / "a" / name)
    expect(text).to_have_value("watermark:file=my__logo_.png")
    send.get_by_role("button", name="Add an output").click()
    choose(send, "watermark")
    choose_file(send, pick.click, tmp_path / "b" / name)
    expect(text).to_have_value("watermark:file=my__logo_-2.png")
    preview_of(send)
    send.evaluate(NOTE_ASSETS)
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send).to_have_url(re.compile(r"/jobs/[^/]+$"))
    assert send.evaluate("window.assets") == ["my__logo_.png", "my__logo_-2.png"], "and not the one that was given up"
    job = site.ended(site.get(f"/api/jobs/{send.url.rpartition('/')[2]}"))
    assert job["state"] == "done"
    assert len({one["digest"] for one in job["outputs"]}) == 2


def test_an_upload_that_is_cut_in_its_middle_is_sent_again_by_one_button(
    browser: Browser, site: Served, tmp_path: Path
) -> None:
    noise = clips.moving(tmp_path / "long clip.mp4", frames=240, gop=1, size=(640, 480))
    assert noise.stat().st_size > 2 * CUT_AT
    with CuttingRelay(site.port) as road, browser.new_context(base_url=road.url) as context:
        page = context.new_page()
        page.goto("/send")
        drop(page, (noise.name, "video/mp4", noise.read_bytes()))
        page.get_by_label("The chain as text").fill("contrast")
        preview_of(page)
        road.limit = CUT_AT
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("The connection was cut")).to_be_visible()
        expect(page.get_by_text("send it again", exact=False)).to_be_visible()
        assert_accessible(page)
        road.limit = None
        again = page.get_by_role("button", name="Try again")
        expect(again).to_be_focused()
        again.press("Enter")
        expect(page).to_have_url(re.compile(r"/jobs/[^/]+$"))
        job = site.ended(site.get(f"/api/jobs/{page.url.rpartition('/')[2]}"))
        assert job["state"] == "done"
    assert [one["name"] for one in site.get("/api/jobs?limit=1000")["jobs"]].count(noise.name) == 1


def test_an_upload_can_be_stopped_and_changed(send: Page, clip: Path) -> None:
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    send.get_by_label("The chain as text").fill("contrast")
    send.route("**/api/jobs/*", lambda route: None)  # it is never answered
    send.get_by_role("button", name="Send", exact=True).click()
    send.get_by_role("button", name=f"Cancel the upload of {clip.name}").click()
    expect(send.get_by_text("It was stopped")).to_be_visible()
    send.get_by_role("button", name="Stop, and change something").click()
    expect(send.get_by_label("The chain as text")).to_have_value("contrast")
    expect(send.get_by_role("button", name="Send", exact=True)).to_be_focused()


def test_a_file_that_has_changed_since_it_was_chosen_is_said(send: Page, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.read_bytes())
    choose_file(send, send.get_by_role("button", name="Choose files …").click, path)
    choose(send, "blur")
    preview_of(send)
    path.write_bytes(clip.read_bytes() * 2)
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send.get_by_text("clip.mp4 has changed or gone since it was chosen. Choose it again.")).to_be_visible()
    expect(send.get_by_role("button", name="Try again")).to_have_count(0)


@pytest.mark.parametrize("way", ["Cancel", "Stop", "Leave"])
def test_an_upload_that_is_stopped_when_all_is_sent_may_be_a_job(send: Page, clip: Path, way: str) -> None:
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    send.get_by_label("The chain as text").fill("contrast")
    preview_of(send)
    send.evaluate(NEVER_ANSWERED)
    send.get_by_role("button", name="Send", exact=True).click()
    expect(send.get_by_text("all of it is sent")).to_be_visible()
    if way == "Cancel":
        send.get_by_role("button", name=f"Cancel the upload of {clip.name}").click()
    elif way == "Stop":
        send.get_by_role("button", name="Stop, and change something").click()
    else:
        send.get_by_role("link", name="Workers").click()
    expect(send.get_by_text("there may be a job of it by now")).to_be_visible()


def test_with_the_keyboard_alone_a_job_is_sent(send: Page, site: Served, clip: Path) -> None:
    def tab_to(name: str) -> None:
        wanted = send.get_by_role("button", name=name, exact=True)
        for _ in range(200):
            send.keyboard.press("Tab")
            if wanted.evaluate("(node) => node === document.activeElement"):
                return
        raise AssertionError(f"no way leads to {name}")

    tab_to("Choose files …")
    choose_file(send, lambda: send.keyboard.press("Enter"), clip)
    expect(send.get_by_text("1 video, ")).to_be_visible()
    for _ in range(200):
        send.keyboard.press("Tab")
        if send.get_by_role("searchbox", name="Search").evaluate("(node) => node === document.activeElement"):
            break
    send.keyboard.type("sharper edges")
    send.keyboard.press("Tab")
    send.keyboard.press("Enter")
    expect(send.get_by_label("The chain as text")).to_have_value("sharpen")
    tab_to("Send")
    send.keyboard.press("Enter")
    expect(send).to_have_url(re.compile(r"/jobs/[^/]+$"))
    assert site.ended(site.get(f"/api/jobs/{send.url.rpartition('/')[2]}"))["state"] == "done"


def test_axe_finds_nothing_in_a_desk_that_is_full(send: Page, clip: Path) -> None:
    drop(send, (clip.name, "video/mp4", clip.read_bytes()))
    choose(send, "blur", "watermark", "faces")
    send.get_by_role("button", name="Add an output").click()
    choose(send, "grayscale")
    preview_of(send)
    send.get_by_text("More options").click()
    assert_accessible(send)
