"""Where the cluster's secret is, who makes it, and who may read it."""

from __future__ import annotations

import argparse
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from moviola.base.layers import read
from moviola.session.cluster_settings import ClientSettings, ClusterSettings
from moviola.wire import options
from moviola.wire.secret import cluster_secret, make_secret, read_secret


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is said, and the present folder."""
    for variable in ("STATE", "SECRET_FILE", "NO_SECRET"):
        monkeypatch.delenv(f"MOVIOLA_{variable}", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("moviola.wire.secret.state_folder", lambda: tmp_path / "home")
    return tmp_path


@dataclass(frozen=True, slots=True)
class Told:
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    state_folder: Path | None = options.state_folder_of_cluster()


def secret_told(*arguments: str, state: Path | None = None, makes: bool = False) -> bytes:
    """The secret that a command line and the environment lead to."""
    said = read(Told, argparse.ArgumentParser(), arguments)
    return cluster_secret(said.secret_file, said.no_secret, state=state or said.state_folder, makes=makes)


def written(path: Path, content: bytes = b" reel\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_a_secret_is_read_without_its_newline_and_never_empty(tmp_path: Path) -> None:
    assert read_secret(written(tmp_path / "secret")) == b"reel"
    with pytest.raises(ValueError, match="is empty"):
        read_secret(written(tmp_path / "secret", b"\n"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_one_that_others_can_use_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "secret")
    path.chmod(mode)
    with pytest.raises(ValueError, match=f"chmod 600 {path}"):
        read_secret(path)


def test_whoever_serves_makes_one_that_all_find(folder: Path) -> None:
    assert secret_told() == b"", "a client makes none"
    assert list(folder.iterdir()) == []
    before = os.umask(0)
    try:
        made = secret_told(makes=True)
    finally:
        os.umask(before)
    assert len(made) >= 32
    assert [path.name for path in (folder / "state").iterdir()] == ["secret"]
    assert (folder / "state").stat().st_mode & 0o777 == 0o700
    assert (folder / "state" / "secret").stat().st_mode & 0o777 == 0o600
    assert secret_told() == secret_told(makes=True) == made
    assert secret_told(state=folder / "state", makes=True) == made


def test_what_is_said_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder / "home" / "secret", b"of run.sh")
    assert secret_told() == b"of run.sh"
    written(folder / "state" / "secret", b"here")
    assert secret_told() == b"here"
    monkeypatch.setenv("MOVIOLA_STATE", str(folder / "elsewhere"))
    assert secret_told() == b""
    written(folder / "elsewhere" / "secret", b"elsewhere")
    assert secret_told() == b"elsewhere"
    monkeypatch.setenv("MOVIOLA_NO_SECRET", "1")
    assert secret_told() == b""
    other = str(written(folder / "other", b"other"))
    assert secret_told("--secret-file", other) == b"other"
    monkeypatch.setenv("MOVIOLA_SECRET_FILE", other)
    assert secret_told() == b"other"
    assert secret_told("--no-secret") == b""


def test_a_configuration_says_where_a_cluster_has_its_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVIOLA_STATE", raising=False)
    written(tmp_path / "elsewhere" / "secret", b"elsewhere")
    (tmp_path / "user.toml").write_text('state = "elsewhere"\n')
    monkeypatch.setenv("MOVIOLA_USER_CONFIG", str(tmp_path / "user.toml"))
    given = read(ClusterSettings, argparse.ArgumentParser(), [], whole=[ClientSettings])
    assert given.target.secret == b"elsewhere"


def test_of_programs_that_begin_at_once_all_have_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    path = tmp_path / "state" / "secret"
    threads = [threading.Thread(target=lambda: found.append(read_secret(make_secret(path)))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert [one.name for one in path.parent.iterdir()] == ["secret"]
