"""What filters measure and find, at other rates, in several outputs: the same however it is cut and whoever works."""

from __future__ import annotations

import hashlib
import json
import socket
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from moviola.filters.registry import BUILT_IN, schemas
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, local, output
from tests.media.video.clips import encode

FRAMES = 66
CHUNKS = ("1", "7", "64", "1000")
OTHERS = ("blur,edges", "faces", "fps:rate=40,motion", "fps:rate=10,metadata,enhance", "resize:width=80,motion,sharpen")


def looking_back() -> Iterator[str]:
    """A chain for each built-in filter that needs earlier frames, by its own setting or with a switch turned on."""
    known = schemas()
    for name in BUILT_IN:
        schema = known[name]
        switch = str(schema.context).partition(" if ")[2]
        given = {switch: True} if switch else {}
        if schema.material == "picture" and schema.context_frames(schema.typed(given)):
            yield f"{name}:{switch}=true" if switch else name


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """B-frames over open GOPs, two scenes: noise never repeats, so a frame in a wrong place is found."""
    options = {"x264-params": "open-gop=1:keyint=20:min-keyint=20:bframes=3:b-pyramid=normal:scenecut=0"}
    return encode(tmp_path_factory.mktemp("film") / "film.mp4", "libx264", FRAMES, options=options, sound="aac")


@pytest.fixture(scope="module")
def references(film: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digest of each output, by name, of one process and one chunk."""
    with LocalCluster(tmp_path_factory.mktemp("reference"), workers=0) as running:
        return digests(local(running, *asked(film), "--chunk-frames", "1000"))


def asked(film: Path) -> list[str]:
    chains = [*looking_back(), *OTHERS]
    assert len(chains) > len(OTHERS) + 1
    named = [part for number, chain in enumerate(chains) for part in ("--filters", f"c{number}={chain}")]
    return [str(film), "--codec", "ffv1", *named]


def digests(outcome: dict[str, Any]) -> dict[str, str]:
    assert outcome["state"] == "done"
    return {each["name"]: each["digest"] for each in outcome["outputs"]}


@pytest.mark.parametrize(
    ("workers", "sizes"),
    [
        (2, ("1", "7")),
        *(pytest.param(workers, CHUNKS, marks=pytest.mark.suite("long")) for workers in (1, 2, 4)),
    ],
)
def test_no_cut_and_no_number_of_workers_shows(
    film: Path, references: dict[str, str], tmp_path: Path, workers: int, sizes: Sequence[str]
) -> None:
    """ffv1 codes each frame by itself, so equal digests are equal frames at equal times."""
    with LocalCluster(tmp_path, workers=workers) as running:
        for chunk_frames in sizes:
            sent = running.send(*asked(film), "--chunk-frames", chunk_frames)
            assert digests(sent) == references, f"--chunk-frames {chunk_frames}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.mark.parametrize(("rate", "count"), [("50", 2 * FRAMES), ("10", -(-FRAMES * 10 // 25))])
def test_another_rate_keeps_length_and_sound(
    cluster: LocalCluster, film: Path, tmp_path: Path, rate: str, count: int
) -> None:
    out = tmp_path / "out.mp4"
    sent = output(cluster.send(str(film), "--filters", f"fps:rate={rate},blur", "--out", str(out)))
    assert [time for time, _ in clips.frames(out)] == [Fraction(tick, int(rate)) for tick in range(count)]
    assert clips.audio_packets(out) == clips.audio_packets(film)
    assert (sent["frames_in"], sent["frames_out"], sent["lost_frames"]) == (FRAMES, count, 0)
    assert sent["digest"] == clips.digest(out)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_without_video_only_notes_come_back(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    arguments = [str(film), "--no-video", "--filters", "found=motion", "--filters", "blur", "--chunk-frames", "9"]
    outcome = cluster.send(*arguments, "--out", str(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "blur.annotations.jsonl",
        "blur.manifest.jsonl.gz",
        "blur.metrics.json",
        "found.annotations.jsonl",
        "found.manifest.jsonl.gz",
        "found.metrics.json",
        "metadata.json",
    ]
    assert (tmp_path / "out" / "blur.annotations.jsonl").read_bytes() == b""
    found = tmp_path / "out" / "found.annotations.jsonl"
    assert [line["frame"] for line in lines(found)] == list(range(FRAMES))
    assert {line["filter"] for line in lines(found)} == {"motion"}
    assert all(len(box) == 4 for line in lines(found) for box in line["boxes"])
    made = digests(outcome)
    assert made["found"] == hashlib.sha256(found.read_bytes()).hexdigest()
    assert made == digests(local(cluster, *arguments[:-2], "--out", str(tmp_path / "local")))
    metrics = json.loads((tmp_path / "out" / "found.metrics.json").read_text())
    assert metrics["seconds"]["encode"] == 0
    assert metrics["output"]["annotation_count"] == FRAMES


def test_every_job_describes_its_source(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    cluster.send(str(film), "--filters", "blur", "--out", str(tmp_path / "o.mp4"))
    told = json.loads((tmp_path / "o.metadata.json").read_text())
    assert (told["kind"], told["frame_count"], told["analysis"]) == ("video", FRAMES, None)
    assert [stream["codec"] for stream in told["streams"]] == ["h264", "aac"]
    assert told["streams"][0]["keyframes"]["count"] >= 1


def test_measured_in_parallel_to_the_other_outputs(cluster: LocalCluster, tmp_path: Path) -> None:
    """Two scenes; the cut between them is found, and so are brightness and motion."""
    scenes = [np.kron(np.random.default_rng(seed).integers(20, 236, (6, 8)), np.ones((8, 8))) for seed in (1, 2)]
    film = tmp_path / "scenes.mp4"
    pictures = [np.roll(scenes[index >= 30], index % 3, axis=1) for index in range(50)]
    encode(film, "libx264", len(pictures), pictures=(frame_of(each) for each in pictures))
    outcome = cluster.send(str(film), "--filters", "blur", "--filters", "metadata", "--out", str(tmp_path / "out"))
    assert [Path(each["path"]).name for each in outcome["outputs"]] == ["blur.mp4", "metadata.annotations.jsonl"]
    analysis = json.loads((tmp_path / "out" / "metadata.json").read_text())["analysis"]
    assert analysis["frames_measured"] == 50
    assert analysis["cuts"] == [{"frame": 30, "time_s": 1.2}]
    assert 0.3 < analysis["brightness"]["mean"] < 0.7
    assert analysis["motion"]["max"] > analysis["motion"]["mean"] > 0


def frame_of(samples: Any) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(samples.astype(np.uint8), "gray").reformat(format="yuv420p")


# -- several outputs of one upload -------------------------------------------------------------------------------


class Counter:
    """Stands between clients and the middleware, and counts the bytes that clients send."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self._target = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with source, target:
            try:
                while data := source.recv(65536):
                    self.count += len(data) if counted else 0
                    target.sendall(data)
            except OSError:
                return


def spooled(folder: Path, job: str) -> int:
    """Payload bytes of a job in a stopped middleware's spool."""
    with closing(sqlite3.connect(folder / "state" / "middleware" / "ledger.sqlite")) as database:
        ((size,),) = database.execute("SELECT SUM(size) FROM chunk WHERE job = ?", (job,)).fetchall()
    return int(size or 0)


def test_three_outputs_are_uploaded_and_spooled_once(film: Path, tmp_path: Path) -> None:
    """Without workers, so that nothing is freed before it was looked at."""
    jobs, bytes_sent = [], []
    with LocalCluster(tmp_path, workers=0) as running:
        for chains in (["edges"], ["edges", "faces", "blur"]):
            arguments = [part for chain in chains for part in ("--filters", chain)]
            with Counter(running.port) as counter:
                sent = running.run("client.file_sender", str(film), *arguments, "--detach", "--port", str(counter.port))
                assert sent.returncode == 0, sent.stderr
                bytes_sent.append(counter.count)
            jobs.append(sent.stdout.strip())
    sizes = [spooled(tmp_path, job) for job in jobs]
    assert sizes[0] == sizes[1] > 0
    assert bytes_sent[0] > sizes[0]
    assert bytes_sent[1] - bytes_sent[0] < 4096, "what three outputs cost more is their description"


def test_three_outputs_are_three_files(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    chains = ["--filters", "edges", "--filters", "faces", "--filters", "soft=blur"]
    outcome = cluster.send(str(film), *chains, "--out", str(tmp_path / "out"))
    assert [each["name"] for each in outcome["outputs"]] == ["edges", "faces", "soft"]
    assert len(set(digests(outcome).values())) == 3
    for each in outcome["outputs"]:
        assert clips.digest(Path(each["path"])) == each["digest"]
        assert json.loads(Path(each["metrics_path"]).read_text())["digest"] == each["digest"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--filters", "a/b=blur"], "cannot name an output"),
        (["--filters", "x=blur", "--filters", "X=edges"], 'two outputs are called "X"'),
        (["--filters", "blur,fps:rate=5"], "put it first in the chain"),
        (["--filters", "fps:rate=quick"], "rate takes frames a second"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    cluster: LocalCluster, film: Path, arguments: list[str], sentence: str
) -> None:
    done = cluster.run("client.file_sender", str(film), *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr.replace("\n", " ")
