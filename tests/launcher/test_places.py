from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from moviola.launcher import places
from moviola.launcher.problem import Problem


@contextmanager
def listener(family: socket.AddressFamily, host: str) -> Iterator[int]:
    with closing(socket.socket(family)) as server:
        server.bind((host, 0))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_port_somebody_listens_on_is_refused_by_name(family: socket.AddressFamily, host: str) -> None:
    with listener(family, host) as port, pytest.raises(Problem, match=f"Port {port} is taken.*--port"):
        places.check_port("--port", port)


def test_port_held_without_listening_is_refused() -> None:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(Problem, match="is taken"):
            places.check_port("--port", holder.getsockname()[1])


def test_free_port_is_accepted() -> None:
    with listener(socket.AF_INET, "127.0.0.1") as port:
        pass
    places.check_port("--port", port)


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Problem, match=r"Cannot write to .*file.deeper \(.*\): choose another folder with --results"):
        places.make_folder("--results", file / "deeper")


def test_folder_is_left_empty(tmp_path: Path) -> None:
    places.make_folder("--state", tmp_path / "state")
    assert not list((tmp_path / "state").iterdir())


def test_a_state_that_cannot_be_ones_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a vfat stick, which knows no permissions."""

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(Problem, match=rf"^Cannot shut others out of {tmp_path} \(.*\): choose .* with --state\.$"):
        places.make_state(tmp_path)
