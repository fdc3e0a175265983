"""Options shared by several programs: flags win over the environment, wrong values are told."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from moviola.base.layers import read
from moviola.wire import options


@dataclass(frozen=True, slots=True)
class Shared:
    host: str = options.middleware_host()
    port: int = options.middleware_port()
    bind: str = options.bind()
    state: Path = options.state()
    results: Path = options.results()
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    log: str = options.log()


def told(*arguments: str) -> Shared:
    return read(Shared, argparse.ArgumentParser(), arguments)


def test_flags_win_over_the_environment_and_that_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOST", "PORT", "BIND", "STATE", "RESULTS", "SECRET_FILE", "LOG"):
        monkeypatch.delenv(f"MOVIOLA_{variable}", raising=False)
    plain = told()
    assert (plain.host, plain.port, plain.bind) == ("localhost", 5000, "localhost")
    assert (plain.state, plain.results, plain.secret_file, plain.log) == (Path("state"), Path("results"), None, "info")
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    monkeypatch.setenv("MOVIOLA_STATE", "/elsewhere")
    monkeypatch.setenv("MOVIOLA_BIND", "")
    assert told().port == 6000
    assert told("--port", "7000").port == 7000
    assert told().state == Path("/elsewhere")
    assert told().bind == "localhost"


@pytest.mark.parametrize("text", ["65536", "-1", "http", "", "５０"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a port is a number from 1 to 65535"):
        options.port_number(text)


@pytest.mark.parametrize(("text", "bytes_"), [("1", 1), ("8M", 8 * 2**20), ("20g", 20 * 2**30), ("64K", 65536)])
def test_sizes_have_units(text: str, bytes_: int) -> None:
    assert options.size(text) == bytes_


@pytest.mark.parametrize("text", ["", "M", "0", "-5M", "1.5G", "5X"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a size is a number of bytes"):
        options.size(text)


def test_help_shows_a_folder_of_the_environment_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOVIOLA_RESULTS", "/srv/films")
    with pytest.raises(SystemExit):
        told("--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "(MOVIOLA_RESULTS; /srv/films/)" in said
    assert "--log {debug,info,warning,error}" in said


@pytest.mark.parametrize("text", ["", "0", "13", "-1", "1.5", "two", "²"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number from 1 to 12"):
        options.whole_number(1, 12)(text)


@pytest.mark.parametrize("text", ["", "0", "-5", "nan", "inf", "soon"])
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a number of seconds above 0"):
        options.seconds(text)


@pytest.mark.parametrize(
    ("bytes_", "text"), [(8 * 2**30, "8G"), (512 * 2**20, "512M"), (1536, "1536"), (2**40, "1T"), (2**10, "1K")]
)
def test_sizes_are_shown_as_they_are_written(bytes_: int, text: str) -> None:
    assert options.size_text(bytes_) == text
    assert options.size(text) == bytes_


def test_counts_and_spans() -> None:
    assert (options.whole_number(1, 12)("12"), options.seconds("0.5")) == (12, 0.5)


def test_a_log_level_of_the_environment_is_checked_as_one_of_the_flag(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOVIOLA_LOG", "verbose")
    with pytest.raises(SystemExit):
        told()
    assert "levels are debug, info, warning, error, and 'verbose' is not one" in capsys.readouterr().err
    assert told("--log", "debug").log == "debug"
