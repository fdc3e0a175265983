"""How the programs are called, as they find it out in real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from moviola.base import installation, invocation
from moviola.base.invocation import command, module_name, needs_folder, typed

ROOT = Path(__file__).resolve().parents[2]


def came_by(monkeypatch: pytest.MonkeyPatch, module: str | None, script: str) -> None:
    """As if this process had been started so."""
    spec = None if module is None else SimpleNamespace(name=module)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec))
    monkeypatch.setattr(sys, "argv", [script])


M = "python -m moviola"


@pytest.mark.parametrize(
    ("module", "script", "jobs", "up", "new"),
    [
        ("client.file_sender", "file_sender.py", "python -m client.jobs", "./run.sh", "moviola doctor"),
        ("moviola.launcher.run", "run.py", "python -m client.jobs", "./run.sh", "moviola doctor"),
        (
            "moviola.__main__",
            "__main__.py",
            "python -m moviola jobs",
            "python -m moviola up",
            "python -m moviola doctor",
        ),
        (None, "/usr/bin/moviola", "moviola jobs", "moviola up", "moviola doctor"),
    ],
)
def test_a_checkout_names_what_is_typed_next_in_the_way_its_user_came(
    module: str | None, script: str, jobs: str, up: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_by(monkeypatch, module, script)
    assert (typed("jobs"), typed("up"), typed("doctor")) == (jobs, up, new)
    assert needs_folder() == (up != "moviola up")


@pytest.mark.parametrize("module", [None, "moviola.client.file_sender", "moviola.launcher.run", "my_own_script"])
def test_an_installation_always_has_the_command(module: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    came_by(monkeypatch, module, "whatever.py")
    monkeypatch.setattr(invocation, "is_checkout", lambda: False)
    assert (typed("jobs"), typed("up"), command()) == ("moviola jobs", "moviola up", "moviola")
    assert not needs_folder()


def test_a_program_of_a_checkout_is_beside_the_package() -> None:
    assert module_name("client.status") == "client.status"


@pytest.mark.parametrize(
    ("line", "prog"),
    [
        (["-m", "client.jobs"], "python -m client.jobs"),
        (["-m", "moviola", "jobs"], "python -m moviola jobs"),
        (["-m", "worker"], "python -m worker"),
        (["-m", "moviola", "worker"], "python -m moviola worker"),
        (["-m", "moviola.launcher.run"], "./run.sh"),
        (["-m", "moviola", "help", "up"], "python -m moviola up"),
    ],
)
def test_help_names_what_was_typed(line: list[str], prog: str) -> None:
    done = subprocess.run([sys.executable, *line, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {prog} ")


@pytest.mark.parametrize("module", ["moviola", "client.jobs", "worker", "middleware", "moviola.launcher.stop"])
def test_every_program_tells_the_one_version(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"moviola {installation.version()}\n", "")
