from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moviola.launcher import run
from moviola.launcher.cluster import Cluster
from moviola.launcher.options import Options
from moviola.launcher.problem import Problem


def a_cluster(folder: Path) -> Cluster:
    return Cluster(folder, folder / "r", port=6000, aggregator_port=6001, workers=5, secret_file=None)


def nothing_asked(folder: Path) -> Options:
    return Options(state=folder, results=None, port=None, aggregator_port=None, workers=None, demo=False)


def test_what_was_not_asked_for_stays_as_it_is(tmp_path: Path) -> None:
    running, nothing = a_cluster(tmp_path), nothing_asked(tmp_path)
    assert run.settle(nothing, running) == running
    running = replace(running, plugins=(tmp_path / "mine.py",))
    assert run.settle(nothing, running) == running
    others = (tmp_path / "others.py",)
    assert run.settle(replace(nothing, plugins=others), running) == replace(running, plugins=others)


def test_running_cluster_is_not_moved_to_another_port(tmp_path: Path) -> None:
    running, asked = a_cluster(tmp_path), replace(nothing_asked(tmp_path), port=7000)
    with pytest.raises(Problem, match=r"running already, on ports 6000 and 6001 .*stop\.sh --state"):
        run.adjust(running, run.settle(asked, running))


def test_a_running_cluster_keeps_its_secret_and_its_address(tmp_path: Path) -> None:
    nothing = nothing_asked(tmp_path)
    for chosen in (
        replace(a_cluster(tmp_path), secret_file=tmp_path / "mine", bind="*"),
        replace(a_cluster(tmp_path), secret_file=None, bind="192.168.1.10"),
    ):
        assert run.settle(nothing, chosen) == chosen
        assert run.settle(replace(nothing, workers=2), chosen) == replace(chosen, workers=2)
    assert run.settle(nothing, run.defaults(tmp_path)).secret_file == tmp_path / "secret"
    asked = replace(nothing, no_secret=True, bind="*")
    wanted = run.settle(asked, run.defaults(tmp_path))
    assert (wanted.secret_file, wanted.bind) == (None, "*")


@pytest.mark.parametrize("other", [{"secret_file": Path("/theirs")}, {"no_secret": True}, {"bind": "*"}])
def test_a_running_cluster_gets_no_other_secret_and_no_other_address(other: dict[str, Any], tmp_path: Path) -> None:
    running = replace(a_cluster(tmp_path), secret_file=tmp_path / "mine")
    wanted = run.settle(replace(nothing_asked(tmp_path), **other), running)
    said = rf"running already, on ports 6000 and 6001 of localhost .* its secret in {tmp_path / 'mine'}: stop it first"
    with pytest.raises(Problem, match=said):
        run.adjust(running, wanted)


def test_a_running_cluster_whose_secret_is_gone_is_told_of_it_at_once(tmp_path: Path) -> None:
    running = replace(a_cluster(tmp_path), secret_file=tmp_path / "secret")
    with pytest.raises(Problem, match=rf"^The cluster's secret cannot be used: .*{tmp_path / 'secret'}"):
        run.adjust(running, running)
    assert not (tmp_path / "secret").exists(), "another one would shut everybody out"


def test_what_to_type_reaches_the_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    up = replace(a_cluster(tmp_path), bind="192.168.1.10")
    run.report(up)
    assert "--host 192.168.1.10" in (said := capsys.readouterr().out)
    assert "--no-secret" in said
    run.report(replace(up, secret_file=tmp_path / "mine", bind="*"))
    assert f"--secret-file {tmp_path / 'mine'}" in (said := capsys.readouterr().out)
    assert "--host" not in said


def test_a_file_that_workers_could_not_load_changes_nothing(tmp_path: Path) -> None:
    running = a_cluster(tmp_path)
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


def test_what_the_system_refuses_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_asked: Options) -> Cluster:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(run, "bring_up", refuse)
    assert run.main(["--state", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"Cannot bring the cluster up: [Errno {errno.EAGAIN}] no more processes.\n"
