"""States of a real cluster that the page shows: jobs that are held where a test wants them, or ended in each way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Locator, Page

from tests.end_to_end import clips
from tests.media.table import tables
from tests.web.pictures import as_picture
from tests.web.served import Served

HELD_AT: Final = 80
"""The frame beyond which a held job does not get: of the 96 that a clip has, so that its bar is seen to move."""


class Held:
    """A job that goes on frame by frame, and not beyond frame HELD_AT, until it is let go.

    Args:
        site: gets it.
        folder: for its clip and its gate.
        name: of its clip, without suffix.
        source: the clip; by default one that is made here.
        fields: of the upload.
    """

    def __init__(self, site: Served, folder: Path, name: str, source: Path | None = None, **fields: Any) -> None:
        self._gate = folder / f"{name}.gate"
        source = clips.moving(folder / f"{name}.mp4", frames=96) if source is None else source
        chain = f"paced:path={self._gate},gate:frame={HELD_AT}:path={self._gate}"
        self.job = site.put(source, f"{name}.mp4", filters=chain, **fields)

    def let_go(self) -> None:
        """Let it end."""
        self._gate.touch()


@contextmanager
def standing_still(site: Served) -> Iterator[None]:
    """Let the cluster's workers stand still for as long as the block lasts."""
    children = site.cluster.worker_children()
    for child in children:
        child.suspend()
    try:
        yield
    finally:
        for child in children:
            child.resume()


def row(page: Page, name: str) -> Locator:
    """Return a job's row in the list of jobs."""
    return page.get_by_role("list", name="Jobs").get_by_role("listitem").filter(has_text=name)


def failed(site: Served, folder: Path, name: str = "failed") -> dict[str, Any]:
    """Return a job that a filter made fail."""
    clip = clips.moving(folder / f"{name}.mp4", frames=48)
    return site.ended(site.put(clip, filters="raises:frame=20", on_error="fail"))


def partial(site: Served, folder: Path, name: str = "partial") -> dict[str, Any]:
    """Return a job with a frame that was passed on unfiltered."""
    clip = clips.moving(folder / f"{name}.mp4", frames=48)
    return site.ended(site.put(clip, filters="raises:frame=20"))


def done(site: Served, folder: Path, name: str = "done", filters: str = "edges") -> dict[str, Any]:
    """Return a job that is done."""
    return site.ended(site.put(clips.moving(folder / f"{name}.mp4", frames=48, size=(320, 180)), filters=filters))


def table(site: Served, folder: Path) -> dict[str, Any]:
    """Return a job of tables that is done."""
    files = [("file", (path.name, path.read_bytes())) for path in tables.dataset(folder)]
    return _sent(site, files, "post_2000")


def pictures(site: Served, folder: Path) -> dict[str, Any]:
    """Return a job of three pictures that is done."""
    clip = clips.moving(folder / "pictures.mp4", frames=1, size=(320, 180))
    content = as_picture(clip, folder / "picture.png").read_bytes()
    return _sent(site, [("file", (f"{name}.png", content)) for name in ("one", "two", "three")], "edges")


def _sent(site: Served, files: list[Any], filters: str) -> dict[str, Any]:
    answer = site.client.post("/api/jobs", data={"filters": filters}, files=files)
    assert answer.status_code == 201, answer.text
    return site.ended(answer.json()["jobs"][0])
