"""Children find our packages, and it is told how they ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from base.processes import core_count, end, how_it_ended, program, signal_name, start


def test_a_child_finds_our_packages_from_any_folder(tmp_path: Path) -> None:
    code = "import base, sys; print(base.__name__, sys.path.count(sys.argv[1]))"
    child = start(
        [sys.executable, "-c", code, "/plugins"], {"PYTHONPATH": "/plugins"}, cwd=tmp_path, stdout=subprocess.PIPE
    )
    told, _ = child.communicate(timeout=60)
    assert told.decode().split() == ["base", "1"]
    assert end(child) == 0


def test_there_are_at_most_the_cores_of_this_machine() -> None:
    assert 1 <= core_count() <= (os.cpu_count() or 1)


def test_a_module_is_run_with_this_python() -> None:
    assert program("aggregator.splicing") == (sys.executable, "-m", "aggregator.splicing")


def test_one_that_has_not_ended_is_killed() -> None:
    child = start([sys.executable, "-c", "import signal; signal.pause()"])
    assert end(child) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (3, "exit status 3"), (-11, "signal SIGSEGV"), (-40, "signal 40")]
)
def test_a_status_in_words(status: int, words: str) -> None:
    assert how_it_ended(status) == words


def test_signals_without_a_name() -> None:
    assert (signal_name(9), signal_name(40)) == ("SIGKILL", "signal 40")
