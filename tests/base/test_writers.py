from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from moviola.base import writers
from moviola.base.writers import is_open_to_write

LINUX = sys.platform == "linux"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(b"some")
    return made


def test_a_file_is_open_while_another_process_has_it_so(path: Path) -> None:
    assert is_open_to_write(path) in ((False,) if LINUX else (None,))
    program = "import sys; file = open(sys.argv[1], 'ab'); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        assert is_open_to_write(path) in ((True,) if LINUX else (None,))
        process.communicate()
    assert is_open_to_write(path) in ((False,) if LINUX else (None,))


def test_readers_are_no_writers(path: Path) -> None:
    with path.open("rb"):
        assert is_open_to_write(path) in ((False,) if LINUX else (None,))


def test_where_there_are_no_leases_nothing_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(fcntl, "F_SETLEASE", raising=False)
    assert is_open_to_write(path) is None


def test_the_signal_of_a_lease_that_is_broken_ends_nothing(path: Path) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with writers._without_sigio():
        signal.raise_signal(signal.SIGIO)
    assert signal.SIGIO not in signal.sigpending()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        is_open_to_write(tmp_path / "none")
