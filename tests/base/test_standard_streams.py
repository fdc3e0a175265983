"""Standard streams that are closed or full, in processes that have such."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = "/dev/full"
"""Takes nothing: each write to it finds no space on the device."""

LOSS = "Not all of standard output could be written: No space left on device.\n"


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def unbuffered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Python hold back what is printed, or write it at once, as in many containers."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


def run(code: str, streams: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a process whose shell redirects its streams."""
    command = ["sh", "-c", f'exec "$0" -c "$1" {streams}', sys.executable, code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_closed_stream(streams: str) -> None:
    code = (
        "import os, subprocess, sys; from moviola.base import standard_streams; standard_streams.open_closed(); "
        "numbers = [each.fileno() for each in (sys.stdin, sys.stdout, sys.stderr)]; "
        "child = 'import sys; sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))'; "
        "print('lost', file=sys.stdout); sys.stdin.read(); "
        "sys.exit(numbers != [0, 1, 2] or subprocess.run([sys.executable, '-c', child]).returncode)"
    )
    assert run(code, streams).returncode == 0


@pytest.mark.usefixtures("unbuffered")
@pytest.mark.parametrize(("status", "left"), [(0, 1), (3, 3)])
def test_what_is_lost_is_said_at_the_end_and_the_program_goes_on(status: int, left: int) -> None:
    code = (
        "import sys; from moviola.base import standard_streams; from moviola.display.terminal import Terminal; "
        "stdout, stderr = Terminal(), Terminal(stderr=True); "
        "stdout.say('one'); stdout.json([2]); standard_streams.tell('three'); stderr.say('it goes on'); "
        f"sys.exit(standard_streams.close({status}))"
    )
    done = run(code, f">{FULL}")
    assert (done.returncode, done.stderr) == (left, f"it goes on\n{LOSS}")


@pytest.mark.usefixtures("unbuffered")
def test_errors_that_cannot_be_written_change_no_status() -> None:
    code = (
        "import sys; from moviola.base import standard_streams; from moviola.display.terminal import Terminal; "
        "stderr = Terminal(stderr=True); stderr.say('one'); standard_streams.tell('two'); stderr.say('three'); "
        "sys.exit(standard_streams.close(3))"
    )
    done = run(code, f"2>{FULL}")
    assert (done.returncode, done.stdout) == (3, "two\n")
    assert run(code, f">{FULL} 2>&1").returncode == 3


@pytest.mark.usefixtures("unbuffered")
def test_what_is_printed_after_there_is_room_again_is_written() -> None:
    code = (
        "import os, sys; from moviola.base import standard_streams; from moviola.display.terminal import Terminal; "
        "stdout = Terminal(); there = os.dup(1); full = os.open('/dev/full', os.O_WRONLY); "
        "os.dup2(full, 1); stdout.say('one'); os.dup2(there, 1); stdout.say('two'); "
        "sys.exit(standard_streams.close(0))"
    )
    done = run(code)
    assert done.stdout.endswith("two\n")
    assert done.stdout.count("two") == 1
    assert (done.returncode, done.stderr) == (1, LOSS)
