from __future__ import annotations

import os
from pathlib import Path

import pytest

from moviola.launcher import options
from moviola.launcher.problem import Problem


@pytest.fixture(autouse=True)
def nothing_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no configuration file says anything; what a test sets in the environment goes with it."""
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)
    for name in ("CONFIG", "USER_CONFIG", "FOLDER_CONFIG", "SECRET_FILE", "NO_SECRET", "BIND"):
        monkeypatch.setenv(f"MOVIOLA_{name}", "")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "five", "5e3", "५000"])
def test_number_outside_its_range_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read([f"--port={text}"])
    assert f"Argument --port: must be a whole number from 1 to 65535, not '{text}'" in capsys.readouterr().err


def test_what_was_not_said_is_none() -> None:
    asked = options.read([])
    assert (asked.port, asked.aggregator_port, asked.workers, asked.results) == (None, None, None, None)
    assert (asked.bind, asked.secret_file, asked.no_secret, asked.demo) == (None, None, False, False)


@pytest.mark.parametrize("name", ["~nobody-of-this-name", "a #b", "a ;b", "100%", "a\nb", "a\rb", "caf\udce9", "a\0b"])
def test_folder_that_leads_nowhere_or_that_supervisord_would_misread_is_refused(name: str) -> None:
    with pytest.raises(Problem, match="--state cannot be"):
        options.folder("--state", name)


def test_a_configuration_is_found_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "named.toml").touch()
    options.read(["--config", "named.toml"])
    assert os.environ["MOVIOLA_CONFIG"] == str(tmp_path / "named.toml")
    assert os.environ["MOVIOLA_FOLDER_CONFIG"] == str(tmp_path / "moviola.toml")
    assert os.environ["MOVIOLA_USER_CONFIG"] == ""
    options.read([])
    assert os.environ["MOVIOLA_CONFIG"] == str(tmp_path / "named.toml"), "as it was said for this process"


def test_files_of_filters_are_absolute_and_each_is_there_once(tmp_path: Path) -> None:
    assert options.read([]).plugins is None
    asked = options.read(["--plugins", "a.py", "--plugins", str(tmp_path / "b.py"), "--plugins", "./a.py", "demo"])
    assert asked.plugins == (tmp_path.resolve() / "a.py", tmp_path.resolve() / "b.py")
    assert asked.demo
    with pytest.raises(Problem, match="--plugins cannot be"):
        options.read(["--plugins", "100%.py"])


@pytest.mark.parametrize("table", ["up", "worker"])
def test_a_file_beside_the_work_adds_no_code(tmp_path: Path, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "moviola.toml").write_text(f"[{table}]\nplugins = ['theirs.py']\n")
    if table == "up":
        with pytest.raises(SystemExit):
            options.read([])
        assert "sets 'plugins', which a folder's file may not" in capsys.readouterr().err
    else:
        assert options.read([]).plugins is None
    (tmp_path / "moviola.toml").rename(tmp_path / "user.toml")
    os.environ["MOVIOLA_USER_CONFIG"] = "user.toml"
    assert options.read([]).plugins == ((tmp_path.resolve() / "theirs.py",) if table == "up" else None)


def test_what_a_configuration_says_of_the_programs_counts(tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text(
        "bind = '*'\nno-secret = true\n[middleware]\nport = 6000\n[aggregator]\nport = 6001\nresults = 'films'\n"
        "[worker]\nprocesses = 3\n"
    )
    os.environ["MOVIOLA_USER_CONFIG"] = "user.toml"
    asked = options.read([])
    assert (asked.port, asked.aggregator_port, asked.workers) == (6000, 6001, 3)
    assert asked.results == tmp_path / "films"
    assert (asked.bind, asked.no_secret, asked.secret_file) == ("*", True, None)
    assert os.environ["MOVIOLA_USER_CONFIG"] == str(tmp_path / "user.toml")
    asked = options.read(["--secret-file", "mine"])
    assert (asked.no_secret, asked.secret_file) == (False, tmp_path / "mine")
    with pytest.raises(Problem, match="--secret-file cannot be"):
        options.read(["--secret-file", "100%"])


@pytest.mark.parametrize(("text", "without"), [("", False), ("0", False), ("no", False), ("1", True), ("yes", True)])
def test_a_variable_that_says_no_keeps_the_secret(text: str, without: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_NO_SECRET", text)
    assert options.read([]).no_secret is without


def test_flags_win_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    monkeypatch.setenv("MOVIOLA_AGGREGATOR_PORT", "6001")
    monkeypatch.setenv("MOVIOLA_STATE", str(tmp_path))
    asked = options.read(["--port", "7000", "demo"])
    assert (asked.port, asked.aggregator_port, asked.state) == (7000, 6001, tmp_path.resolve())
    assert (asked.demo, asked.workers) == (True, None)
