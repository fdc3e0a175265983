from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def call(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / script, *arguments],
        cwd="/",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("script", ["run.sh", "stop.sh", "test.sh"])
def test_help_is_the_head_of_the_script(script: str) -> None:
    done = call(script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"./{script} ")
    assert "set -euo pipefail" not in done.stdout
    assert "#" not in done.stdout


def test_missing_python_is_one_sentence() -> None:
    done = call("run.sh", PYTHON="/no/such/python3")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Moviola needs Python 3.11 or newer, and /no/such/python3 is not" in done.stderr


def test_unknown_flag_is_refused_and_help_is_named() -> None:
    done = call("run.sh", "--port", "5000", "--bogus")
    assert done.returncode == 2
    assert "--bogus" in done.stderr
    assert "./run.sh --help" in done.stderr


def test_stop_without_a_cluster_is_harmless(tmp_path: Path) -> None:
    done = call("stop.sh", "--state", str(tmp_path / "never"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing is running" in done.stdout
