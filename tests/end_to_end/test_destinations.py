"""Where results go, with real processes: nothing of the user's is destroyed, whatever is typed and whatever appears."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, output
from tests.media.video.clips import encode
from tests.waiting import until

PRECIOUS = b"precious"
EVERYWHERE = pytest.mark.parametrize("where", [(), ("--local",)], ids=["cluster", "local"])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("destinations"), workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.moving(tmp_path_factory.mktemp("clips") / "film.mp4", frames=30, size=(64, 48))


def send(cluster: LocalCluster, *arguments: object) -> subprocess.CompletedProcess[str]:
    return cluster.run("client.file_sender", *map(str, arguments))


def refused(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in " ".join(done.stderr.split())
    assert len(done.stderr.strip().splitlines()) == 1


def job_count(cluster: LocalCluster) -> int:
    return len(json.loads(cluster.run("client.jobs", "list", "--json").stdout)["jobs"])


@EVERYWHERE
def test_what_is_there_is_refused_before_anything_is_sent(
    cluster: LocalCluster, film: Path, tmp_path: Path, where: tuple[str, ...]
) -> None:
    before = job_count(cluster)
    out = tmp_path / "precious.mp4"
    out.write_bytes(PRECIOUS)
    refused(send(cluster, film, "--out", out, *where), f"{out} is there already; --overwrite (-y) replaces it")
    refused(send(cluster, film, "--out", "/dev/null", *where), "/dev/null is a device, and no file to write to")
    fifo = tmp_path / "fifo.mp4"
    os.mkfifo(fifo)
    refused(send(cluster, film, "-y", "--out", fifo, *where), "is a pipe, and no file to write to")
    refused(send(cluster, film, "-y", "--out", film, *where), "is read and would be overwritten")
    assert out.read_bytes() == PRECIOUS
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo.mp4", "precious.mp4"]
    assert job_count(cluster) == before


@EVERYWHERE
def test_overwrite_replaces_it_and_the_same_again_is_known(
    cluster: LocalCluster, film: Path, tmp_path: Path, where: tuple[str, ...]
) -> None:
    out = tmp_path / "mine.mp4"
    out.write_bytes(PRECIOUS)
    made = output(cluster.send(str(film), "-y", "--out", str(out), *where))
    assert made["path"] == str(out)
    inode, before = out.stat().st_ino, job_count(cluster)
    again = send(cluster, film, "--out", out, *where)
    assert again.returncode == 0
    assert f"{out} is there already, made of this source in this way" in again.stderr
    assert json.loads(send(cluster, film, "--out", out, "--json", *where).stdout)["outputs"] == [made]
    assert (out.stat().st_ino, job_count(cluster)) == (inode, before)
    refused(send(cluster, film, "--out", out, "--crf", 30, *where), "mine.mp4 and 2 files more are there already")


@EVERYWHERE
def test_a_link_stays_and_its_target_is_written(
    cluster: LocalCluster, film: Path, tmp_path: Path, where: tuple[str, ...]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "mine.mp4"
    out.symlink_to("elsewhere/real.mp4")
    cluster.send(str(film), "--out", str(out), *where)
    assert os.readlink(out) == "elsewhere/real.mp4"
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["real.mp4"]
    assert len(clips.frames(out)) == 30


@EVERYWHERE
@pytest.mark.parametrize(("name", "form"), [("o.mkv", "matroska,webm"), ("o.mov", "mov"), ("o.MP4", "mov")])
def test_the_name_decides_the_container_and_not_the_digest(
    cluster: LocalCluster, film: Path, tmp_path: Path, name: str, form: str, where: tuple[str, ...]
) -> None:
    made = output(cluster.send(str(film), "--out", str(tmp_path / name), *where))
    with av.open(made["path"]) as file:
        assert file.format.name.startswith(form)
        brand = file.metadata.get("major_brand")
    assert brand == {"o.mov": "qt  ", "o.MP4": "isom"}.get(name)
    plain = output(cluster.send(str(film), "--out", str(tmp_path / "plain"), *where))
    assert made["digest"] == plain["digest"]


@EVERYWHERE
def test_a_name_that_cannot_be_is_refused(
    cluster: LocalCluster, film: Path, tmp_path: Path, where: tuple[str, ...]
) -> None:
    for name, sentence in (
        ("o.webm", "a WebM holds VP8, VP9 or AV1 video only; name it .mp4, .mov or .mkv"),
        ("o.avi", "an AVI cannot tell when each frame is shown; name it .mp4, .mov or .mkv"),
        ("out.csv", "no container of videos is called .csv; name it .mp4, .mov or .mkv"),
    ):
        refused(send(cluster, film, "--out", tmp_path / name, *where), sentence)
    refused(send(cluster, film, "--codec", "ffv1", "--out", tmp_path / "l.mp4", *where), "an MP4 file holds no ffv1")
    assert not list(tmp_path.iterdir())


def test_what_a_name_costs_is_said_before_anything_is_sent(cluster: LocalCluster, tmp_path: Path) -> None:
    film = encode(tmp_path / "film.avi", count=10, codec="mpeg4", sound="pcm_u8")
    sentence = "(audio, pcm_u8) is stored decoded, as PCM: an MP4 file cannot hold it; a name that ends in"
    done = send(cluster, film, "--out", tmp_path / "o.mp4")
    assert done.returncode == 0, done.stderr
    assert f"film.avi: blur: stream 1 {sentence}" in " ".join(done.stderr.split())
    kept = send(cluster, film, "--out", tmp_path / "o.mov")
    assert "is stored decoded" not in kept.stderr


def test_what_appears_while_the_job_runs_is_left_as_it_is(film: Path, tmp_path: Path) -> None:
    with LocalCluster(tmp_path, workers=0) as idle:
        out = tmp_path / "mine.mp4"
        sender = idle.begin(str(film), "--out", str(out))
        (job,) = until(lambda: _sent(idle), "all is sent")
        out.write_bytes(PRECIOUS)
        idle.start("worker", arguments=["--port", str(idle.port), "--processes", "1"])
        _, said = sender.communicate(timeout=60)
        assert sender.returncode == 1
        assert f"{out} is there, and is left as it is; its files stay with the aggregator" in " ".join(said.split())
        assert out.read_bytes() == PRECIOUS
        refused(idle.run("client.jobs", "fetch", job, "--out", str(out)), "mine.mp4 is there already; --overwrite")
        fetched = idle.run("client.jobs", "fetch", job, "--out", str(tmp_path / "other.mp4"))
        assert fetched.returncode == 0, fetched.stderr
        assert len(clips.frames(tmp_path / "other.mp4")) == 30
        refused(idle.run("client.jobs", "fetch", job, "--out", str(tmp_path / "o.mkv")), "name it .mp4")
        assert idle.run("client.jobs", "fetch", job, "--out", str(out), "-y").returncode == 0
        assert len(clips.frames(out)) == 30
        assert not list(tmp_path.glob(".*.part"))


def _sent(cluster: LocalCluster) -> list[str]:
    jobs = json.loads(cluster.run("client.jobs", "list", "--json").stdout)["jobs"]
    return [job["job_id"] for job in jobs if job["progress"]["chunks_sent"] == job["progress"]["chunks_total"]]


def test_several_outputs_each_of_their_files_counts(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "edges.mp4").write_bytes(PRECIOUS)
    (out / "notes.txt").write_bytes(PRECIOUS)
    arguments = (str(film), "--filters", "blur", "--filters", "edges", "--out", str(out))
    refused(send(cluster, *arguments), "edges.mp4 is there already")
    (out / "edges.mp4").unlink()
    finished(cluster.begin(*arguments))
    assert send(cluster, *arguments).returncode == 0
    assert (out / "notes.txt").read_bytes() == PRECIOUS
