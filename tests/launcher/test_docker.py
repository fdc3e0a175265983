"""The container road, as far as it can be walked without an engine."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from moviola.filters import registry

ROOT = Path(__file__).resolve().parents[2]

ENGINE = """#!/bin/sh
echo "$@" >>"$CALLS"
echo "workers=$MOVIOLA_WORKERS port=$MOVIOLA_PORT results=$MOVIOLA_RESULTS" >>"$CALLS"
case "$*" in $REFUSES) exit 1 ;; esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that writes down how it was called; returns that file."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(ENGINE)
    program.chmod(0o755)
    for variable in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("REFUSES", "nothing")
    monkeypatch.setenv("MOVIOLA_RESULTS", str(tmp_path / "results"))
    return tmp_path / "calls"


def command(*line: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def said(done: subprocess.CompletedProcess[str], title: str) -> list[str]:
    """Return the words of the line that is said for something, as a shell takes them."""
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith(f"  {title} ")]
    return shlex.split(line)[1:]


def test_it_comes_up_as_asked(engine: Path, tmp_path: Path) -> None:
    done = command(ROOT / "run.sh", "--workers", "3", "--docker", "--port", "6000")
    assert (done.returncode, done.stderr) == (0, "")
    *_, up, settings = engine.read_text().splitlines()
    assert up.startswith(f"compose --project-directory {ROOT} --project-name moviola-6000 up --build --detach --wait")
    assert settings == f"workers=3 port=6000 results={tmp_path / 'results'}"
    assert (tmp_path / "results").is_dir()
    assert said(done, "stop") == ["./stop.sh", "--docker", "--port", "6000"]


def test_what_it_says_to_type_reaches_the_same_cluster(engine: Path, tmp_path: Path) -> None:
    """In another folder, by a shell that has none of the variables that were set for compose."""
    there = tmp_path / "their own"
    there.mkdir()
    up = command(ROOT / "run.sh", "--docker", "--port", "6000", "--results", "out", folder=there)
    assert engine.read_text().splitlines()[-1].endswith(f"port=6000 results={there / 'out'}")
    assert command(*said(up, "stop"), folder=there).returncode == 0
    assert "--project-name moviola-6000 --profile" in engine.read_text().splitlines()[-2]
    line = shlex.split(up.stdout.splitlines()[-1])
    assert command(*line, folder=there).returncode == 0
    send, settings = engine.read_text().splitlines()[-2:]
    assert send.startswith(f"compose --project-directory {ROOT} --project-name moviola-6000 run --rm client data/VIDEO")
    assert settings.endswith(f"results={there / 'out'}")
    assert f"MOVIOLA_USER={os.getuid() or 1000}:" in line[1]


def test_the_folder_of_results_is_the_callers(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_RESULTS", "./out")
    for script in ("run.sh", "stop.sh"):
        assert command(ROOT / script, "--docker", folder=tmp_path).returncode == 0
        assert engine.read_text().splitlines()[-1].endswith(f"results={tmp_path}/./out"), "or compose refuses it"
    assert (tmp_path / "out").is_dir()
    assert said(command(ROOT / "run.sh", "--docker"), "stop") == ["./stop.sh", "--docker"]


def test_demo_is_sent_from_a_container(engine: Path) -> None:
    assert command(ROOT / "run.sh", "--docker", "demo").returncode == 0
    assert engine.read_text().splitlines()[-2].endswith("client demo --host middleware")


def test_it_goes_down(engine: Path) -> None:
    assert command(ROOT / "stop.sh", "--docker").returncode == 0
    assert engine.read_text().splitlines()[-2].endswith("--profile tools down --remove-orphans")


@pytest.mark.parametrize(
    ("refuses", "sentence"),
    [("compose version", "install its compose plugin"), ("info", "The Docker engine does not answer")],
)
def test_what_is_missing_is_one_sentence(
    engine: Path, monkeypatch: pytest.MonkeyPatch, refuses: str, sentence: str
) -> None:
    monkeypatch.setenv("REFUSES", refuses)
    done = command(ROOT / "run.sh", "--docker")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("flags", [["--state", "here"], ["--port"], ["--nonsense"]])
def test_what_does_not_go_with_containers_is_refused(engine: Path, flags: list[str]) -> None:
    done = command(ROOT / "run.sh", "--docker", *flags)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert not engine.exists()


def test_image_tells_its_roles() -> None:
    entry = ROOT / "docker" / "entrypoint.sh"
    assert "middleware, aggregator, worker" in command(entry).stdout
    unknown = command(entry, "director")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "There is no role 'director'" in unknown.stderr


@pytest.mark.parametrize("name", ["post_2000", "argentina_spain"])
def test_three_workers_of_each_filter_of_tables_can_be_had(name: str) -> None:
    assert name in registry.names()
    services = (ROOT / "docker-compose.yml").read_text().partition("\nservices:\n")[2]
    (service,) = re.findall(rf"^  {name.replace('_', '-')}:\n((?:    .*\n)+)", services, re.MULTILINE)
    assert "<<: *worker" in service
    assert f"FILTER_TYPE: {name}\n" in service
    assert "replicas: 3\n" in service


def test_the_aggregators_port_is_the_same_inside_and_outside() -> None:
    """Clients outside are told the port at which it listens, and find that at the host."""
    service = (ROOT / "docker-compose.yml").read_text().partition("\n  aggregator:\n")[2].partition("\n  worker:\n")[0]
    port = "${MOVIOLA_AGGREGATOR_PORT:-5001}"
    assert "--port # the one that is published: " in service
    assert f'      - "{port}"\n' in service
    assert f'}}:{port}:{port}"]' in service


def test_what_podman_needs_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = ROOT / "docker" / "podman.sh"
    assert command(recipe).stderr == "Name one folder: docker/podman.sh FOLDER.\n"
    for name in ("bash", "dirname", "mkdir"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command(tmp_path / "bash", recipe, tmp_path / "here")
    assert (done.returncode, done.stderr) == (
        1,
        "This is no Debian: install podman and podman-compose in its own way.\n",
    )
