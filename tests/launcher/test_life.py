"""A cluster's life under run.sh and stop.sh, with real processes on free ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from moviola.launcher.cluster import MARK_VARIABLE, mark
from tests.ports import free_port
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30

# A cluster starts in seconds; on a full machine run.sh gives it a minute, and a test starts up to three.
pytestmark = pytest.mark.timeout(400)


class House:
    """One state folder, one results folder, three free ports, and the scripts started with them."""

    def __init__(self, folder: Path) -> None:
        self.state, self.results = folder / "state", folder / "results"
        self.port, self.aggregator_port, self.web_port = free_port(), free_port(), free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MOVIOLA_")},
            "MOVIOLA_PORT": str(self.port),
            "MOVIOLA_AGGREGATOR_PORT": str(self.aggregator_port),
            "MOVIOLA_WEB_PORT": str(self.web_port),
            "MOVIOLA_STATE": str(self.state),
            "MOVIOLA_RESULTS": str(self.results),
        }

    def call(self, *line: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **more}
        return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)

    def run(self, *flags: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.call(ROOT / "run.sh", *flags, **more)

    def stop(self) -> subprocess.CompletedProcess[str]:
        return self.call(ROOT / "stop.sh")

    def processes(self, program: str = "") -> list[psutil.Process]:
        """Everything of this cluster that lives, or those whose command line names the program."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK_VARIABLE) == mark(self.state) and program in [*process.cmdline(), ""]:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def assert_nothing_left(self) -> None:
        assert self.processes() == []
        assert not list(self.state.glob("supervisord.*"))
        for port in (self.port, self.aggregator_port, self.web_port):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.stop()


def test_it_starts_once_follows_the_number_of_workers_and_leaves_nothing(house: House) -> None:
    first = house.run("--workers", "1")
    assert first.returncode == 0, first.stderr
    assert f"1 worker, middleware on port {house.port}" in first.stdout
    assert str(house.results) in first.stdout
    before = house.processes("middleware")
    assert len(before) == 1

    again = house.run()
    assert again.returncode == 0, again.stderr
    assert "running already: 1 worker" in again.stdout
    assert house.processes("middleware") == before

    more = house.run("--workers", "2", "--web")
    assert more.returncode == 0, more.stderr
    assert "2 workers instead of 1" in more.stdout
    assert f"http://localhost:{house.web_port}/api/" in more.stdout
    with urllib.request.urlopen(f"http://localhost:{house.web_port}/api/stats") as answer:
        assert json.load(answer)["workers"]["ready"] == 2
    assert house.processes("middleware") == before

    reach = ("--port", str(house.port), "--secret-file", house.state / "secret")
    listed = json.loads(house.call(sys.executable, "-m", "client.workers", *reach, "--json").stdout)["workers"]
    one, other = (each["name"] for each in listed if each["state"] != "lost")
    drained = house.call(sys.executable, "-m", "client.workers", "drain", one, "--wait", *reach)
    assert (drained.returncode, drained.stdout.count("\n")) == (0, 1), drained.stderr
    back = house.run()
    assert back.returncode == 0, back.stderr
    listed = json.loads(house.call(sys.executable, "-m", "client.workers", *reach, "--json").stdout)["workers"]
    assert {each["name"] for each in listed if each["state"] != "lost"} == {one, other}, "it is called back"

    stopped = house.stop()
    *awaited, end = stopped.stdout.splitlines()
    assert (stopped.returncode, end) == (0, "Moviola is stopped.")
    assert all(line.startswith("Waiting for the workers to ") for line in awaited)  # on a busy machine
    house.assert_nothing_left()
    assert house.stop().returncode == 0


PLUGIN = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Unchanged(Filter):
    name, summary = "NAME", "nothing of one's own"

    def apply(self, picture, earlier):
        return picture
"""


def test_its_workers_offer_the_filters_of_files(house: House, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(PLUGIN.replace("NAME", name))
    reach = ("--port", str(house.port), "--secret-file", house.state / "secret")

    def offered() -> str:
        return house.call(sys.executable, "-m", "client.filters", *reach).stdout

    begun = house.run("--workers", "1", "--plugins", str(tmp_path / "first.py"))
    assert begun.returncode == 0, begun.stderr
    assert "first  nothing of one's own (1 worker)" in offered()
    before = house.processes("worker")
    assert house.run().returncode == 0
    assert house.processes("worker") == before, "they are kept"

    refused = house.run("--plugins", str(tmp_path / "none.py"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert house.processes("worker") == before

    other = house.run("--plugins", str(tmp_path / "second.py"))
    assert other.returncode == 0, other.stderr
    assert f"1 worker started anew, with the filters of {tmp_path / 'second.py'}." in other.stdout
    assert "second  nothing of one's own (1 worker)" in (now := offered())
    assert "first  nothing" not in now


def test_a_reader_that_leaves_takes_nothing_with_it(house: House) -> None:
    for script, flags, left in (("run.sh", ["--workers", "1"], 1), ("run.sh", [], 1), ("stop.sh", [], 0)):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [ROOT / script, *flags],
            cwd=ROOT, env=house.environment, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=120,
        )  # fmt: skip
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(house.processes("middleware")) == left


def test_taken_port_is_one_sentence_and_nothing_is_left(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", house.aggregator_port))
        taken.listen()
        done = house.run("--workers", "1")
    assert done.returncode == 1
    assert f"Port {house.aggregator_port} is taken" in done.stderr
    assert done.stderr.count("\n") == 1
    assert house.processes() == []


def test_program_that_cannot_start_is_named_with_its_own_reason(house: House) -> None:
    house.state.mkdir()
    (house.state / "aggregator").write_text("a file where a folder should be")
    done = house.run("--workers", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("The aggregator does not stay up: ")
    assert str(house.state / "aggregator") in done.stderr
    assert done.stderr.count("\n") == 1
    house.assert_nothing_left()


def test_killed_program_comes_back_and_a_killed_supervisor_is_cleared_up(house: House) -> None:
    assert house.run("--workers", "1").returncode == 0
    [aggregator] = house.processes("aggregator")
    aggregator.send_signal(signal.SIGKILL)
    until(lambda: any(one != aggregator for one in house.processes("aggregator")), "another aggregator is there")

    [supervisor] = house.processes("supervisor.supervisord")
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait(DEADLINE_S)
    again = house.run("--workers", "1")
    assert again.returncode == 0, again.stderr
    assert len(house.processes("middleware")) == 1

    [supervisor] = house.processes("supervisor.supervisord")
    supervisor.send_signal(signal.SIGKILL)
    assert house.stop().returncode == 0
    house.assert_nothing_left()


def test_two_clusters_live_side_by_side(tmp_path: Path, house: House) -> None:
    other = House(tmp_path / "other")
    try:
        assert house.run("--workers", "1").returncode == 0
        second = other.run("--workers", "1")
        assert second.returncode == 0, second.stderr
        assert house.stop().returncode == 0
        house.assert_nothing_left()
        assert len(other.processes("middleware")) == 1
    finally:
        other.stop()
    other.assert_nothing_left()


def test_demo_without_a_registry_sends_a_clip_made_here(house: House, tmp_path: Path) -> None:
    done = house.run("--workers", "1", "demo", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert done.returncode == 0, done.stderr
    [result] = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("  result ")]
    assert (ROOT / result).is_file()
    assert (ROOT / result).is_relative_to(house.results)
    assert "done" in done.stdout
