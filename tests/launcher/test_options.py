from __future__ import annotations

import os
from pathlib import Path

import pytest

from moviola.launcher import options
from moviola.launcher.problem import Problem


@pytest.mark.parametrize("text", ["0", "65536", "-1", "five", "5e3", "५000"])
def test_number_outside_its_range_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="--port is a number from 1 to 65535"):
        options.number("--port", text, 65535)


def test_number_that_was_not_given_is_none() -> None:
    assert options.number("--port", None, 65535) is None
    assert options.number("--port", "", 65535) is None  # an empty MOVIOLA_PORT


@pytest.mark.parametrize("name", ["a #b", "a ;b", "100%", "a\nb"])
def test_folder_that_supervisord_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem, match="--state cannot be"):
        options.folder("--state", tmp_path / name)


def test_a_configuration_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIOLA_CONFIG", "moviola.toml")
    monkeypatch.setenv("MOVIOLA_FOLDER_CONFIG", "")
    options.settle_configuration()
    assert os.environ["MOVIOLA_CONFIG"] == str(tmp_path / "moviola.toml")
    monkeypatch.setenv("MOVIOLA_CONFIG", "")
    options.settle_configuration()
    assert os.environ["MOVIOLA_CONFIG"] == ""
    assert os.environ["MOVIOLA_FOLDER_CONFIG"] == str(tmp_path / "moviola.toml")


def test_flags_win_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    monkeypatch.setenv("MOVIOLA_AGGREGATOR_PORT", "6001")
    monkeypatch.setenv("MOVIOLA_STATE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["run", "--port", "7000", "demo"])
    asked = options.read()
    assert (asked.port, asked.aggregator_port, asked.state) == (7000, 6001, tmp_path.resolve())
    assert (asked.demo, asked.workers) == (True, None)
