from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from moviola.launcher import run
from moviola.launcher.cluster import Cluster
from moviola.launcher.options import Options
from moviola.launcher.problem import Problem


def test_what_was_not_asked_for_stays_as_it_is(tmp_path: Path) -> None:
    running = Cluster(state=tmp_path, results=tmp_path / "r", port=6000, aggregator_port=6001, workers=5)
    nothing = Options(state=tmp_path, results=None, port=None, aggregator_port=None, workers=None, demo=False)
    assert run.settle(nothing, running) == running
    running = replace(running, plugins=(tmp_path / "mine.py",))
    assert run.settle(nothing, running) == running
    others = (tmp_path / "others.py",)
    assert run.settle(replace(nothing, plugins=others), running) == replace(running, plugins=others)


def test_running_cluster_is_not_moved_to_another_port(tmp_path: Path) -> None:
    running = Cluster(state=tmp_path, results=tmp_path / "r", port=6000, aggregator_port=6001, workers=5)
    asked = Options(state=tmp_path, results=None, port=7000, aggregator_port=None, workers=None, demo=False)
    with pytest.raises(Problem, match=r"running already, on ports 6000 and 6001 .*stop\.sh --state"):
        run.adjust(running, run.settle(asked, running))


def test_a_file_that_workers_could_not_load_changes_nothing(tmp_path: Path) -> None:
    running = Cluster(state=tmp_path, results=tmp_path / "r", port=6000, aggregator_port=6001, workers=5)
    path = tmp_path / "mine.py"
    with pytest.raises(Problem, match=r"^--plugins: .*/mine\.py: there is no such file; check the path\.$"):
        run.adjust(running, replace(running, plugins=(path,)))
    path.write_text("print('loaded')\nimport nothing_such\n")
    with pytest.raises(
        Problem, match=r"mine\.py cannot be loaded: ModuleNotFoundError: No module named 'nothing_such'"
    ):
        run.adjust(running, replace(running, plugins=(path,)))
    path.write_text("import os\nos._exit(3)\n")
    with pytest.raises(Problem, match=r"^--plugins: exit status 3\.$"):
        run.adjust(running, replace(running, plugins=(path,)))
