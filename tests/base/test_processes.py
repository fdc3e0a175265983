"""Children find our packages, and it is told how they ended."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import moviola
from moviola.base.processes import core_count, end, how_it_ended, program, signal_name, start


def test_a_child_finds_our_packages_from_any_folder(tmp_path: Path) -> None:
    code = "import moviola, sys; print(moviola.__name__, sys.path.count(sys.argv[1]))"
    child = start(
        [sys.executable, "-c", code, "/plugins"], {"PYTHONPATH": "/plugins"}, cwd=tmp_path, stdout=subprocess.PIPE
    )
    told, _ = child.communicate(timeout=60)
    assert told.decode().split() == ["moviola", "1"]
    assert end(child) == 0


def test_there_are_at_most_the_cores_of_this_machine() -> None:
    assert 1 <= core_count() <= (os.cpu_count() or 1)


def test_a_module_is_run_with_this_python() -> None:
    assert program("aggregator.splicing") == (sys.executable, "-m", "aggregator.splicing")


def test_a_program_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(moviola.__file__).parent
    monkeypatch.setattr(moviola, "__path__", [str(here), str(tmp_path)])
    assert program("client.status")[-1] == "client.status"  # a checkout has it beside the package
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "__init__.py").touch()
    importlib.invalidate_caches()
    assert program("client.status")[-1] == "moviola.client.status"  # an installation inside of it


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
