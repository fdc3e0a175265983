"""A watched folder, with real processes: files that arrive in every way, and a watch that is killed or ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from moviola.session.watch_record import NAME
from tests.end_to_end.clips import moving
from tests.end_to_end.cluster import LocalCluster, local
from tests.waiting import until

FRAMES = 6
FILTER = "grayscale"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


class Watched:
    """A folder, the folder of its results, and the watch between them, which can be killed and started again."""

    def __init__(self, cluster: LocalCluster, folder: Path) -> None:
        self.cluster = cluster
        self.source, self.results, self.elsewhere = folder / "in", folder / "out", folder / "elsewhere"
        for each in (self.source, self.elsewhere):
            each.mkdir()
        self.process: subprocess.Popen[str] | None = None

    def command(self, *flags: str) -> list[str]:
        settle = ["--settle", "3600"]  # only what is known to be whole is sent
        command = [sys.executable, "-m", "client.watch", str(self.source), "--out", str(self.results), *settle]
        return [*command, "--filters", FILTER, *flags]

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command(), cwd=self.cluster.folder, env=self.cluster.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def end(self, number: int = signal.SIGKILL) -> str:
        """Send a signal to the watch, wait for its end, and return what it wrote."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[0]

    def once(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("--once"), cwd=self.cluster.folder, env=self.cluster.environment, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip

    def done(self) -> Counter[str]:
        """How often each file's end was recorded."""
        path = self.results / NAME
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        return Counter(told["file"] for line in lines if (told := json.loads(line))["ending"] == "done")

    def jobs(self) -> Counter[str]:
        """How many jobs the cluster had for each file of this folder."""
        listed = json.loads(self.cluster.run("client.jobs", "list", "--json").stdout)
        here = {path.name for path in self.source.iterdir()}
        return Counter(job["name"] for job in listed["jobs"] if job["name"] in here)

    def content(self, name: str) -> bytes:
        """A clip that differs from all others, made elsewhere."""
        return moving(self.elsewhere / name, frames=FRAMES, size=(64 + 2 * (hash_of(name) % 32), 48)).read_bytes()


def hash_of(name: str) -> int:
    return sum(name.encode())


@pytest.fixture
def watched(cluster: LocalCluster, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(cluster, tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end()


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.suite("long"))])
def test_files_that_arrive_in_every_way_are_each_sent_once_and_whole(count: int, watched: Watched) -> None:
    """Copies that stall half way with the file open, and others with the file closed; renames; hard links. The watch is
    killed twice meanwhile."""
    names = [f"clip{number:03}.mp4" for number in range(count)]
    contents = {name: watched.content(name) for name in names}
    open_copies, closed_copies, renamed, linked = (names[first::4] for first in range(4))
    watched.start()
    halves = {name: (watched.source / name).open("wb", buffering=0) for name in open_copies}
    for name, half in halves.items():
        half.write(contents[name][: len(contents[name]) // 2])
    for name in closed_copies:
        (watched.source / name).write_bytes(contents[name][: len(contents[name]) // 2])
    for name in renamed:
        (watched.source / f"{name}.part").write_bytes(contents[name])
        (watched.source / f"{name}.part").rename(watched.source / name)
    until(lambda: len(watched.done()) >= len(renamed) // 2, "half of the renamed files to be done")
    watched.end()
    for name in linked:
        os.link(watched.elsewhere / name, watched.source / name)
    watched.start()
    moved = len(renamed) + len(linked)
    until(lambda: len(watched.done()) >= moved - len(linked) // 2, "half of the linked files to be done", 180)
    watched.end()
    for name, half in halves.items():
        half.write(contents[name][len(contents[name]) // 2 :])
        half.close()
    for name in closed_copies:
        with (watched.source / name).open("ab") as file:
            file.write(contents[name][len(contents[name]) // 2 :])
    watched.start()
    until(lambda: len(watched.done()) == count, "all files to be done", 300)
    said = watched.end(signal.SIGINT)
    assert watched.process is not None
    assert watched.process.returncode == 0, said
    assert watched.done() == Counter(names)
    assert watched.jobs() == Counter(names)
    for name in names:
        assert (watched.source / name).read_bytes() == contents[name], "a source was touched"
        metrics = json.loads((watched.results / Path(name).stem / f"{FILTER}.metrics.json").read_text())
        assert (metrics["frames"]["in"], metrics["frames"]["out"]) == (FRAMES, FRAMES)


def test_the_results_are_those_of_a_single_process(cluster: LocalCluster, watched: Watched) -> None:
    (watched.source / "one.mp4").write_bytes(watched.content("one.mp4"))
    (watched.source / "notes.txt").write_text("no video")
    done = watched.once()
    assert done.returncode == 0, done.stderr
    assert "notes.txt is left alone" in done.stderr
    outcome = local(cluster, str(watched.elsewhere / "one.mp4"), "--filters", FILTER)
    outputs = outcome["outputs"]
    assert isinstance(outputs, list)
    metrics = json.loads((watched.results / "one" / f"{FILTER}.metrics.json").read_text())
    assert metrics["digest"] == outputs[0]["digest"]


def test_a_file_that_is_cut_off_is_refused_at_the_end_and_the_others_are_done(watched: Watched) -> None:
    (watched.source / "whole.mp4").write_bytes(watched.content("whole.mp4"))
    half = watched.content("half.mp4")[:-500]
    (watched.source / "half.mp4").write_bytes(half)
    long_ago = 1_000_000_000
    os.utime(watched.source / "half.mp4", (long_ago, long_ago))
    done = watched.once()
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("half.mp4") == 1
    assert "half.mp4 is shorter than its own header says; copy it again." in done.stderr
    assert watched.done() == Counter(["whole.mp4"])
    assert not (watched.results / "half").exists()


def test_a_file_that_is_cut_off_is_named_once(watched: Watched) -> None:
    half = watched.source / "half.mp4"
    half.write_bytes(watched.content("half.mp4")[:-500])
    long_ago = 1_000_000_000
    os.utime(half, (long_ago, long_ago))
    watched.start()
    for name in ("one.mp4", "two.mp4"):  # each is seen in a later look into the folder
        (watched.source / name).write_bytes(watched.content(name))
        until(lambda name=name: name in watched.done(), f"{name} to be done")  # type: ignore[misc]
    said = watched.end(signal.SIGINT)
    assert said.count("half.mp4 is shorter than its own header says; it is sent when the rest has come.") == 1
    assert said.count("half.mp4") == 1


@pytest.mark.parametrize("left", ["metrics", "metrics and result", "all"])
def test_what_a_watch_that_was_killed_has_left_is_its_own(left: str, watched: Watched) -> None:
    """The watch writes metrics first, and says last that a file has come to its end."""
    name = f"{left.replace(' ', '-')}.mp4"
    (watched.source / name).write_bytes(watched.content(name))
    assert watched.once().returncode == 0
    record, folder = watched.results / NAME, watched.results / Path(name).stem
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(lines[:-1]))
    whole = (folder / f"{FILTER}.mp4").read_bytes()
    if left != "all":
        (folder / "metadata.json").unlink()
    if left == "metrics":
        (folder / f"{FILTER}.mp4").unlink()
    again = watched.once()
    assert again.returncode == 0, again.stderr
    assert watched.done() == Counter([name])
    assert watched.jobs() == Counter([name])
    assert (folder / f"{FILTER}.mp4").read_bytes() == whole


def test_a_file_that_fails_is_not_sent_again_until_it_changes(watched: Watched) -> None:
    broken = watched.source / "broken.mp4"
    broken.write_text("no video at all")
    long_ago = 1_000_000_000
    os.utime(broken, (long_ago, long_ago))
    assert watched.once().returncode != 0
    again = watched.once()
    assert again.returncode == 0, again.stderr
    assert "broken" not in again.stderr


def test_a_watch_waits_for_a_middleware_that_is_not_there(tmp_path: Path) -> None:
    with LocalCluster(tmp_path, workers=1) as cluster:
        watched = Watched(cluster, tmp_path)
        cluster.kill("middleware")
        (watched.source / "one.mp4").write_bytes(watched.content("one.mp4"))
        watched.start()
        until(lambda: (watched.results / NAME).exists() and "one.mp4" in (watched.results / NAME).read_text(), "a try")
        cluster.start("middleware")
        until(lambda: watched.done() == Counter(["one.mp4"]), "the file to be done")
        said = watched.end(signal.SIGINT)
    assert said.count("No middleware answers") <= 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--new"], "--new makes a second job of a file"),
        (["--out", "in"], "is the folder that is watched"),
        (["--out", "in/one.mp4"], "is not a folder"),
        (["--filters", "bluur"], "bluur"),
    ],
)
def test_what_makes_no_sense_is_refused(change: list[str], sentence: str, watched: Watched) -> None:
    (watched.source / "one.mp4").write_bytes(watched.content("one.mp4"))
    command = [sys.executable, "-m", "client.watch", "in", "--out", "out", "--once", *change]
    done = subprocess.run(
        command, cwd=watched.source.parent, env=watched.cluster.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
