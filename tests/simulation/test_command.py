"""`python -m tests.simulation`, as a person types it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_seeds_are_played_and_counted() -> None:
    process = command("--seeds", "2", "--first", "1")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "2 of 2 seeds" in out
    assert "0 failed" in out
    assert "job-submitted" in out


def test_a_seed_tells_its_story() -> None:
    process = command("--story", "--first", "1")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "middleware is killed" in out
    assert "seed 1 passes" in out


def test_a_planted_defect_is_caught_and_told_with_its_oracle() -> None:
    process = command("--mutants", "acknowledge before commit", "--seeds", "20", "--first", "1")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "caught after" in out
    assert "messages._sent" in out
    assert "1 of 1 caught" in out


def test_a_defect_that_escapes_is_a_failure() -> None:
    process = command("--mutants", "files are given to everyone", "--seeds", "1", "--first", "3")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "escaped: files are given to everyone" in out


def test_an_interruption_leaves_what_was_found() -> None:
    process = command("--seeds", "100000", "--first", "1")
    assert process.stdout is not None
    assert process.stdout.readline() == "100000 seeds, the first is 1\n"
    assert any("of 100000 seeds" in line for line in process.stdout)  # the first progress
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "interrupted" in out
    assert "0 failed in" in out
