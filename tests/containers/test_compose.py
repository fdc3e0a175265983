"""docker-compose.yml with real containers: whoever sends a clip from outside gets the file that one process makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT
from tests.ports import free_port
from tests.waiting import until

pytestmark = [pytest.mark.suite("containers"), pytest.mark.timeout(1200)]

PROJECT = "moviola-test"
CONTAINERS = ("middleware_1", "aggregator_1", "worker_1", "worker_2")
FRAMES = 132


class Engine:
    """A podman of its own in `folder`, with the image built, and the compose file's cluster on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.aggregator_port = free_port(), free_port()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("MOVIOLA_")}
        self.environment |= {
            "MOVIOLA_PORT": str(self.port),
            "MOVIOLA_AGGREGATOR_PORT": str(self.aggregator_port),
            "MOVIOLA_RESULTS": str(folder / "results"),
            "PYTHONPATH": str(ROOT),
        }

    def call(self, *line: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Runs a command where podman and podman-compose are this engine's."""
        script = '[ ! -f "$0" ] || . "$0"; exec "$@"'
        told = ["bash", "-c", script, self.folder / "environment", *line]
        return subprocess.run(told, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False)

    def up(self) -> None:
        made = self.call(ROOT / "docker" / "podman.sh", self.folder)
        assert made.returncode == 0, made.stdout + made.stderr
        (self.folder / "results").mkdir()
        (self.folder / "results").chmod(0o777)  # the image's user writes there
        begun = self.call("podman-compose", "-p", PROJECT, "up", "--detach", "--no-build", "--scale", "worker=2")
        assert begun.returncode == 0, begun.stdout + begun.stderr
        for name in CONTAINERS:
            until(lambda name=name: self.is_healthy(name), f"{name} is healthy", 120)  # type: ignore[misc]
        self.environment["MOVIOLA_SECRET_FILE"] = str(self.copy_of_secret())

    def copy_of_secret(self) -> Path:
        """What a client outside of the containers needs: the secret that they share, in a file of its own."""
        said = self.call("podman", "exec", f"{PROJECT}_middleware_1", "cat", "state/secret")
        assert said.returncode == 0, said.stderr
        path = self.folder / "secret"
        path.touch(mode=0o600)
        path.write_text(said.stdout)
        return path

    def is_healthy(self, name: str) -> bool:
        return self.call("podman", "healthcheck", "run", f"{PROJECT}_{name}").returncode == 0

    def down(self) -> None:
        self.call("podman-compose", "-p", PROJECT, "down", "--volumes")
        self.call("podman", "system", "reset", "--force")

    def client(self, module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs a client's command on the host."""
        return self.call(sys.executable, "-m", module, *arguments, "--port", str(self.port), cwd=cwd)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="moviola-"))  # a short path: those of sockets are bounded
    made = Engine(folder)
    try:
        made.up()
        yield made
    finally:
        made.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.smoke
def test_compose_takes_the_file() -> None:
    """All roles are services of it, each of them to be begun."""
    tools = (["docker", "compose"], ["podman-compose"])
    found = [tool for tool in tools if shutil.which(tool[0]) and _runs(*tool, "version")]
    if not found:
        pytest.skip("no container can be had: neither 'docker compose' nor 'podman-compose' is here")
    done = subprocess.run([*found[0], "config"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for role in ("middleware", "aggregator", "worker"):
        assert f"\n  {role}:\n" in done.stdout


def _runs(*line: str) -> bool:
    return subprocess.run(line, capture_output=True, timeout=60, check=False).returncode == 0


def test_a_client_on_the_host_gets_the_file_that_one_process_makes(engine: Engine, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=FRAMES)
    sent = engine.client("client.file_sender", str(clip), "--out", "v2.mp4", "--json", cwd=tmp_path)
    assert sent.returncode == 0, sent.stderr
    [output] = json.loads(sent.stdout)["outputs"]
    assert output["frames_out"] == FRAMES
    assert clips.digest(tmp_path / "v2.mp4") == output["digest"]
    local = engine.client("client.file_sender", str(clip), "--out", "local.mp4", "--json", "--local", cwd=tmp_path)
    assert json.loads(local.stdout)["outputs"][0]["digest"] == output["digest"]


def test_a_job_is_fetched_later_after_all_was_killed(engine: Engine, tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=FRAMES)
    left = engine.client("client.file_sender", str(clip), "--filters", "edges", "--detach", cwd=tmp_path)
    assert left.returncode == 0, left.stderr
    names = [f"{PROJECT}_{name}" for name in CONTAINERS]
    assert engine.call("podman", "kill", *names).returncode == 0
    assert engine.call("podman", "start", *names).returncode == 0
    for name in CONTAINERS:
        until(lambda name=name: engine.is_healthy(name), f"{name} is healthy", 120)  # type: ignore[misc]
    job = left.stdout.strip()
    fetched = engine.client("client.jobs", "fetch", job, "--out", "edges.mp4", "--json", cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    assert json.loads(fetched.stdout)["outputs"][0]["digest"] == clips.digest(tmp_path / "edges.mp4")
