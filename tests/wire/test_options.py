"""Options shared by several programs: flags win over the environment, wrong values are told."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from wire import options
from wire.secret import add_secret


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    for add in (options.add_middleware_address, options.add_bind, options.add_state, options.add_results):
        add(made)
    add_secret(made)
    options.add_log(made)
    return made


def test_flags_win_over_the_environment_and_that_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOST", "PORT", "BIND", "STATE", "RESULTS", "SECRET_FILE", "LOG"):
        monkeypatch.delenv(f"MOVIOLA_{variable}", raising=False)
    plain = parser().parse_args([])
    assert (plain.host, plain.port, plain.bind) == ("localhost", 5000, "localhost")
    assert (plain.state, plain.results, plain.secret_file, plain.log) == (Path("state"), Path("results"), None, "info")
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    monkeypatch.setenv("MOVIOLA_STATE", "/elsewhere")
    monkeypatch.setenv("MOVIOLA_BIND", "")
    assert parser().parse_args([]).port == 6000
    assert parser().parse_args(["--port", "7000"]).port == 7000
    assert parser().parse_args([]).state == Path("/elsewhere")
    assert parser().parse_args([]).bind == "localhost"


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


def test_help_shows_a_folder_of_the_environment_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_RESULTS", "/srv/films")
    assert "(MOVIOLA_RESULTS; /srv/films/)" in " ".join(parser().format_help().split())


@pytest.mark.parametrize("text", ["", "0", "13", "-1", "1.5", "two", "²"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number from 1 to 12"):
        options.whole_number(1, 12)(text)


@pytest.mark.parametrize("text", ["", "0", "-5", "nan", "inf", "soon"])
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a number of seconds above 0"):
        options.seconds(text)


def test_counts_and_spans() -> None:
    assert (options.whole_number(1, 12)("12"), options.seconds("0.5")) == (12, 0.5)


def test_a_log_level_of_the_environment_is_checked_as_one_of_the_flag(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOVIOLA_LOG", "verbose")
    with pytest.raises(SystemExit):
        parser().parse_args([])
    assert "levels are debug, info, warning, error, and 'verbose' is none" in capsys.readouterr().err
    assert parser().parse_args(["--log", "debug"]).log == "debug"
    assert "--log {debug,info,warning,error}" in parser().format_help()
