from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from moviola.launcher import environment

SCRIPT = Path(environment.__file__)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that needs nothing, on a machine without a registry."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "moviola" / "launcher"
    folder.mkdir(parents=True)
    shutil.copy(SCRIPT, folder)
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    return tmp_path


def prepare(house: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(house / "moviola" / "launcher" / "environment.py"), "requirements.txt"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.suite("long")
def test_it_is_made_once_and_anew_when_it_does_not_work_and_followed_by_the_requirements(house: Path) -> None:
    python = house / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(house / "removed" / "python3")

    first = prepare(house)
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.startswith("Installing requirements.txt")
    assert first.stderr.count("\n") == 1
    assert subprocess.run([python, "-c", ""], check=False).returncode == 0

    second = prepare(house)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    (house / "requirements.txt").write_text("no-such-package-anywhere==1.0\n")
    third = prepare(house)
    assert third.returncode == 1
    assert third.stderr.splitlines()[-1].startswith("pip could not install")
    assert (house / ".venv" / "requirements.txt").read_text() == "# nothing\n"  # so that the next start tries again


def test_python_without_ensurepip_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(environment.CannotPrepare, match="apt install python3-venv"):
        environment.create()


def test_place_where_nothing_can_be_made_is_one_sentence(house: Path) -> None:
    (house / ".venv").write_text("a file where the folder should be")
    done = prepare(house)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(house / ".venv") in done.stderr
