"""A gateway beside a cluster of real processes: uploads, jobs, files, as a program that speaks HTTP has them."""

from __future__ import annotations

import base64
import json
import re
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import psutil
import pytest

from moviola.web.problems import MEDIA_TYPE
from moviola.web.receiving import PREFIX
from moviola.web.signing import headers_of, key_of
from moviola.web.users import Role, add_user, remove_user
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, local, output
from tests.media.video.clips import encode
from tests.waiting import PATIENCE_S, until
from worker.parent import CALL_BACK

from .hook_receivers import HookReceiver
from .pictures import as_picture, as_png, decoded
from .served import Served

STREAMS = 5
HOOK_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, hooks: HookReceiver) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("gateway")
    uploads = tmp_path_factory.mktemp("uploads")
    patient = ("--worker-timeout", "300")  # a worker that is suspended is not lost
    with LocalCluster(folder, workers=1, middleware_arguments=patient) as cluster:
        cluster.environment |= {"TMPDIR": str(uploads), "NO_PROXY": "localhost,127.0.0.1"}
        (folder / "hook-secret").write_text(HOOK_SECRET)
        (folder / "hook-secret").chmod(0o600)
        told = ("--webhook", hooks.url, "--webhook-secret-file", str(folder / "hook-secret"))
        with Served(cluster, "web", "--upload-limit", "1M", *told) as served:
            yield served


@pytest.fixture(scope="module")
def hooks() -> Iterator[HookReceiver]:
    """A webhook of the gateway, which refuses the first two tries."""
    with HookReceiver(lambda number: 503 if number < 2 else 204) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.moving(tmp_path_factory.mktemp("clips") / "my clip.mp4", frames=32)


@pytest.fixture(scope="module")
def done(gateway: Served, clip: Path) -> dict[str, Any]:
    """A job that is done: uploaded as a form, two chains, one of them named."""
    with clip.open("rb") as file:
        answer = gateway.client.post(
            "/api/jobs", files={"file": file}, data={"filters": ["blur:radius=3", "lines=edges"], "crf": "30"}
        )
    assert answer.status_code == 201, answer.text
    (job,) = answer.json()["jobs"]
    assert answer.headers["location"] == job["links"]["self"]
    return gateway.ended(job)


def job_ids(gateway: Served) -> set[str]:
    """The jobs that the gateway tells of."""
    return {job["id"] for job in gateway.get("/api/jobs?limit=1000")["jobs"]}


def requests_of(gateway: Served) -> int:
    """How many requests the gateway has answered or begun to answer, but those for this very count."""
    lines = re.findall(r"^moviola_http_requests_total\{.*", gateway.client.get("/metrics").text, re.MULTILINE)
    return sum(int(float(line.split()[-1])) for line in lines if 'route="/metrics"' not in line)


def uploads(gateway: Served) -> list[Path]:
    """What lies in the folder of uploads."""
    folder = Path(gateway.cluster.environment["TMPDIR"])
    return [path for own in folder.glob(f"{PREFIX}*") for path in own.iterdir()]


def test_an_upload_becomes_what_a_computation_without_a_cluster_makes_of_it(
    gateway: Served, done: dict[str, Any], clip: Path, tmp_path: Path
) -> None:
    assert (done["state"], done["name"], done["share"]) == ("done", "my clip.mp4", 1.0)
    assert [one["name"] for one in done["outputs"]] == ["blur", "lines"]
    reference = local(
        gateway.cluster, str(clip), "--filters", "blur:radius=3", "--crf", "30", "--out", f"{tmp_path}/r.mp4"
    )
    assert done["outputs"][0]["digest"] == output(reference)["digest"]
    assert not uploads(gateway)


def test_a_file_comes_whole_or_in_part(gateway: Served, done: dict[str, Any], tmp_path: Path) -> None:
    told = next(file for file in done["files"] if file["name"] == "blur.mp4")
    whole = gateway.client.get(told["href"])
    assert (whole.status_code, len(whole.content)) == (200, told["size"])
    assert whole.headers["content-type"] == "video/mp4"
    assert 'filename="blur.mp4"' in whole.headers["content-disposition"]
    (tmp_path / "got.mp4").write_bytes(whole.content)
    assert clips.digest(tmp_path / "got.mp4") == done["outputs"][0]["digest"]
    for header, content in (
        ("bytes=0-9", whole.content[:10]),
        ("bytes=100-", whole.content[100:]),
        ("bytes=-7", whole.content[-7:]),
        (f"bytes=5-{10**9}", whole.content[5:]),
    ):
        part = gateway.client.get(told["href"], headers={"Range": header})
        assert (part.status_code, part.content) == (206, content), header
    etag = whole.headers["etag"]
    assert gateway.client.get(told["href"], headers={"If-None-Match": etag}).status_code == 304
    stale = gateway.client.get(told["href"], headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status_code, stale.content) == (200, whole.content)
    beyond = gateway.client.get(told["href"], headers={"Range": f"bytes={told['size']}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{told['size']}")
    head = gateway.client.head(told["href"])
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(told["size"]), b"")
    assert gateway.client.get(f"{done['links']['self']}/files/nothing.mp4").status_code == 404


def test_an_output_is_played_from_the_chunk_that_has_a_time(
    gateway: Served, done: dict[str, Any], tmp_path: Path
) -> None:
    """The front of a job that still runs is played in tests/web/test_playing.py."""
    told = gateway.get(f"{done['links']['self']}/outputs/blur/play.json")
    assert (told["is_ready"], told["can_stream"], told["width"], told["reason"]) == (True, True, 160, "")
    whole = gateway.client.get(told["file"])
    (tmp_path / "whole.mp4").write_bytes(whole.content)
    played = gateway.client.get(f"{told['href']}?from=0.5")
    assert (played.status_code, played.headers["content-type"]) == (200, "video/mp4")
    (tmp_path / "played.mp4").write_bytes(played.content)
    assert clips.frames(tmp_path / "played.mp4") == clips.frames(tmp_path / "whole.mp4")  # all is one chunk


def test_a_job_tells_of_its_tasks(gateway: Served, done: dict[str, Any]) -> None:
    tasks = gateway.get(done["links"]["tasks"])
    assert tasks["progress"]["tasks_stored"] == tasks["progress"]["tasks_total"]
    story = gateway.get(f"{done['links']['tasks']}/0")["story"]
    assert any("stored" in line["text"] for line in story)
    assert gateway.client.get(f"{done['links']['tasks']}/999").json()["code"] == "unknown-task"


def test_a_job_tells_who_did_which_chunk_and_when(gateway: Served, done: dict[str, Any]) -> None:
    timeline = gateway.get(done["links"]["timeline"])
    chunks = {(span["output"], span["chunk"]) for span in timeline["spans"] if span["outcome"] == "stored"}
    assert chunks == {(output, chunk) for output in ("blur", "lines") for chunk in range(len(chunks) // 2)}
    assert all(0 <= span["lent"] <= span["start"] <= span["end"] <= done["seconds"] for span in timeline["spans"])
    assert {span["worker"] for span in timeline["spans"]} == set(timeline["workers"])
    assert (timeline["began_unix_s"], timeline["is_over"]) == (done["submitted_unix_s"], True)
    assert (timeline["seconds"], timeline["remarks"]) == (done["seconds"], [])


def test_a_job_has_a_report_that_loads_nothing(gateway: Served, done: dict[str, Any]) -> None:
    report = gateway.client.get(done["links"]["report"])
    assert (report.status_code, report.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert report.headers["content-security-policy"].startswith("default-src 'none'")
    for words in ("my clip.mp4", "All 32 frames came through", "blur:radius=3", "Who did what, when"):
        assert words in report.text, words
    saved = gateway.client.get(done["links"]["report"], params={"download": 1})
    assert saved.headers["content-disposition"].startswith(f'attachment; filename="{done["id"]}.html"')
    refused(gateway.client.get(done["links"]["report"], params={"download": "yes"}), 400, "bad-parameter")


def test_the_command_writes_the_same_report(gateway: Served, done: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    ran = gateway.cluster.run("client.html_report", done["id"][:8], "--out", str(path))
    assert (ran.returncode, ran.stdout.startswith(f"{path}, ")) == (0, True), ran.stderr
    assert "All 32 frames came through" in path.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_nothing_that_is_told_names_a_path_or_an_address(gateway: Served, done: dict[str, Any]) -> None:
    for path in (
        "/api/jobs",
        done["links"]["self"],
        done["links"]["tasks"],
        f"{done['links']['tasks']}/0",
        done["links"]["report"],
        done["links"]["timeline"],
    ):
        text = gateway.client.get(path).text
        for secret in (str(gateway.cluster.folder), tempfile.gettempdir(), str(gateway.cluster.aggregator_port)):
            assert secret not in text, path


def test_jobs_are_listed_the_newest_first(gateway: Served, done: dict[str, Any], clip: Path) -> None:
    newer = gateway.put(clip, filters="grayscale")
    names = [job["id"] for job in gateway.get("/api/jobs")["jobs"]]
    assert names.index(newer["id"]) < names.index(done["id"])
    assert len(gateway.get("/api/jobs?limit=1")["jobs"]) == 1
    assert done["id"] in [job["id"] for job in gateway.get("/api/jobs?state=done,failed")["jobs"]]
    assert gateway.get("/api/jobs?state=paused")["jobs"] == []
    gateway.ended(newer)


def test_pictures_become_one_job_and_come_one_by_one(gateway: Served, tmp_path: Path) -> None:
    for number in (1, 2):
        made = clips.moving(tmp_path / f"{number}.mp4", frames=1)
        png = tmp_path / f"{number}.png"
        as_picture(made, png)
    files = [("file", (f"{number}.png", (tmp_path / f"{number}.png").read_bytes())) for number in (1, 2)]
    answer = gateway.client.post("/api/jobs", files=files, data={"filters": "grayscale"})
    assert answer.status_code == 201, answer.text
    job = gateway.ended(answer.json()["jobs"][0])
    assert (job["kind"], job["state"]) == ("images", "done"), job
    picture = gateway.client.get(f"{job['links']['self']}/files/grayscale/2.png")
    assert (picture.status_code, picture.content[:4]) == (200, b"\x89PNG")
    assert gateway.client.get(f"{job['links']['self']}/files/grayscale/3.png").status_code == 404


def test_a_table_is_taken_as_well(gateway: Served) -> None:
    csv = b"name,count\n" + b"".join(b"a,%d\n" % number for number in range(50))
    answer = gateway.client.put("/api/jobs/numbers.csv", params={"filters": "where:column=count:min=25"}, content=csv)
    assert answer.status_code == 201, answer.text
    job = gateway.ended(answer.json()["jobs"][0])
    assert (job["kind"], job["state"]) == ("table", "done"), job


def test_the_same_upload_twice_while_it_is_open_is_one_job(gateway: Served, clip: Path) -> None:
    """So a lost answer makes no second job."""
    children = gateway.cluster.worker_children()
    for child in children:
        child.suspend()
    try:
        first, second = (gateway.put(clip, filters="flip")["id"] for _ in range(2))
        other = gateway.put(clip, filters="flip", new="on")
        assert first == second != other["id"]
        path = other["links"]["self"]
        changed = gateway.client.post(f"{path}/priority?priority=7").json()["answer"]
        assert changed.startswith(f"job {other['id']} has priority 7, 0 before")
        assert gateway.get(path)["priority"] == 7
        for query in ("", "?priority=", "?priority=101", "?priority=-1", "?priority=high"):
            refused(gateway.client.post(f"{path}/priority{query}"), 400, "bad-parameter")
        refused(gateway.client.delete(path, params={"of": "over"}), 409, "wrong-state")
        refused(gateway.client.delete(path, params={"of": "later"}), 400, "bad-parameter")
        cancelled = gateway.client.delete(path, params={"of": "open"})
        assert (cancelled.status_code, cancelled.json()["done"]) == (200, "cancelled")
        for verb in ("pause", "priority?priority=8"):
            refused(gateway.client.post(f"{path}/{verb}"), 409, "wrong-state")
    finally:
        for child in children:
            child.resume()
    assert gateway.ended(other)["state"] == "cancelled"
    told = refused(gateway.client.delete(path, params={"of": "open"}), 409, "wrong-state")
    assert "only a job that is not over can be cancelled" in told
    forgotten = gateway.client.delete(path)
    assert (forgotten.status_code, forgotten.json()["done"]) == (200, "forgotten")
    assert gateway.client.get(other["links"]["self"]).status_code == 404


def test_a_worker_is_drained_and_comes_back_when_it_is_called(gateway: Served, clip: Path) -> None:
    (worker,) = gateway.get("/api/workers")["workers"]
    path = f"/api/workers/{worker['name']}"
    refused(gateway.client.post(f"{path}/resume"), 409, "wrong-state")
    refused(gateway.client.post("/api/workers/no/such/drain"), 404, "unknown-worker")
    refused(gateway.client.post(f"/api/workers/{'x' * 300}/drain"), 404, "unknown-worker")

    def is_(state: str) -> None:
        until(lambda: gateway.get("/api/workers")["workers"][0]["state"] == state, f"it is {state}")

    (child,) = gateway.cluster.worker_children()
    child.suspend()
    try:
        job = gateway.put(clip, filters="contrast", new="on")
        until(lambda: gateway.get("/api/workers")["workers"][0]["tasks"], "it holds a task")
        told = gateway.client.post(f"{path}/drain").json()
        assert told["name"] == worker["name"]
        assert told["answer"].startswith(f"worker {worker['name']} gets no more tasks: it finishes or gives back")
        is_("draining")
        resumed = gateway.client.post(f"{path}/resume")
        assert resumed.status_code == 200, resumed.text
        assert gateway.client.post(f"{path}/drain").status_code == 200
        child.resume()
        is_("lost")
        refused(gateway.client.post(f"{path}/drain"), 409, "wrong-state")
    finally:
        with suppress(psutil.NoSuchProcess):
            child.resume()
        gateway.cluster.processes["worker"].send_signal(CALL_BACK)
    ended = gateway.ended(job)
    assert (ended["state"], ended["progress"]["retries"]) == ("done", 0)


def test_a_jobs_stream_begins_with_its_record_and_ends_with_it(gateway: Served, clip: Path) -> None:
    job = gateway.put(clip, filters="rotate")
    path = job["links"]["events"]
    told = list(gateway.events(path))
    assert told[0]["event"] == "job"
    assert told[-1]["state"] == "done", told[-1]
    gateway.ended(job)
    everything = list(gateway.events(path, after="0.other-1"))
    kinds = [one["event"] for one in everything]
    assert kinds[:2] == ["missed", "job-submitted"]
    assert (kinds[-1], kinds.count("job-done"), kinds.count("job-started")) == ("job-done", 1, 1)
    later = list(gateway.events(path, after=everything[1]["id"]))
    assert later == everything[2:]
    nothing_more = gateway.client.get(path, headers={"Last-Event-ID": everything[-1]["id"]})
    assert nothing_more.status_code == 204
    refused(gateway.client.get(path, headers={"Last-Event-ID": "x"}), 400, "bad-parameter")
    assert "job-done?" in refused(gateway.client.get("/api/events?kinds=job-don"), 400, "bad-parameter")


@pytest.mark.parametrize("chunks", [2, 4])
def test_a_longer_job_costs_no_more_requests_and_each_change_is_one_event(
    gateway: Served, tmp_path: Path, chunks: int
) -> None:
    """By a client as the page is one: it has one stream, and asks for nothing that the stream tells."""
    clip = clips.moving(tmp_path / "clip.mp4", frames=16 * chunks)
    before = requests_of(gateway)
    job = gateway.put(clip, filters="flip", chunk_frames=16)
    told = list(gateway.events(job["links"]["events"], after="0.other-1"))
    record = gateway.get(job["links"]["self"])
    assert gateway.client.get(record["files"][0]["href"]).status_code == 200
    assert (record["state"], record["progress"]["tasks_total"]) == ("done", chunks)
    assert requests_of(gateway) - before == 4, "the upload, the stream, the record, the file"
    changes = Counter(one["event"] for one in told if one["event"] not in ("missed", "progress"))
    assert changes.keys() >= {"job-submitted", "job-started", "job-done"}
    assert set(changes.values()) == {1}, told


def test_all_streams_tell_of_all_jobs_and_end_with_the_gateway(gateway: Served, clip: Path) -> None:
    heard: list[list[str]] = [[] for _ in range(STREAMS)]
    with Served(gateway.cluster, "other") as other, ThreadPoolExecutor(STREAMS) as threads:

        def listen(place: int) -> None:
            with suppress(httpx.TransportError):  # the gateway goes
                for told in other.events("/api/events?after=0.other-1"):
                    heard[place].append(f"{told['event']} {told.get('job', '')}")

        streams = [threads.submit(listen, place) for place in range(STREAMS)]
        job = gateway.ended(gateway.put(clip, filters="brightness"))
        until(lambda: all(f"job-done {job['id']}" in one for one in heard), lambda: heard)
        other.process.send_signal(signal.SIGTERM)
        other.process.wait(PATIENCE_S)
        for stream in streams:
            stream.result(PATIENCE_S)
    assert all(one.count(f"job-done {job['id']}") == 1 for one in heard)
    assert "Traceback" not in gateway.cluster.log("other")


def test_users_have_their_own_jobs_and_an_admin_all(gateway: Served, clip: Path) -> None:
    tokens = {name: _token(gateway, name, *more) for name, *more in (("anna",), ("bob",), ("boss", "--admin"))}
    with Served(gateway.cluster, "guarded", "--users", "users.json") as guarded:

        def ask(user: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {tokens[user]}"}
            return guarded.client.request(method, path, headers=headers, **more)

        assert guarded.client.get("/api/jobs").status_code == 401
        made = ask("anna", "/api/jobs/hers.mp4?filters=enhance", "PUT", content=clip.read_bytes())
        assert made.status_code == 201, made.text
        (job,) = made.json()["jobs"]
        assert job["user"] == "anna"
        path = job["links"]["self"]
        until(lambda: ask("anna", path).json()["is_over"], "its end")
        assert "event: job" in ask("anna", f"{path}/events").text
        for below, method in (
            ("", "GET"), ("/tasks", "GET"), ("/tasks/0", "GET"), ("/files", "GET"), ("/files/enhance.mp4", "GET"),
            ("/events", "GET"), ("/retry", "POST"), ("/pause", "POST"), ("", "DELETE"),
            ("/priority?priority=1", "POST"),
        ):  # fmt: skip
            refused(ask("bob", f"{path}{below}", method), 404, "unknown-job")
        for verb in ("drain", "resume"):
            refused(ask("anna", f"/api/workers/any/{verb}", "POST"), 403, "not-yours")
            refused(ask("boss", f"/api/workers/any/{verb}", "POST"), 404, "unknown-worker")
        assert [one["id"] for one in ask("anna", "/api/jobs").json()["jobs"]] == [job["id"]]
        assert ask("bob", "/api/jobs").json()["jobs"] == []
        assert job["id"] in [one["id"] for one in ask("boss", "/api/jobs").json()["jobs"]]
        assert ask("boss", f"{path}/files/enhance.mp4").status_code == 200
        assert ask("anna", f"{path}/files/enhance.mp4").status_code == 200
        assert ask("boss", path, "DELETE").json()["done"] == "forgotten"


def _token(gateway: Served, *user: str) -> str:
    """Make a user, and return the token."""
    done = gateway.cluster.run("moviola.web", "user", "add", *user, "--users", "users.json")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The sentence of an answer that says no."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    assert answer.json()["code"] == code
    detail = answer.json()["detail"]
    assert isinstance(detail, str)
    assert PREFIX not in detail
    return detail


@pytest.mark.parametrize(
    ("name", "content", "query", "status", "code", "words"),
    [
        ("notes.txt", b"hello", "", 415, "unreadable-source", "notes.txt: this is not a media file"),
        ("empty.mp4", b"", "", 400, "bad-parameter", "empty.mp4 is empty"),
        ("big.mp4", b"0" * (2**20 + 1), "", 413, "request-entity-too-large", "more than 1.0 MB"),
        ("a.mp4", b"hello", "filters=blurr", 422, "bad-filters", 'did you mean "blur"?'),
        ("a.mp4", b"hello", "filters=blur:radius=1000", 422, "bad-filters", "radius is 1000"),
        ("a.mp4", b"hello", "filters=watermark:file=/etc/passwd", 422, "bad-filters", "no file of that name came"),
        ("a.mp4", b"hello", "filter=blur", 400, "bad-parameter", "did you mean filters?"),
        ("a.mp4", b"hello", "crf=99", 400, "bad-parameter", "crf: "),
        ("a.mp4", b"hello", "crf=9&crf=10", 400, "bad-parameter", "crf is given 2 times"),
        ("a.mp4", b"hello", "codec=h26", 400, "bad-parameter", "did you mean h265?"),
        ("a.mp4", b"hello", "quality=3", 400, "bad-parameter", "quality is for images"),
        ("a.mp4", b"hello", "out=/tmp/x", 400, "bad-parameter", "There is no field 'out'"),
    ],
)
def test_what_cannot_be_taken_is_said_in_a_sentence(
    gateway: Served, name: str, content: bytes, query: str, status: int, code: str, words: str
) -> None:
    before = job_ids(gateway)
    answer = gateway.client.put(f"/api/jobs/{name}?{query}", content=content)
    assert words in refused(answer, status, code)
    assert job_ids(gateway) <= before  # jobs of other tests may be forgotten meanwhile
    assert not uploads(gateway)


def test_a_form_is_taken_as_it_should_be(gateway: Served) -> None:
    client = gateway.client
    assert "curl -F" in refused(client.post("/api/jobs", content=b"x"), 415, "unsupported-media-type")
    assert "no file" in refused(client.post("/api/jobs", files={"asset": b"x"}), 400, "bad-parameter")
    assert "fields file and asset" in refused(client.post("/api/jobs", files={"video": b"x"}), 400, "bad-form")
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    half = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nhello'
    assert "middle" in refused(client.post("/api/jobs", content=half, headers=broken), 400, "bad-form")
    away = client.post("/api/jobs", files={"file": ("../../etc/a.mp4", b"hello")})
    assert refused(away, 415, "unreadable-source").startswith("a.mp4: ")
    odd = b"no boundary at all"
    assert "cannot be read" in refused(client.post("/api/jobs", content=odd, headers=broken), 400, "bad-form")
    assert not uploads(gateway)


def test_an_upload_that_is_broken_off_leaves_nothing(gateway: Served, clip: Path) -> None:
    before = job_ids(gateway)

    def half() -> Iterator[bytes]:
        yield clip.read_bytes()[:1000]
        until(lambda: uploads(gateway), "the upload to have begun")
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        gateway.client.put("/api/jobs/half.mp4", content=half())
    until(lambda: not uploads(gateway), "its folder to go")
    assert job_ids(gateway) <= before  # jobs of other tests may be forgotten meanwhile


def test_a_logo_travels_with_an_upload(gateway: Served, clip: Path, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    as_picture(clip, logo)
    files = [("file", (clip.name, clip.read_bytes())), ("asset", ("logo.png", logo.read_bytes()))]
    answer = gateway.client.post("/api/jobs", files=files, data={"filters": "watermark:file=logo.png"})
    assert answer.status_code == 201, answer.text
    assert gateway.ended(answer.json()["jobs"][0])["state"] == "done"


def previewed(gateway: Served, files: list[tuple[str, bytes]], **fields: str) -> httpx.Response:
    """The answer to a preview of some files."""
    sent = [("file", (name, content)) for name, content in files]
    return gateway.client.post("/api/previews", files=sent, data=fields)


def pixels(answer: httpx.Response) -> list[Any]:
    """The pictures of a preview, decoded."""
    assert answer.status_code == 200, answer.text
    return [decoded(base64.b64decode(picture["data"])) for picture in answer.json()["pictures"]]


def test_what_would_be_kept_is_told_and_strictly_refused(gateway: Served, tmp_path: Path) -> None:
    film = encode(tmp_path / "film.mp4", "libx264", 6, pixel_format="yuv444p")
    before = job_ids(gateway)
    form = {"filters": "blur", "codec": "mpeg4"}
    with film.open("rb") as file:
        answer = gateway.client.post("/api/preflights", files={"file": file}, data=form)
    assert answer.status_code == 200, answer.text
    (told,) = answer.json()["preflights"]
    assert (told["source"], told["kind"]) == ("film.mp4", "video")
    assert {"name": "frames", "value": "6; 1 keyframe"} in told["traits"]
    (changed,) = [each for each in told["findings"] if each["fate"] == "changed"]
    for answer in (
        gateway.client.post("/api/jobs", files={"file": ("film.mp4", film.read_bytes())}, data=form | {"strict": "on"}),
        gateway.client.put("/api/jobs/film.mp4", params=form | {"strict": "on"}, content=film.read_bytes()),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "not-kept"), answer.text
        assert f"{changed['subject']} {changed['reason']}" in answer.json()["detail"]
        assert str(tmp_path) not in answer.text
        assert answer.json()["detail"].startswith("film.mp4: ")
    assert job_ids(gateway) == before
    assert not uploads(gateway)


def test_a_preview_of_pictures_is_what_a_job_makes_of_them_and_leaves_nothing(
    gateway: Served, clip: Path, tmp_path: Path
) -> None:
    picture = as_picture(clip, tmp_path / "a picture.png").read_bytes()
    before = job_ids(gateway)
    answer = previewed(gateway, [("a picture.png", picture)], filters="blur:radius=9")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["kind"], told["remarks"], [one["name"] for one in told["pictures"]]) == (
        "images", [], ["a picture.png"],
    )  # fmt: skip
    job = gateway.client.post(
        "/api/jobs", files={"file": ("a picture.png", picture)}, data={"filters": "blur:radius=9"}
    ).json()["jobs"][0]
    gateway.ended(job)
    made = gateway.client.get(f"{job['links']['self']}/files/blur/a picture.png").content
    assert base64.b64decode(told["pictures"][0]["data"]) == made != picture
    assert job_ids(gateway) <= before | {job["id"]}
    assert not uploads(gateway)


def test_a_preview_of_a_video_has_the_frames_that_the_filters_make(gateway: Served, clip: Path) -> None:
    chain = "motion,blur:radius=3"
    job = gateway.ended(gateway.put(clip, filters=chain, codec="ffv1", new="on"))
    (made,) = (file["href"] for file in job["files"] if file["name"].endswith(".mkv"))
    with av.open(BytesIO(gateway.client.get(made).content), "r") as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    answer = previewed(gateway, [(clip.name, clip.read_bytes())], filters=f"fps:rate=10,{chain}")
    assert [one["name"] for one in answer.json()["pictures"]] == ["first", "middle", "last"]
    assert answer.json()["remarks"][0].startswith("fps decides which frames there are")
    for shown, index in zip(pixels(answer), (0, 16, 31), strict=True):
        assert np.array_equal(shown, frames[index]), index
    moved = {note["picture"]: bool(note["boxes"]) for note in answer.json()["notes"]}
    assert moved == {0: False, 1: True, 2: True}, "each is compared with the frame before it"


def test_pictures_of_a_video_may_come_with_frames_in_front_of_them(gateway: Served, clip: Path) -> None:
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    files = [(f"{index}.png", as_png(frames[index])) for index in (4, 5, 20, 21)]
    answer = previewed(gateway, files, filters="motion", of="video", before="1")
    assert answer.status_code == 200, answer.text
    assert answer.json()["kind"] == "video"
    assert [one["name"] for one in answer.json()["pictures"]] == ["first", "last"]
    assert [note["picture"] for note in answer.json()["notes"]] == [0, 1]
    shown = pixels(answer)
    assert max(np.median(np.abs(one.astype(int) - frames[at])) for one, at in zip(shown, (5, 21), strict=True)) <= 2


def test_a_preview_of_a_table_has_its_records(gateway: Served) -> None:
    csv = b"name,count\n" + b"".join(b"a,%d\n" % number for number in range(50))
    answer = previewed(gateway, [("numbers.csv", csv)], filters="where:column=count:min=25")
    assert answer.status_code == 200, answer.text
    (table,) = answer.json()["tables"]
    assert (table["name"], table["count"], table["records"][0]) == ("numbers.csv", 25, {"name": "a", "count": "25"})


@pytest.mark.parametrize(
    ("name", "content", "fields", "status", "code", "words"),
    [
        ("a.png", b"hello", {"filters": "blurr"}, 422, "bad-filters", 'did you mean "blur"?'),
        ("a.png", b"hello", {"filters": "motion"}, 422, "bad-filters", "compares frames that follow each other"),
        ("a.png", b"hello", {"filters": "blur:radius=1000"}, 422, "bad-filters", "radius is 1000"),
        ("a.png", b"hello", {"filters": ["blur", "edges"]}, 400, "bad-parameter", "there are 2; say 'filters' once"),
        ("a.png", b"hello", {}, 400, "bad-parameter", "there are 0; say 'filters' once"),
        ("a.png", b"hello", {"filters": "blur", "codec": "h264"}, 400, "bad-parameter", "no field 'codec'"),
        ("a.png", b"hello", {"filters": "blur", "of": "film"}, 400, "bad-parameter", "of cannot be 'film'"),
        ("a.png", b"hello", {"filters": "blur", "before": "17"}, 400, "bad-parameter", "from 0 to 16"),
        ("a.png", b"hello", {"filters": "blur", "of": "video", "before": "1"}, 400, "bad-parameter", "not a multiple"),
        ("a.png", b"hello", {"filters": "blur", "of": "video"}, 415, "unreadable-source", "a.png: "),
        ("a.mp4", b"hello", {"filters": "blur"}, 415, "unreadable-source", "a.mp4: this is not a media file"),
        ("a.png", b"", {"filters": "blur"}, 400, "bad-parameter", "a.png is empty"),
        ("a.png", b"0" * (2**20 + 1), {"filters": "blur"}, 413, "request-entity-too-large", "send smaller pictures"),
    ],
)
def test_a_preview_that_cannot_be_is_refused_in_a_sentence(
    gateway: Served, name: str, content: bytes, fields: dict[str, Any], status: int, code: str, words: str
) -> None:
    answer = gateway.client.post("/api/previews", files={"file": (name, content)}, data=fields)
    assert words in refused(answer, status, code)
    assert not uploads(gateway)


def test_a_preview_ends_when_whoever_asked_has_gone(gateway: Served, clip: Path) -> None:
    children = gateway.cluster.worker_children()
    for child in children:
        child.suspend()
    try:
        patience = httpx.Timeout(PATIENCE_S, read=1.0)
        with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=gateway.url, timeout=patience) as client:
            client.post("/api/previews", files={"file": (clip.name, clip.read_bytes())}, data={"filters": "blur"})
        until(lambda: not uploads(gateway), "the preview to be given up")
    finally:
        for child in children:
            child.resume()
    assert previewed(gateway, [(clip.name, clip.read_bytes())], filters="blur").status_code == 200


def test_the_page_is_told_what_can_be_sent(gateway: Served) -> None:
    told = gateway.get("/api/kinds")
    assert {kind["name"]: kind["grouping"] for kind in told["kinds"]} == {
        "video": "each", "images": "together", "table": "together",
    }  # fmt: skip
    options = {option["name"]: option for option in told["options"]}
    assert (options["crf"]["minimum"], options["crf"]["default"], options["crf"]["kinds"]) == (0, "20", ["video"])
    assert "h264" in options["codec"]["choices"]
    assert "anonymise" in [preset["name"] for preset in told["presets"]]
    assert (told["upload_limit"], told["preview_limit"]) == (2**20, 2**20)


def test_a_middleware_that_restarts_is_met_again(gateway: Served, clip: Path) -> None:
    gateway.cluster.restart("middleware")
    gateway.cluster.wait(1)
    assert gateway.ended(gateway.put(clip, filters="sharpen"))["state"] == "done"


def test_a_webhook_is_told_of_each_job_once_however_often_it_refuses(
    gateway: Served, done: dict[str, Any], hooks: HookReceiver, clip: Path
) -> None:
    """After what restarts the middleware: the second job is told of by another journal."""
    other = gateway.ended(gateway.put(clip, filters="contrast", new="on"))
    key = key_of(HOOK_SECRET.encode())
    for job in (done, other):
        taken = hooks.taken(lambda sent: json.loads(sent.body)["job"] == job["id"])  # noqa: B023 - called at once
        headers = taken.headers
        assert headers.items() >= headers_of(
            key, headers["webhook-id"], int(headers["webhook-timestamp"]), taken.body
        ).items()  # fmt: skip
        told = json.loads(taken.body)
        assert (told["kind"], told["state"], told["name"]) == ("job-done", "done", "my clip.mp4")
        assert [one for one in hooks.sent if one.status < 300 and one.body == taken.body] == [taken]
    assert [one.headers["webhook-id"] for one in hooks.sent[:3]] == [hooks.sent[0].headers["webhook-id"]] * 3
    assert 'moviola_webhooks_total{outcome="given-up"} 0.0' in gateway.client.get("/metrics").text


def test_the_cluster_is_told_of_in_json_and_to_prometheus(gateway: Served, clip: Path) -> None:
    job = gateway.ended(gateway.put(clip, filters="grayscale"))  # after what restarts the middleware
    assert job["state"] == "done"
    until(lambda: gateway.get("/api/stats")["frames_done"] >= 32, lambda: f"{gateway.get('/api/stats')}")
    stats = gateway.get("/api/stats")
    assert (stats["aggregators"], stats["jobs"]["done"] >= 1, stats["tasks"]["handed_out"] >= 1) == (1, True, True)
    (worker,) = gateway.get("/api/workers")["workers"]
    assert (worker["state"] in ("ready", "full"), "blur" in worker["filters"]) == (True, True)
    blur = next(one for one in gateway.get("/api/filters")["filters"] if one["name"] == "blur")
    assert (blur["workers"], blur["parameters"][0]["name"]) == (1, "radius")
    assert gateway.get("/api/health/ready") == {"live": True, "ready": True}
    text = gateway.client.get("/metrics").text
    assert 'moviola_http_requests_total{method="PUT",route="/api/jobs/{id}",status="201"}' in text
    assert "moviola_up 1.0" in text
    assert len(re.findall(r"^moviola_jobs_ended_total\{", text, re.MULTILINE)) == 4


def test_users_see_their_own_jobs_and_an_admin_all(
    gateway: Served, clip: Path, done: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "users.json"
    anna, boss = (add_user(path, name, role, 0) for name, role in (("anna", Role.USER), ("boss", Role.ADMIN)))
    with Served(gateway.cluster, "with-users", "--users", str(path)) as served:
        assert served.client.get("/api/jobs").status_code == 401
        served.client.headers["Authorization"] = f"Bearer {anna}"
        assert served.get("/api/jobs") == {"jobs": [], "count": 0}
        answer = served.client.get(done["links"]["self"])
        unknown = served.client.get("/api/jobs/there-is-none")
        assert (answer.status_code, unknown.status_code) == (404, 404)
        assert answer.json()["code"] == unknown.json()["code"]
        assert served.client.delete(done["links"]["self"]).status_code == 404
        own = served.ended(served.put(clip, filters="flip"))
        assert (own["user"], own["state"], served.get("/api/jobs")["count"]) == ("anna", "done", 1)
        served.client.headers["Authorization"] = f"Bearer {boss}"
        assert {job["user"] for job in served.get("/api/jobs")["jobs"]} >= {"anna", done["user"]}
        assert served.client.get(own["files"][0]["href"]).status_code == 200
        remove_user(path, "boss")
        assert served.client.get("/api/jobs").status_code == 401
