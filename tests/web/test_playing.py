"""Outputs are watched through a gateway while their jobs run: with real processes, whose workers wait at gates."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from moviola.media.video.playing.fragments import boxes
from moviola.session.cluster_view import look
from moviola.session.target import Target
from moviola.web.play import MAX_PLAYS_OF_USER
from moviola.wire.addresses import Address
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import PLUGINS
from tests.media.video.cutting_room import frames_of, sound_of
from tests.waiting import PATIENCE_S, until

from .served import Served

pytestmark = pytest.mark.suite("web")

CHUNK = 16
CHUNKS = 6


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    arguments = ("--plugins", str(PLUGINS))
    with (
        LocalCluster(tmp_path_factory.mktemp("playing"), workers=2, worker_arguments=arguments) as cluster,
        Served(cluster) as served,
    ):
        yield served


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six chunks, with B-frames and sound that begins before zero."""
    return clips.moving(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=CHUNKS * CHUNK, b_frames=2, sound=True)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that the filter `gate` waits for; at the end it is there, so that no worker waits for ever."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


def gated(gateway: Served, clip: Path, gate: Path, chunk: int, **fields: Any) -> dict[str, Any]:
    """A job whose chunks from one on wait at a gate."""
    chain = ",".join(["blur", *(f"gate:frame={each * CHUNK}:path={gate}" for each in range(chunk, CHUNKS))])
    return gateway.put(clip, filters=f"soft={chain}", chunk_frames=CHUNK, new="on", **fields)


def play_of(job: dict[str, Any], kind: str = "mp4", output: str = "soft") -> str:
    """Where an output is watched."""
    return f"{job['links']['self']}/outputs/{output}/play.{kind}"


class Watching:
    """A stream that is read as it comes; `with` opens it."""

    def __init__(self, gateway: Served, path: str) -> None:
        self._context = gateway.client.stream("GET", path)
        self.data = b""

    def __enter__(self) -> Watching:
        self.answer = self._context.__enter__()
        assert self.answer.status_code == 200, self.answer.read()
        self._pieces = self.answer.iter_bytes()
        return self

    def __exit__(self, *told: Any) -> None:
        self._context.__exit__(*told)

    def fragments(self, count: int) -> bytes:
        """What has come once so many fragments are whole."""
        until(lambda: self._whole() >= count, lambda: f"{count} fragments, not {self._whole()}", turn=self._read)
        return self.data

    def rest(self) -> bytes:
        """All of it, once it has ended."""
        self.data += b"".join(self._pieces)
        return self.data

    def _whole(self) -> int:
        return [kind for kind, _, _ in boxes(self.data)].count(b"mdat")

    def _read(self) -> None:
        self.data += next(self._pieces)


def written(folder: Path, data: bytes, name: str = "played.mp4") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def is_done(cluster: LocalCluster, job: dict[str, Any]) -> bool:
    """Whether a job is done, as the middleware itself says."""
    target = Target(Address("localhost", cluster.port), secret=cluster.secret)
    view = look(target, ("jobs",), until=lambda view: view.is_current)
    return view.jobs[job["id"]].state == "done"


def finished(gateway: Served, job: dict[str, Any], folder: Path) -> Path:
    """The finished file of a job's output `soft`."""
    file = next(each for each in gateway.ended(job)["files"] if each["name"] in ("soft.mp4", "soft.mov", "soft.mkv"))
    return written(folder, gateway.client.get(file["href"]).content, f"finished{Path(file['name']).suffix}")


@pytest.mark.smoke
def test_the_front_is_played_while_the_rest_is_worked_on(
    gateway: Served, clip: Path, gate: Path, tmp_path: Path
) -> None:
    job = gated(gateway, clip, gate, 3)
    with Watching(gateway, play_of(job)) as watching:
        early = frames_of(written(tmp_path, watching.fragments(3)))
        assert gateway.get(job["links"]["self"])["state"] == "running"
        assert len(early) == 3 * CHUNK
        gate.touch()
        played = written(tmp_path, watching.rest())
    whole = finished(gateway, job, tmp_path)
    assert frames_of(played) == frames_of(whole)
    assert sound_of(played) == sound_of(whole)
    assert early == frames_of(whole)[: 3 * CHUNK]


def test_it_says_what_it_is_before_and_after(gateway: Served, clip: Path, gate: Path) -> None:
    job = gated(gateway, clip, gate, 1)
    told = until(lambda: found if (found := gateway.get(play_of(job, "json")))["is_ready"] else None, "the first chunk")
    facts = {name: told[name] for name in ("width", "height", "frame_rate", "has_sound", "can_stream", "reason")}
    assert facts == {
        "width": 160, "height": 120, "frame_rate": 25.0, "has_sound": True, "can_stream": True, "reason": ""
    }  # fmt: skip
    assert told["mime"].startswith('video/mp4; codecs="avc1.')
    assert told["mime"].endswith(', mp4a.40.2"')
    assert told["duration_s"] == pytest.approx(CHUNKS * CHUNK / 25)
    assert told["file"] is None
    head = gateway.client.head(play_of(job))
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "video/mp4", b"")
    silent = gateway.get(f"{play_of(job, 'json')}?sound=off")
    assert (silent["has_sound"], "mp4a" in silent["mime"]) == (False, False)
    gate.touch()
    ended = gateway.ended(job)
    after = gateway.get(play_of(job, "json"))
    assert after["file"] == next(file["href"] for file in ended["files"] if file["name"] == "soft.mp4")
    assert (after["mime"], after["width"]) == (told["mime"], told["width"])
    assert after["duration_s"] == pytest.approx(told["duration_s"], abs=0.1)


def test_it_begins_with_the_chunk_that_has_a_time(gateway: Served, clip: Path, gate: Path, tmp_path: Path) -> None:
    job = gated(gateway, clip, gate, 5)
    with Watching(gateway, f"{play_of(job)}?from=2.0") as watching:  # the third chunk has frames 32 to 47
        early = frames_of(written(tmp_path, watching.fragments(2)))
        gate.touch()
        late = frames_of(written(tmp_path, watching.rest()))
    whole = frames_of(finished(gateway, job, tmp_path))
    assert early[0][0] == Fraction(48, 25)
    assert late == whole[3 * CHUNK :]
    again = frames_of(written(tmp_path, gateway.client.get(f"{play_of(job)}?from=1.9").content))
    assert again == whole[2 * CHUNK :]


def test_who_reads_slowly_is_given_the_rest_from_the_finished_file(
    gateway: Served, clip: Path, gate: Path, tmp_path: Path
) -> None:
    job = gated(gateway, clip, gate, 2)
    with Watching(gateway, play_of(job)) as watching:
        watching.fragments(2)
        gateway.cluster.kill(gateway.name, signal.SIGSTOP)  # so it reads none of what is stored from now on
        try:
            gate.touch()
            until(lambda: is_done(gateway.cluster, job), "the end of the job")
        finally:
            gateway.cluster.kill(gateway.name, signal.SIGCONT)
        played = written(tmp_path, watching.rest())
    whole = finished(gateway, job, tmp_path)
    assert frames_of(played) == frames_of(whole)
    assert sound_of(played) == sound_of(whole)


def test_a_job_that_is_cancelled_cuts_the_stream(gateway: Served, clip: Path, gate: Path) -> None:
    job = gated(gateway, clip, gate, 2)
    with Watching(gateway, play_of(job)) as watching:
        watching.fragments(2)
        assert gateway.client.delete(job["links"]["self"]).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            watching.rest()
    gate.touch()
    answer = gateway.client.get(play_of(job))
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
    told = gateway.get(play_of(job, "json"))
    assert (told["state"], told["is_ready"]) == ("cancelled", False)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"filters": "soft=blur", "codec": "ffv1"}, "An MP4 cannot hold ffv1, and no browser plays it: get the"),
        ({"filters": "soft=metadata", "no_video": "on"}, "This output has no video"),
    ],
    ids=["ffv1", "no-video"],
)
def test_what_cannot_be_played_is_said_with_the_way_out(
    gateway: Served, clip: Path, fields: dict[str, str], reason: str
) -> None:
    job = gateway.put(clip, new="on", **fields)
    told = gateway.get(play_of(job, "json"))
    assert (told["can_stream"], told["is_ready"]) == (False, False)
    assert told["reason"].startswith(reason)
    answer = gateway.client.get(play_of(job))
    assert (answer.status_code, answer.json()["code"]) == (422, "not-playable")
    assert answer.json()["detail"].startswith(reason)


def test_mpeg4_is_streamed_though_no_browser_plays_it(gateway: Served, clip: Path, tmp_path: Path) -> None:
    job = gateway.put(clip, filters="soft=blur", codec="mpeg4", new="on")
    whole = finished(gateway, job, tmp_path)
    told = gateway.get(play_of(job, "json"))
    assert told["can_stream"]
    assert "codec=h264" in told["reason"]
    played = written(tmp_path, gateway.client.get(play_of(job)).content)
    assert frames_of(played) == frames_of(whole)


def test_what_is_asked_wrongly_is_refused(gateway: Served, clip: Path) -> None:
    job = gateway.put(clip, filters="soft=blur", new="on")
    for path, status, code in (
        (f"{play_of(job)}?from=soon", 400, "bad-parameter"),
        (f"{play_of(job)}?sound=loud", 400, "bad-parameter"),
        (play_of(job, output="sharp"), 404, "unknown-output"),
        ("/api/jobs/nothing/outputs/soft/play.mp4", 404, "unknown-job"),
    ):
        answer = gateway.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


def test_a_table_is_not_played(gateway: Served, tmp_path: Path) -> None:
    table = tmp_path / "movies_metadata.csv"
    table.write_text("id,title,release_date,production_countries\n1,One,2001-01-01,[]\n")
    job = gateway.put(table, filters="post_2000")
    assert "only a video can be played" in gateway.get(play_of(job, "json", "post_2000"))["reason"]


def test_who_goes_away_leaves_no_place_taken(gateway: Served, clip: Path, gate: Path) -> None:
    job = gated(gateway, clip, gate, 1)
    for _ in range(20):  # more than a user's places
        with Watching(gateway, play_of(job)) as watching:
            watching.fragments(1)
    with httpx.Client(base_url=gateway.url, timeout=PATIENCE_S) as client:
        assert client.get(play_of(job, "json")).status_code == 200


def test_who_watches_too_much_at_a_time_is_told_so(gateway: Served, clip: Path, gate: Path) -> None:
    job = gated(gateway, clip, gate, 1)
    with ExitStack() as watched:
        for _ in range(MAX_PLAYS_OF_USER):
            watched.enter_context(Watching(gateway, play_of(job))).fragments(1)
        answer = gateway.client.get(play_of(job))
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-plays")
        assert "close one" in answer.json()["detail"]
        assert "retry-after" in answer.headers
    until(lambda: gateway.client.get(play_of(job, "json")).status_code == 200, "a place")


def test_pyav_plays_the_address_while_the_job_runs(gateway: Served, clip: Path, gate: Path) -> None:
    """As ffplay does: by FFmpeg's own HTTP."""
    job = gated(gateway, clip, gate, 4)
    with av.open(f"{gateway.url}{play_of(job)}") as container:
        frames = container.decode(video=0)
        for _ in range(2 * CHUNK):
            next(frames)
        assert gateway.get(job["links"]["self"])["state"] == "running"
        gate.touch()
        assert sum(1 for _ in frames) == (CHUNKS - 2) * CHUNK
