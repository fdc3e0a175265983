"""Where results go, with real processes: nothing of the user's is destroyed, whatever is typed and whatever appears."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from moviola.base.files import share
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
    refused(send(cluster, film, "--out", "/dev/null", *where), "/dev/null is a device, not an ordinary file")
    fifo = tmp_path / "fifo.mp4"
    os.mkfifo(fifo)
    refused(send(cluster, film, "-y", "--out", fifo, *where), "is a pipe, not an ordinary file")
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
    refused(send(cluster, film, "--out", out, "--crf", 30, *where), "mine.mp4 and 3 files more are there already")


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
        ("o.webm", "a WebM holds VP8, VP9 or AV1 video only, and none of these is written here"),
        ("o.avi", "an AVI cannot tell when each frame is shown; name it .mp4, .mov or .mkv"),
        ("out.csv", "there is no video container called .csv; name it .mp4, .mov or .mkv"),
    ):
        refused(send(cluster, film, "--out", tmp_path / name, *where), sentence)
    refused(send(cluster, film, "--codec", "ffv1", "--out", tmp_path / "l.mp4", *where), "an MP4 file holds no ffv1")
    assert not list(tmp_path.iterdir())


def test_what_a_name_costs_is_said_before_anything_is_sent(cluster: LocalCluster, tmp_path: Path) -> None:
    film = encode(tmp_path / "film.avi", count=10, codec="mpeg4", sound="pcm_u8")
    sentence = "(audio, pcm_u8) is stored decoded, as ALAC: an MP4 file cannot hold it; a name that ends in"
    done = send(cluster, film, "--out", tmp_path / "o.mp4")
    assert done.returncode == 0, done.stderr
    assert f"film.avi: stream 1 {sentence}" in " ".join(done.stderr.split())
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


def piped(
    cluster: LocalCluster, *arguments: object, given: bytes | None = None, module: str = "client.file_sender"
) -> subprocess.CompletedProcess[bytes]:
    """What a command answers to this standard input."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=cluster.folder, env=cluster.environment, input=given, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@EVERYWHERE
def test_from_standard_input_to_standard_output(
    cluster: LocalCluster, film: Path, tmp_path: Path, where: tuple[str, ...]
) -> None:
    named = output(cluster.send(str(film), *where))
    done = piped(cluster, "-", "--out", "-", *where, given=film.read_bytes())
    assert done.returncode == 0, done.stderr
    made = tmp_path / "made.mp4"
    made.write_bytes(done.stdout)
    assert clips.digest(made) == named["digest"]
    assert b"stdin \xe2\x86\x92 standard output: done, 30 frames" in done.stderr


def test_standard_input_has_a_name_and_a_kind(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    table = b"id,release_date\n1,1999-01-01\n2,2005-01-01\n"
    done = piped(cluster, "-", "--filters", "post_2000", "--out", "-", given=table)
    assert [movie["id"] for movie in json.loads(done.stdout)["movies"]] == ["2"]
    out = tmp_path / "out"
    assert piped(cluster, "-", film, "--out", out, given=film.read_bytes()[:-1]).returncode in (0, 4)
    assert sorted(path.name for path in out.iterdir()) == ["film", "stdin"]


def test_one_result_alone_goes_to_standard_output(cluster: LocalCluster, film: Path) -> None:
    several = send(cluster, film, "--filters", "blur", "--filters", "edges", "--out", "-")
    refused(several, "standard output, which takes one result, and there are 2; name a folder")
    refused(send(cluster, film, "--json", "--out", "-"), "both write to standard output; leave one out")


def test_a_url_is_refused_with_what_to_type(cluster: LocalCluster) -> None:
    done = send(cluster, "https://example.org/a/b.mp4?c=d")
    sentence = "https://example.org/a/b.mp4?c=d: this is a URL, and only files are read; fetch it first: curl -L"
    refused(done, sentence)
    assert "'https://example.org/a/b.mp4?c=d' | python -m client.file_sender -" in done.stderr


def test_detach_and_out_do_not_go_together(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    sentence = f"do without --out, and bring it later: python -m client.jobs fetch ID --out {out}"
    refused(send(cluster, film, "--detach", "--out", out), sentence)
    job = send(cluster, film, "--detach").stdout.strip()
    fetched = piped(cluster, "fetch", job, "--out", "-", module="client.jobs")
    assert fetched.returncode == 0, fetched.stderr
    out.write_bytes(fetched.stdout)
    assert len(clips.frames(out)) == 30
    terminal = _on_a_terminal(cluster, "client.jobs", "fetch", job, "--out", "-")
    assert "a terminal shows no video" in terminal
    assert "a terminal shows no video" in _on_a_terminal(cluster, "client.file_sender", film, "--out", "-")


def _on_a_terminal(cluster: LocalCluster, module: str, *arguments: object) -> str:
    """What a command says whose standard output is a terminal."""
    controller, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=cluster.folder, env=cluster.environment, stdout=terminal, stderr=subprocess.PIPE, timeout=120,
            check=False,
        )  # fmt: skip
    finally:
        os.close(terminal)
        os.close(controller)
    assert done.returncode == 2
    return " ".join(done.stderr.decode().split())


def test_one_copy_serves_the_results_and_out(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    out = cluster.folder / "one-copy.mp4"
    job = str(cluster.send(str(film), "--filters", "edges", "--out", str(out))["job_id"])
    stored = cluster.results / job / "edges.mp4"
    (tmp_path / "one").touch()
    if share(tmp_path / "one", tmp_path / "two") and os.path.samefile(tmp_path / "one", tmp_path / "two"):
        assert os.path.samefile(out, stored)  # elsewhere it is a clone, whose blocks are shared
    forgotten = cluster.run("client.jobs", "forget", job, "--files")
    assert forgotten.returncode == 0, forgotten.stderr
    assert f"{job} is forgotten, and its aggregator removes its files" in " ".join(forgotten.stdout.split())
    until(lambda: not stored.parent.exists(), "its files are gone")
    assert cluster.run("client.jobs", "show", job).returncode == 2
    assert len(clips.frames(out)) == 30


def test_results_are_pruned_and_what_is_not_moviolas_stays(cluster: LocalCluster, film: Path) -> None:
    made = [str(cluster.send(str(film), *where)["job_id"]) for where in ((), ("--local",), ("--new",))]
    (cluster.results / made[0] / "mine.txt").write_bytes(PRECIOUS)
    dry = cluster.run("client.jobs", "prune", "--keep", "1", "--dry-run")
    assert f"{made[0]}  " in dry.stdout
    assert all((cluster.results / job / "blur.mp4").exists() for job in made)
    done = cluster.run("client.jobs", "prune", "--keep", "1")
    assert done.returncode == 0, done.stderr
    assert "changed since, and left: mine.txt" in done.stdout
    assert [(cluster.results / job).exists() for job in made] == [True, False, True]
    assert [path.name for path in (cluster.results / made[0]).iterdir()] == ["mine.txt"]
    assert os.readlink(cluster.results / "latest") == made[2]
    gone = cluster.run("client.jobs", "fetch", made[0], "--out", "gone.mp4")
    assert gone.returncode == 1
    assert f"the files of job {made[0]} were removed from {cluster.results}" in " ".join(gone.stderr.split())


def test_forget_takes_the_files_of_an_aggregator_elsewhere(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    here = ("--results", str(tmp_path / "here"))
    job = str(cluster.send(str(film), *here)["job_id"])
    assert (tmp_path / "here" / job / "blur.mp4").exists()
    forgotten = cluster.run("client.jobs", "forget", job, "--files", *here)
    assert forgotten.returncode == 0, forgotten.stderr
    until(lambda: not (cluster.results / job).exists(), "the aggregator's are gone")
    assert not (tmp_path / "here").exists() or not list((tmp_path / "here").iterdir())


@EVERYWHERE
def test_a_table_may_come_back_as_csv(cluster: LocalCluster, tmp_path: Path, where: tuple[str, ...]) -> None:
    movies, ratings, out = tmp_path / "movies.csv", tmp_path / "ratings.csv", tmp_path / "kept.csv"
    movies.write_text("id,release_date\n1,1999-01-01\n2,2005-01-01\n")
    ratings.write_text("userId,movieId,rating\n1,2,5\n")
    cluster.send(str(movies), "--filters", "post_2000", "--out", str(out), *where)
    assert out.read_text() == "id,release_date\n2,2005-01-01\n"
    several = send(cluster, movies, ratings, "--filters", "post_2000", "--out", tmp_path / "both.csv", *where)
    refused(several, "CSV holds one table, and there are 2: movies, ratings; name the result .json, which holds all")
