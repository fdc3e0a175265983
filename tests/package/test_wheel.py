"""A wheel, built and run with the packages of this environment: a registry is asked for its builder alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT
from tests.package import installed

pytestmark = [pytest.mark.suite("package"), pytest.mark.smoke]


REGISTRY_TIMEOUT_S: Final = 60.0

SETUPTOOLS: Final = "setuptools>=70.1"
"""The first that makes wheels by itself."""


def made(what: str, *line: str | Path) -> None:
    """Run a command whose success the test needs, but is not about; skip the test, with the reason, if it fails."""
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=REGISTRY_TIMEOUT_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{what} cannot be had: {error}")
    if done.returncode != 0:
        pytest.skip(f"{what} cannot be had: {(done.stderr.strip().splitlines() or ['no reason is told'])[-1]}")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What is committed here: a copy, as building writes beside what it builds."""
    made("what is committed", "git", "clone", "--quiet", ROOT, tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def builder(tmp_path: Path) -> Path:
    """A folder with what builds a wheel."""
    once = ("--quiet", "--disable-pip-version-check", "--retries", "0", "--timeout", "10")
    made(SETUPTOOLS, sys.executable, "-m", "pip", "install", *once, "--target", tmp_path / "builder", SETUPTOOLS)
    return tmp_path / "builder"


def test_a_wheel_has_one_name_and_filters_a_clip_beside_modules_of_the_users_own(
    source: Path, builder: Path, tmp_path: Path
) -> None:
    site, work = tmp_path / "site", tmp_path / "work"
    offline = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation", "--no-deps")
    installed.run(sys.executable, "-m", "pip", "install", *offline, "--target", site, source, PYTHONPATH=str(builder))
    assert {path.name for path in site.iterdir() if path.suffix != ".dist-info"} == {"moviola", "bin"}
    work.mkdir()
    for name in installed.USERS_OWN:
        (work / name).write_text('raise SystemExit("this is the user\'s own module")\n')
    clip = clips.moving(tmp_path / "clip.mp4", frames=16)
    line = ["-m", "moviola.client.file_sender", "--local", str(clip), "--filters", "blur", "--json", "--out", "out.mp4"]
    said = subprocess.run(
        [sys.executable, *line],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=installed.RUN_TIMEOUT_S,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    (output,) = json.loads(said.stdout)["outputs"]
    assert output["frames_out"] == output["frames_in"] == 16
    assert (work / "out.mp4").is_file()
