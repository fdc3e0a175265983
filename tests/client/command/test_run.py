"""What the command prints by itself, and that it calls the functions of the programs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from client.command import run as command
from client.command.table import GROUPS, SUBCOMMANDS, Subcommand
from moviola.base.invocation import PROGRAMS, module_name
from moviola.wire.messages import Submit
from tests.processes import end
from tests.session.fakes import FakeCluster
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]


def moviola(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "moviola", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_help_lists_every_subcommand_on_a_line_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["-h"], ["help"]):
        assert command.run(arguments) == 0
        said = capsys.readouterr().out
        assert all(f"\n  {name} " in said for name in SUBCOMMANDS)
        assert all(f"\n{heading}:\n" in said for heading in GROUPS)
        assert max(map(len, said.splitlines())) <= 80


def test_nothing_typed_is_wrong_usage_and_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Usage: moviola SUBCOMMAND" in shown.err


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("snd", "There is no subcommand 'snd'; did you mean send?"),
        ("job", "There is no subcommand 'job'; did you mean jobs?"),
        ("xyzzy", "There is no subcommand 'xyzzy'; moviola --help lists what there is."),
        ("--halp", "There is no flag '--halp'; did you mean --help?"),
    ],
)
def test_a_misspelt_subcommand_is_named_with_the_nearest(
    typed: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run([typed]) == 2
    assert capsys.readouterr() == ("", f"{sentence}\n")
    assert command.run(["help", typed]) == 2


@pytest.mark.parametrize("subcommand", SUBCOMMANDS.values(), ids=SUBCOMMANDS)
def test_every_subcommand_has_its_function_and_its_help(
    subcommand: Subcommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(getattr(import_module(module_name(subcommand.module)), subcommand.function))
    with pytest.raises(SystemExit) as end:
        command.run(["help", subcommand.name])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "--version" in said
    assert said.startswith("usage: ")


def test_every_program_is_a_subcommand() -> None:
    assert PROGRAMS.keys() <= SUBCOMMANDS.keys()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["send", "--fliters", "blur"], "There is no --fliters; did you mean --filters?\n"),
        (["send", "--fliters=blur"], "There is no --fliters; did you mean --filters?\n"),
        (["jobs", "lst"], "Argument VERB: invalid choice: 'lst'; did you mean list?\n"),
        (["status", "--jsno"], "There is no --jsno; did you mean --json?\n"),
        (["filters", "--locla"], "There is no --locla; did you mean --local?\n"),
        (["up", "--wrokers", "2"], "There is no --wrokers; did you mean --workers?\n"),
        (
            ["down", "--stat=x", "y"],
            "Unexpected argument: 'y'; 'python -m moviola down --help' shows what there is.\n",
        ),
        (["worker", "--filterz", "blur"], "There is no --filterz; did you mean --filters?\n"),
        (["middleware", "--prot", "1"], "There is no --prot; did you mean --port?\n"),
        (["aggregator", "--resluts", "x"], "There is no --resluts; did you mean --results?\n"),
        (["check", "--flter", "x"], "There is no --flter; did you mean --filter?\n"),
        (["completion", "bsh"], "Argument SHELL: invalid choice: 'bsh'; did you mean bash?\n"),
        (["send", "--xyzzy"], "There is no --xyzzy; 'python -m moviola send --help' shows what there is.\n"),
    ],
)
def test_a_misspelt_flag_is_named_with_the_nearest(arguments: list[str], sentence: str) -> None:
    done = moviola(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


def test_filters_of_this_installation_need_no_cluster() -> None:
    done = moviola("filters", "--local", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"name": "blur"' in done.stdout


def test_without_a_cluster_it_is_said_how_to_come_by_one() -> None:
    done = moviola("filters", "--port", "1", "--no-secret")
    assert done.returncode == 3
    assert "start one with python -m moviola up, or name another with --host and --port" in done.stderr
    assert "--local lists those of this installation" in done.stderr


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "moviola", "--help"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.stderr == b""


FULL = Path("/dev/full")
"""Takes nothing: each write to it finds no space on the device."""

LOSS = "Not all of standard output could be written: No space left on device.\n"


@pytest.mark.parametrize("arguments", [["--version"], ["jobs", "--help"], ["filters", "--local"]], ids=" ".join)
def test_a_full_disk_is_said_in_a_sentence(arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}  # or argparse passes over it
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "moviola", *arguments],
            cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.stderr == LOSS
    assert done.returncode == 1


LOGGING = {"middleware", "aggregator"}
"""Programs that write what they have to say to standard error."""


@pytest.mark.parametrize(
    "module", sorted({*PROGRAMS.values(), "client.config", "client.doctor", "client.filters"} - LOGGING)
)
def test_a_program_by_itself_says_that_the_disk_is_full(module: str) -> None:
    command = [sys.executable, "-m", module, "--version"]
    with FULL.open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, LOSS)


def test_a_character_that_standard_output_does_not_know_is_a_question_mark() -> None:
    command, environment = [sys.executable, "-m", "moviola", "--help"], {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b" SUBCOMMAND ?\n" in done.stdout


def test_a_batch_whose_telling_finds_no_room_is_done_to_its_end(
    cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    clips = [shutil.copy(clip, tmp_path / name) for name in ("a.mp4", "b.mp4", "c.mp4")]
    there = ["--host", "127.0.0.1", "--port", str(cluster.port), "--no-secret"]
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "moviola", "send", *clips, "-o", "out/", *there],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "3 files in " in done.stderr
    assert done.stderr.endswith(f"3 done.\n{LOSS}")
    assert cluster.count(Submit) == 3


@pytest.mark.parametrize(
    ("arguments", "closed", "status"),
    [("--version", ">&-", 0), ("--xyzzy", ">&-", 2), ("--version", ">&- 2>&-", 0), ("--xyzzy", "<&- >&- 2>&-", 2)],
)
def test_closed_streams_change_no_status(arguments: str, closed: str, status: int) -> None:
    command = f'"{sys.executable}" -m moviola {arguments} {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == (status == 2 and "2>&-" not in closed)


def test_ctrl_c_while_a_program_is_loaded_ends_it_without_a_traceback() -> None:
    code = (
        "import os, signal, sys; import client.command.run as run; import moviola.__main__ as main\n"
        "run.import_module = lambda name: os.kill(os.getpid(), signal.SIGINT)\n"
        "main.main(['jobs'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def interrupted(program: list[str], folder: Path) -> tuple[int, str, str]:
    """Send SIGINT to a program while it waits for a cluster's answer that never comes. Return its exit status, and what
    it printed to standard output and error."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        silent.settimeout(PATIENCE_S)
        asking = subprocess.Popen(
            [sys.executable, "-m", *program, "--host", "127.0.0.1", "--port", port, "--no-secret"],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            with silent.accept()[0]:
                asking.send_signal(signal.SIGINT)
                out, err = asking.communicate(timeout=PATIENCE_S)
        finally:
            end([asking])
    return asking.returncode, out, err


@pytest.mark.parametrize(
    "program",
    [
        "moviola status --wait", "moviola filters", "moviola doctor",
        "client.status --wait", "client.filters", "client.doctor", "client.workers drain w --wait",
    ],
)  # fmt: skip
def test_ctrl_c_while_a_cluster_is_asked_ends_it_in_a_word(program: str, tmp_path: Path) -> None:
    assert interrupted(program.split(), tmp_path) == (5, "", "Interrupted.\n")


def test_ctrl_c_ends_what_workers_watch_by_itself_in_good_order(tmp_path: Path) -> None:
    """Or a terminal would be left on its other screen, without a cursor."""
    assert interrupted(["client.workers", "--watch"], tmp_path) == (0, "", "")
