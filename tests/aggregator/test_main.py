"""What an aggregator can be told, by flags and by the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.__main__ import main, parse, secret_of
from moviola.wire.addresses import Address


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BIND", "AGGREGATOR_PORT", "HOST", "PORT", "STATE", "RESULTS", "SECRET_FILE", "ADVERTISE", "LOG"):
        monkeypatch.delenv(f"MOVIOLA_{name}", raising=False)


def test_defaults_are_loopback_and_the_folders_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = parse([])
    assert (made.bind, made.port, made.middleware) == ("localhost", 5001, Address("localhost", 5000))
    assert (made.state, made.results, made.advertise) == (Path("state"), Path("results"), "")
    assert secret_of(made) == (tmp_path / "state" / "secret").read_bytes().strip()
    assert secret_of(parse(["--no-secret"])) == b""
    assert made.full_name.endswith("-5001")


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOVIOLA_AGGREGATOR_PORT", "6001")
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    (tmp_path / "secret").write_text("reel\n")
    (tmp_path / "secret").chmod(0o600)
    told = ["--middleware-port", "7000", "--spool-limit", "8M", "--secret-file", str(tmp_path / "secret")]
    made = parse(told)
    assert (made.port, made.middleware.port, made.spool_limit, secret_of(made)) == (6001, 7000, 8 * 2**20, b"reel")


def test_what_keeps_it_from_starting_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    common = ["--port", "0", "--results", str(tmp_path / "results")]
    for told, sentence in [
        (["--state", str(tmp_path / "file")], "secret cannot be made"),
        (["--state", str(tmp_path / "file"), "--no-secret"], "cannot be opened"),
        (["--secret-file", str(tmp_path / "nowhere")], "No such file"),
    ]:
        assert main([*common, *told]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("aggregator: ")
        assert sentence in line
