"""An installation in a fresh environment: one name in it, and nothing that a user's own modules could stand in for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT

pytestmark = [pytest.mark.suite("package"), pytest.mark.timeout(900)]

INSTALL_TIMEOUT_S = 600
RUN_TIMEOUT_S = 120
USERS_OWN = ("filters.py", "client.py", "media.py", "wire.py", "worker.py", "tools.py")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has Moviola installed from what is committed here, and nothing else."""
    folder = tmp_path_factory.mktemp("installation")
    source, environment = folder / "source", folder / "environment"
    _run("git", "clone", "--quiet", str(ROOT), str(source))
    _run(sys.executable, "-m", "venv", str(environment))
    _run(str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", str(source))
    return environment / "bin" / "python"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user who has modules of the names that a checkout has; to import one of them is an error."""
    for name in USERS_OWN:
        (tmp_path / name).write_text('raise SystemExit("this is the user\'s own module")\n')
    return tmp_path


def test_an_installation_adds_one_name(python: Path) -> None:
    (record,) = python.parent.parent.glob("lib/python*/site-packages/moviola-*.dist-info/RECORD")
    tops = {line.partition("/")[0] for line in record.read_text().splitlines()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"moviola"}


def test_it_has_every_module_of_the_checkout(python: Path) -> None:
    (installed,) = python.parent.parent.glob("lib/python*/site-packages/moviola")
    for top in ("moviola", "middleware", "worker", "aggregator", "client"):
        target = installed if top == "moviola" else installed / top
        listed = subprocess.run(["git", "ls-files", top], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.split():
            assert (target / Path(name).relative_to(top)).is_file(), name


def test_a_clip_is_filtered_beside_modules_of_the_users_own(python: Path, folder: Path) -> None:
    clip = clips.film()
    command = [str(python), "-m", "moviola.client.file_sender", "--local", str(clip), "--filters", "blur", "--json"]
    done = subprocess.run(
        [*command, "--out", "out.mp4"], cwd=folder, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "out.mp4").is_file()
    (output,) = json.loads(done.stdout)["outputs"]
    assert output["frames_out"] == output["frames_in"] > 0
