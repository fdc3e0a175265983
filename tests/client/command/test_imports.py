"""What a command does not import: libraries that take a tenth of a second, before it has any use for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.session.fakes import FakeCluster

ROOT = Path(__file__).resolve().parents[3]


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules at the top that a command imports; it has to end well."""
    command = [sys.executable, "-X", "importtime", "-m", "moviola", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["help"]])
def test_help_imports_nothing_of_others(arguments: list[str], tmp_path: Path) -> None:
    assert not imported(tmp_path, *arguments) & {"rich", "msgpack", "av", "numpy", "cv2", "psutil", "argcomplete"}


def test_the_filters_of_a_cluster_are_listed_without_decoding_anything(cluster: FakeCluster, tmp_path: Path) -> None:
    there = ["--host", "127.0.0.1", "--port", str(cluster.port), "--no-secret"]
    assert not imported(tmp_path, "filters", *there) & {"av", "numpy", "cv2", "psutil", "argcomplete"}


def test_a_clip_is_sent_without_what_filters_it(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    there = ["--host", "127.0.0.1", "--port", str(cluster.port), "--no-secret"]
    found = imported(tmp_path, "send", str(clip), "-f", "blur,resize:width=64", *there)
    assert "av" in found
    assert not found & {"numpy", "cv2", "psutil", "argcomplete"}
