"""Uploads that are sent on while they come. A client holds its body at a gate, and looks at the cluster meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import av
import httpx
import numpy as np
import pytest

from moviola.web.arriving import MAX_OF_USER, MIN_SIZE
from moviola.web.receiving import PREFIX
from tests.end_to_end.cluster import LocalCluster, local, output
from tests.waiting import PATIENCE_S, until

from .served import Served

pytestmark = pytest.mark.suite("web")

FRAMES: Final = 256

WANTED: Final = {"filters": "edges", "chunk_frames": "8"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    uploads = tmp_path_factory.mktemp("uploads")
    with LocalCluster(tmp_path_factory.mktemp("arriving"), workers=1) as cluster:
        cluster.environment |= {"TMPDIR": str(uploads), "NO_PROXY": "localhost,127.0.0.1"}
        with Served(cluster) as served:
            yield served


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A clip of some megabytes by what is special about it."""
    folder = tmp_path_factory.mktemp("noise")
    clips = {
        "index first": _noise(folder / "first.mp4", {"movflags": "faststart"}),
        "Matroska": _noise(folder / "clip.mkv"),
        "transport stream": _noise(folder / "clip.ts"),
        "index last": _noise(folder / "last.mp4"),
    }
    table = folder / "films.csv"
    rows = (f'{number},"Film {number}, the film",{1950 + number % 70}-05-01\n' for number in range(80_000))
    table.write_text("id,title,release_date\n" + "".join(rows))
    return {**clips, "table": table}


def _noise(path: Path, options: dict[str, str] | None = None) -> Path:
    random = np.random.default_rng(1)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.options = {"x264-params": "keyint=8:min-keyint=8:scenecut=0", "preset": "ultrafast", "crf": "4"}
        for index in range(FRAMES):
            picture = random.integers(0, 255, (120, 160, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert path.stat().st_size > MIN_SIZE
    return path


class Upload:
    """A body of which the first part is sent, and the rest when it is let go on, or never."""

    def __init__(self, gateway: Served, source: Path, name: str, share: float, **wanted: str) -> None:
        self._gateway, self.name = gateway, name
        self._data = source.read_bytes()
        self._half = round(len(self._data) * share)
        self._gate, self._is_broken = threading.Event(), False
        self._threads = ThreadPoolExecutor(1)
        self._answer: Future[httpx.Response] = self._threads.submit(self._send, wanted)

    def _send(self, wanted: dict[str, str]) -> httpx.Response:
        headers = {"Content-Length": str(len(self._data))}
        with httpx.Client(base_url=self._gateway.url, timeout=PATIENCE_S) as client:
            return client.put(f"/api/jobs/{self.name}", params=wanted, content=self._body(), headers=headers)

    def _body(self) -> Iterator[bytes]:
        yield self._data[: self._half]
        assert self._gate.wait(10 * PATIENCE_S)
        if self._is_broken:
            raise ConnectionAbortedError
        yield self._data[self._half :]

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of its name that the API tells of."""
        return [job for job in self._gateway.get("/api/jobs?limit=1000")["jobs"] if job["name"] == self.name]

    def go_on(self) -> dict[str, Any]:
        """The answer, when the rest has been sent."""
        self._gate.set()
        answer = self._answer.result(PATIENCE_S)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert isinstance(told, dict)
        return told

    def break_off(self) -> None:
        """End the connection in the middle of the body."""
        self._is_broken = True
        self._gate.set()
        with pytest.raises(ConnectionAbortedError):
            self._answer.result(PATIENCE_S)

    def close(self) -> None:
        """Let it end, however."""
        self._is_broken = True
        self._gate.set()
        self._threads.shutdown()


@contextmanager
def upload(gateway: Served, source: Path, name: str, share: float = 0.75, **wanted: str) -> Iterator[Upload]:
    one = Upload(gateway, source, name, share, **(wanted or WANTED))
    try:
        yield one
    finally:
        one.close()


def stored(one: Upload, chunks: int = 1) -> dict[str, Any]:
    """The job of an upload, once so many of its chunks are done while the rest of its body is held back."""

    def done() -> dict[str, Any] | None:
        found = one.jobs
        return found[0] if found and found[0]["progress"]["tasks_stored"] >= chunks else None

    return until(done, lambda: f"a chunk of {one.name} that is done: {one.jobs}")


def digest_of_local(gateway: Served, source: Path, folder: Path) -> str:
    arguments = ("--filters", "edges", "--chunk-frames", "8", "--out", f"{folder}/r.mp4", "-y")
    return str(output(local(gateway.cluster, str(source), *arguments))["digest"])


def left(gateway: Served) -> list[Path]:
    """What lies in the folder of uploads."""
    folder = Path(gateway.cluster.environment["TMPDIR"])
    return [path for own in folder.glob(f"{PREFIX}*") for path in own.iterdir()]


@pytest.mark.parametrize("what", [pytest.param("index first", marks=pytest.mark.smoke), "Matroska"])
def test_chunks_are_done_before_the_last_byte_comes_and_the_result_is_the_same(
    gateway: Served, noise: dict[str, Path], what: str, tmp_path: Path
) -> None:
    with upload(gateway, noise[what], f"early {noise[what].name}") as one:
        early = stored(one, 2)
        assert early["progress"]["chunks_total"] is None
        assert not early["is_over"]
        told = one.go_on()
    (job,) = told["jobs"]
    assert (job["id"], told["remarks"]) == (early["id"], [])
    ended = gateway.ended(job)
    assert (ended["state"], ended["progress"]["frames_total"]) == ("done", FRAMES)
    assert ended["outputs"][0]["digest"] == digest_of_local(gateway, noise[what], tmp_path)
    assert len(one.jobs) == 1
    assert not left(gateway)


def test_what_a_finished_job_tells_of_its_source_is_what_it_tells_of_a_file(
    gateway: Served, noise: dict[str, Path]
) -> None:
    """So nothing stays of what was known of its beginning."""
    with upload(gateway, noise["index first"], "told.mp4") as one:
        stored(one)
        early = gateway.ended(one.go_on()["jobs"][0])
    form = {"file": ("told.mp4", noise["index first"].read_bytes())}
    answer = gateway.client.post("/api/jobs", files=form, data=WANTED)
    assert answer.status_code == 201, answer.text
    whole = gateway.ended(answer.json()["jobs"][0])
    assert whole["id"] != early["id"]
    assert _source_of(gateway, early) == _source_of(gateway, whole)
    assert _source_of(gateway, early)["frame_count"] == FRAMES


def _source_of(gateway: Served, job: dict[str, Any]) -> dict[str, Any]:
    (metrics,) = (file for file in job["files"] if file["name"].endswith(".metrics.json"))
    source = gateway.get(metrics["href"])["source"]
    assert isinstance(source, dict)
    return source


def test_records_of_a_table_are_done_before_its_last_comes(gateway: Served, noise: dict[str, Path]) -> None:
    with upload(gateway, noise["table"], "early.csv", filters="post_2000") as one:
        early = stored(one)
        (job,) = one.go_on()["jobs"]
    assert job["id"] == early["id"]
    ended = gateway.ended(job)
    assert (ended["state"], ended["progress"]["frames_total"]) == ("done", 80_000)
    whole = gateway.ended(gateway.put(noise["table"], "whole.csv", filters="post_2000", new="on"))
    assert ended["outputs"][0]["digest"] == whole["outputs"][0]["digest"]


@pytest.mark.parametrize("what", ["index last", "transport stream"])
def test_what_has_to_be_whole_comes_as_before(
    gateway: Served, noise: dict[str, Path], what: str, tmp_path: Path
) -> None:
    with upload(gateway, noise[what], f"whole {noise[what].name}") as one:
        (job,) = one.go_on()["jobs"]
    assert gateway.ended(job)["outputs"][0]["digest"] == digest_of_local(gateway, noise[what], tmp_path)
    assert len(one.jobs) == 1
    assert f"{one.name} is sent as a whole" in gateway.cluster.log("web")


def test_nothing_stays_of_an_upload_that_is_broken_off(gateway: Served, noise: dict[str, Path]) -> None:
    with upload(gateway, noise["index first"], "broken.mp4") as one:
        job = stored(one)
        one.break_off()
        until(lambda: not one.jobs, lambda: f"the end of {one.jobs}")
        assert gateway.client.get(job["links"]["self"]).status_code == 404
        until(lambda: not left(gateway), "its folder to go")
    assert "Traceback" not in gateway.cluster.log("web")


def test_nothing_stays_of_an_upload_whose_gateway_is_stopped(gateway: Served, noise: dict[str, Path]) -> None:
    with Served(gateway.cluster, "stopped") as other, upload(other, noise["index first"], "stopped.mp4") as one:
        job = stored(one)
        other.process.terminate()
        other.process.wait(PATIENCE_S)
        until(lambda: gateway.client.get(job["links"]["self"]).status_code == 404, "its job to be forgotten")
    assert "Traceback" not in gateway.cluster.log("stopped")


def test_the_same_file_continues_a_job_that_came_while_it_was_sent(gateway: Served, noise: dict[str, Path]) -> None:
    """An upload whose answer was lost may be sent again."""
    children = gateway.cluster.worker_children()
    with upload(gateway, noise["index first"], "again.mp4") as one:
        stored(one)
        for child in children:
            child.suspend()
        try:
            (job,) = one.go_on()["jobs"]
            again = gateway.put(noise["index first"], "again.mp4", **WANTED)
        finally:
            for child in children:
                child.resume()
    assert again["id"] == job["id"]
    assert gateway.ended(job)["state"] == "done"


def test_a_user_with_slow_networks_has_few_places_and_all_others_are_taken(
    gateway: Served, noise: dict[str, Path]
) -> None:
    clip = noise["index first"]
    held = [Upload(gateway, clip, f"slow-{number}.mp4", 0.75, **WANTED) for number in range(MAX_OF_USER)]
    try:
        for one in held:
            stored(one)
        with upload(gateway, clip, "waits.mp4") as third:
            until(lambda: len(left(gateway)) == MAX_OF_USER + 1, "the third upload to come")
            quick = gateway.put(clip, "quick.mp4", **WANTED)
            assert gateway.ended(quick)["state"] == "done"
            assert not third.jobs, "it is received whole first"
            assert gateway.ended(third.go_on()["jobs"][0])["state"] == "done"
        for one in held:
            assert gateway.ended(one.go_on()["jobs"][0])["state"] == "done"
    finally:
        for one in held:
            one.close()


def test_a_middleware_that_restarts_meanwhile_is_met_again(gateway: Served, noise: dict[str, Path]) -> None:
    with upload(gateway, noise["index first"], "restart.mp4") as one:
        job = stored(one)
        gateway.cluster.restart("middleware")
        (told,) = one.go_on()["jobs"]
    assert told["id"] == job["id"]
    assert gateway.ended(told)["state"] == "done"
