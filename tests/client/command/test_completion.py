"""The Tab key: by argcomplete's protocol, and in a real bash on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from client.command.shells import HOW
from client.command.table import SUBCOMMANDS
from moviola.wire.messages import Job
from tests.session.fakes import FakeCluster

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 60
SEPARATOR = "\v"
WORDBREAKS = " \t\n\"'><=;|&(:"


def offered(line: str, module: str = "moviola", shell: str = "bash") -> list[str]:
    """What a shell is told for a line with the cursor at its end; `module` is what does the command's work."""
    environment = {
        **os.environ,
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_IFS": SEPARATOR, "_ARGCOMPLETE_COMP_WORDBREAKS": WORDBREAKS, "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
    }  # fmt: skip
    code = f"exec {sys.executable} -m {module} 8>&1 9>/dev/null 1>/dev/null 2>/dev/null"
    done = subprocess.run(["sh", "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    return done.stdout.split(SEPARATOR) if done.stdout else []


def test_subcommands() -> None:
    assert set(offered("moviola ")) == {*SUBCOMMANDS, "help"}
    assert offered("moviola compl") == ["completion"]
    assert offered("moviola help comple") == ["completion"]
    assert offered("moviola --ver") == ["--version"]


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_offers_its_flags(name: str) -> None:
    assert {"--help", "--version"} <= set(offered(f"moviola {name} --"))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("moviola send --fil", ["--filters"]),
        ("moviola send -f blur:rad", ["radius="]),  # what follows the last colon, at which bash breaks words
        ("moviola send a.mp4 -f edges -f small=resize:wi", ["width="]),
        ("moviola send --codec ff", ["ffv1"]),
        ("moviola send --codec=ff", ["ffv1"]),
        ("moviola send -p anon", ["anonymise"]),
        ("moviola send --port ", []),
        ("moviola worker --filters blur,gray", ["blur,grayscale"]),
        ("moviola jobs canc", ["cancel"]),
        ("moviola up --work", ["--workers"]),
        ("moviola completion z", ["zsh"]),
        ("moviola send READ", ["README.md"]),
    ],
)
def test_flags_choices_filters_and_files(line: str, wanted: list[str]) -> None:
    assert offered(line) == wanted


def test_a_program_by_itself_completes_as_well() -> None:
    assert offered("file_sender --fil", "client.file_sender") == ["--filters"]


def test_ids_of_jobs_come_from_the_cluster(cluster: FakeCluster) -> None:
    cluster.script.known = [Job("clip-a1", "clip.mp4", "done"), Job("film-b2", "film.mp4", "running")]
    flags = f"--host 127.0.0.1 --port {cluster.port} --no-secret"
    assert set(offered(f"moviola jobs {flags} show ")) == {"clip-a1", "film-b2", "latest"}
    assert offered(f"moviola jobs {flags} show fi") == ["film-b2"]
    assert offered(f"moviola jobs {flags} priority fi") == ["film-b2"]


def test_names_of_workers_come_from_the_cluster(cluster: FakeCluster) -> None:
    flags = f"--host 127.0.0.1 --port {cluster.port} --no-secret"
    assert offered(f"moviola workers {flags} drain work") == ["worker-0", "worker-1"]
    assert offered("moviola workers dr") == ["drain"]


def test_without_a_cluster_no_job_is_offered() -> None:
    assert offered("moviola jobs --port 1 --no-secret show ") == []


def test_zsh_and_fish_get_words_about_each() -> None:
    (line,) = offered("moviola send --codec ff", shell="zsh")
    assert line.startswith("ffv1:")


@pytest.mark.parametrize("shell", HOW)
def test_the_code_for_each_shell_names_the_command(shell: str) -> None:
    line = [sys.executable, "-m", "moviola", "completion", shell]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete" in done.stdout
    assert "moviola" in done.stdout


class Bash:
    """A bash on a pseudo-terminal that has `moviola` on its PATH and the completion loaded."""

    def __init__(self, folder: Path) -> None:
        script = folder / "moviola"
        script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m moviola "$@"\n')
        script.chmod(0o755)
        (folder / "rc").write_text(f'PATH={folder}:$PATH\nPS1="ready> "\neval "$(moviola completion bash)"\n')
        self.process, self._screen = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            line = ["bash", "--noprofile", "--rcfile", str(folder / "rc"), "-i"]
            os.execvpe("bash", line, {**os.environ, "TERM": "dumb"})
        self._seen = ""

    def types(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def until_shows(self, text: str) -> None:
        """Read what it prints until that text has come; what came is gone then."""
        deadline = time.monotonic() + DEADLINE_S
        while text not in self._seen:
            ready, _, _ = select.select([self._screen], [], [], deadline - time.monotonic())
            assert ready, f"{text!r} did not come, but {self._seen!r}"
            self._seen += os.read(self._screen, 65536).decode()
        self._seen = self._seen.partition(text)[2]

    def close(self) -> None:
        os.close(self._screen)
        os.waitpid(self.process, 0)


def test_a_real_bash(tmp_path: Path) -> None:
    bash = Bash(tmp_path)
    try:
        bash.until_shows("ready> ")
        bash.types("moviola sen\t")
        bash.until_shows("moviola send ")
        bash.types("--filt\t")
        bash.until_shows("--filters ")
        bash.types("blur:rad\t")
        bash.until_shows("blur:radius=")
        bash.types("\t")
        bash.until_shows("7")
    finally:
        bash.close()
