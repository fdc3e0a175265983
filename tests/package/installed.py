"""Moviola as people install it: built once, then installed in fresh environments by pip, pipx and uv."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.end_to_end.cluster import ROOT
from tests.ports import free_port

INSTALL_TIMEOUT_S: Final = 600
RUN_TIMEOUT_S: Final = 240

TOOLS: Final = ("build", "pipx", "uv")

USERS_OWN: Final = ("filters.py", "client.py", "media.py", "wire.py", "worker.py", "tools.py")
"""Modules that a user may have in the folder where a command is typed, called as ours once were."""

MINORS: Final = range(11, 20)
"""Of Python 3: those that are looked for."""


@dataclass(frozen=True, slots=True)
class Built:
    """The two files that a release has."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True, slots=True)
class Home:
    """A user who has nothing yet: an empty home, an empty folder to work in, two free ports."""

    folder: Path
    port: int
    aggregator_port: int

    @classmethod
    def make(cls, parent: Path) -> Home:
        """Return one whose folders are made in `parent`."""
        for name in ("home", "work"):
            (parent / name).mkdir(parents=True)
        return cls(parent, free_port(), free_port())

    @property
    def work(self) -> Path:
        """The folder where commands are typed."""
        return self.folder / "work"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of this user; no package registry is reached."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TERM")}
        return kept | {
            "HOME": str(self.folder / "home"),
            "MOVIOLA_PORT": str(self.port),
            "MOVIOLA_AGGREGATOR_PORT": str(self.aggregator_port),
            "PIP_INDEX_URL": "http://127.0.0.1:1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_RETRIES": "0",
        }

    def call(self, *line: str | Path, status: int = 0) -> str:
        """Type a line and return what it printed. Fails if it ends with another status."""
        done = subprocess.run(
            line,
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


def run(*line: str | Path, **variables: str) -> str:
    """Run a tool of installing and return what it printed. Fails if it fails."""
    done = subprocess.run(
        line,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALL_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def environment(folder: Path, python: str = sys.executable) -> Path:
    """Make a fresh environment and return its Python."""
    run(python, "-m", "venv", folder)
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install packages by pip into an environment."""
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)


def build(tools: Path, folder: Path) -> Built:
    """Build what is committed here.

    Args:
        tools: the Python of an environment that has TOOLS.
        folder: where to work.
    """
    run("git", "clone", "--quiet", ROOT, folder / "source")
    run(tools, "-m", "build", "--outdir", folder / "dist", folder / "source")
    (sdist,), (wheel,) = folder.glob("dist/*.tar.gz"), folder.glob("dist/*.whl")
    return Built(sdist, wheel)


def newest_python() -> str:
    """Return the newest Python of this machine that runs: of PATH, or that pyenv has."""
    (*_, newest) = sorted(_pythons()) or [((0, 0), sys.executable)]
    return newest[1]


def _pythons() -> Iterator[tuple[tuple[int, int], str]]:
    for minor in MINORS:
        named: list[str | Path] = [
            f"python3.{minor}",
            *Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"),
        ]
        for each in named:
            try:
                done = subprocess.run([each, "-c", "import ensurepip"], capture_output=True, check=False)
            except OSError:
                continue
            if done.returncode == 0:
                yield (3, minor), str(each)
                break
