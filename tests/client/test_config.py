"""`moviola config`: what holds and who says so."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from client import compare, file_sender, watch
from client.config import OTHER_VARIABLES, main, unread_variables
from client.declared import kept_settings
from moviola.base.config_files import TABLES
from tests.client.in_process import Typed, on_a_plain_terminal, run_typed
from tests.closed import close

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """The command in this process, in a folder of its own, with no variables."""
    on_a_plain_terminal(monkeypatch)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("MOVIOLA_USER_CONFIG", str(tmp_path / "user.toml"))

    def run(*arguments: str) -> tuple[int, str, str]:
        return run_typed(main, capsys, arguments)

    return run


def test_every_setting_of_every_program_is_shown_in_a_form_that_is_a_configuration(config: Typed) -> None:
    status, out, err = config()
    assert (status, err) == (0, "")
    read = tomllib.loads(out)
    assert (
        list(read)
        == [*kept_settings()]
        == [
            "send",
            "client",
            "up",
            "worker",
            "middleware",
            "aggregator",
            "web",
        ]
    )
    assert sorted(read) == sorted(TABLES)
    for table, settings in kept_settings().items():
        for one in settings:
            assert one.key in read[table] or f"# {one.key}" in out
    assert read["middleware"]["spool-limit"] == "8G"
    assert max(map(len, out.splitlines())) <= 80


def test_an_age_is_shown_as_it_is_written(config: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_AGGREGATOR_RESULTS_AGE", "30d")
    status, out, _ = config("aggregator", "--said")
    assert (status, tomllib.loads(out)) == (0, {"aggregator": {"results-age": "30d"}})
    said = json.loads(config("--json")[1])["settings"]["aggregator"]["results-age"]
    assert said == {"value": "30d", "from": "MOVIOLA_AGGREGATOR_RESULTS_AGE"}


def test_a_date_in_a_preset_is_shown_as_a_text(config: Typed, tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text("[presets.mine]\ncrf = 2024-07-01\nfilters = ['blur', 07:30:00]\n")
    shown = {"crf": "2024-07-01", "filters": ["blur", "07:30:00"]}
    assert tomllib.loads(config("presets")[1])["presets"]["mine"] == shown
    assert json.loads(config("--json")[1])["presets"]["mine"]["sets"] == shown


def test_what_it_shows_is_read_back_as_the_same(config: Typed, tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text(config()[1])
    _, out, err = config("--json")
    assert err == ""
    everything = json.loads(out)["settings"]
    assert {said["from"] for table in everything.values() for said in table.values()} == {
        "default",
        str(tmp_path / "user.toml"),
    }
    (tmp_path / "user.toml").unlink()
    plain = json.loads(config("--json")[1])["settings"]
    for table, settings in plain.items():
        for key, said in settings.items():
            if key not in ("state", "results") or table == "up":  # which are meant from the folder of the file
                assert everything[table][key]["value"] == said["value"]


@pytest.mark.parametrize("command", [file_sender, watch, compare])
def test_every_command_that_sends_takes_the_whole_of_what_it_shows(
    command: ModuleType, config: Typed, tmp_path: Path
) -> None:
    shown = config("send")[1].replace("local = false", "local = true").replace("# engine ", 'engine = "ray"')
    (tmp_path / "user.toml").write_text(f'{shown}\n[presets.near]\nlocal = true\nengine = "ray"\n')
    assert 'engine = "ray"' in shown
    assert command._parser().read(["-f", "blur", "--use-preset", "near", "in"]).filters == ("blur",)


def test_what_no_file_may_have_is_read_from_no_variable_either(config: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_SEND_SETTLE", "7")
    assert "MOVIOLA_SEND_SETTLE is set, and nothing reads it" in config("send")[2]
    assert watch._parser().read(["in"]).settle == 45


def test_each_value_is_shown_with_who_says_it(config: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "user.toml").write_text('host = "farm"\n[client]\nuser = "ana"\n')
    Path("moviola.toml").write_text('[send]\ncodec = "ffv1"\nfilters = ["blur", "edges"]\n')
    Path("named.toml").write_text("[send]\ncrf = 18\n")
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    status, out, err = config("--config", "named.toml", "--json")
    assert (status, err) == (0, "")
    settings = json.loads(out)["settings"]
    said = {key: one["from"] for key, one in (settings["send"] | settings["client"]).items()}
    assert {key: where for key, where in said.items() if where != "default"} == {
        "filters": str(tmp_path / "work" / "moviola.toml"),
        "codec": str(tmp_path / "work" / "moviola.toml"),
        "crf": str(tmp_path / "work" / "named.toml"),
        "host": str(tmp_path / "user.toml"),
        "port": "MOVIOLA_PORT",
        "user": str(tmp_path / "user.toml"),
    }
    shown = config("--config", "named.toml", "--said")[1]
    assert 'codec = "ffv1"                              # ./moviola.toml\ncrf = 18' in shown
    assert f'# {tmp_path / "user.toml"}\nuser = "ana"\n' in shown
    assert "quality" not in shown


def test_one_table_alone(config: Typed) -> None:
    assert list(tomllib.loads(config("client")[1])) == ["client"]
    status, _, err = config("cleint")
    assert status == 2
    assert "did you mean client?" in err


def test_presets_are_shown_as_they_would_be_written(config: Typed) -> None:
    Path("moviola.toml").write_text('[presets.small]\nfilters = ["resize:width=640"]\n')
    shown: dict[str, Any] = tomllib.loads(config("presets")[1])["presets"]
    assert shown["small"] == {"filters": ["resize:width=640"]}
    assert shown["thumbnails"]["quality"] == 80


def test_the_files_that_count_are_named(config: Typed, tmp_path: Path) -> None:
    Path("moviola.toml").touch()
    status, out, _ = config("--paths")
    assert status == 0
    assert out.splitlines() == [
        f"this folder's  there      {tmp_path / 'work' / 'moviola.toml'}",
        f"the user's     not there  {tmp_path / 'user.toml'}",
    ]
    assert [each["exists"] for each in json.loads(config("--paths", "--json")[1])] == [True, False]


def test_a_file_in_a_folder_that_may_not_be_entered_counts_as_none(
    config: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVIOLA_USER_CONFIG", str(tmp_path / "closed" / "user.toml"))
    close(tmp_path / "closed", monkeypatch)
    assert [each["exists"] for each in json.loads(config("--paths", "--json")[1])] == [False, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[client]\nuzer = 1\n", "moviola.toml, [client], has no setting 'uzer'; did you mean 'user'?"),
        ("[worker]\nplugins = ['x.py']\n", "[worker], sets 'plugins', which a folder's file may not"),
        ("[middleware]\ncredit = 90\n", "[middleware]: credit: must be a whole number from 1 to 64, not '90'"),
    ],
)
def test_what_is_wrong_in_any_table_is_said(config: Typed, text: str, sentence: str) -> None:
    Path("moviola.toml").write_text(text)
    status, out, err = config()
    assert (status, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_a_variable_that_nothing_reads_is_named(config: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_WORKER_FILTRES", "blur")
    status, _, err = config()
    assert status == 0
    assert (
        err
        == "The variable MOVIOLA_WORKER_FILTRES is set, and nothing reads it; did you mean MOVIOLA_WORKER_FILTERS?\n"
    )
    assert not list(unread_variables(dict.fromkeys(OTHER_VARIABLES, "x") | {"HOME": "/", "MOVIOLA_PORT": "1"}))


def test_every_variable_in_the_code_is_a_setting_or_named_as_none() -> None:
    known = {variable for settings in kept_settings().values() for one in settings for variable in one.variables}
    read = set()
    for package in ("moviola", "client", "middleware", "worker", "aggregator"):
        for path in (ROOT / package).rglob("*.py"):
            nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
            read |= {str(node.value) for node in nodes if re.fullmatch(r"MOVIOLA_[A-Z_]+[A-Z]", str(node.value))}
    compose = re.findall(r"\$\{(MOVIOLA_[A-Z_]+)", (ROOT / "docker-compose.yml").read_text())
    assert len(read) > 10
    assert {*read, *compose} - known == OTHER_VARIABLES
