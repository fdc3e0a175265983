"""Where settings may be said, in files and variables, and which of them wins."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from moviola.base.config_files import TABLES, ConfigError, Layer, config_paths, user_config
from moviola.base.layers import Said, read, resolved, said_in, settle
from moviola.base.settings import SWITCH, add_flags, place_of, setting, settings_of, variable_of
from moviola.wire import options


@dataclass(frozen=True, slots=True)
class Told:
    TABLE: ClassVar[str] = "worker"

    host: str = options.middleware_host()
    log: str = options.log()
    results: Path = options.results()
    files: tuple[Path, ...] = setting((), type=options.FILE, help="which", repeats="+")
    filters: str = setting("all", type=options.TEXT, help="which", variables=["FILTER_TYPE"])
    json: bool = setting(False, type=SWITCH, help="how", once=True)
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()


@dataclass(frozen=True)
class Files:
    """The three files that count, and the variables that name two of them."""

    user: Path
    folder: Path
    named: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"MOVIOLA_USER_CONFIG": str(self.user), "MOVIOLA_FOLDER_CONFIG": str(self.folder)}

    def told(self, *arguments: str, **environ: str) -> Told:
        return read(Told, argparse.ArgumentParser(), arguments, {**self.environ, **environ})


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = [tmp_path / name / "moviola.toml" for name in ("user", "folder", "named")]
    for path in made:
        path.parent.mkdir()
    return Files(*made)


FILTERS = {
    Layer.USER_FILE: "[worker]\nfilters = 'user'\n",
    Layer.FOLDER_FILE: "[worker]\nfilters = 'folder'\n",
    Layer.NAMED_FILE: "[worker]\nfilters = 'named'\n",
}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([], "all"),
        ([Layer.USER_FILE], "user"),
        ([Layer.USER_FILE, Layer.FOLDER_FILE], "folder"),
        ([Layer.USER_FILE, Layer.FOLDER_FILE, Layer.NAMED_FILE], "named"),
        ([Layer.USER_FILE, Layer.NAMED_FILE], "named"),
        ([Layer.USER_FILE, Layer.FOLDER_FILE, Layer.NAMED_FILE, Layer.VARIABLE], "variable"),
        ([Layer.FOLDER_FILE, Layer.VARIABLE], "variable"),
        ([Layer.NAMED_FILE, Layer.VARIABLE, Layer.FLAG], "flag"),
        ([Layer.USER_FILE, Layer.FLAG], "flag"),
    ],
)
def test_the_nearest_layer_wins(files: Files, said: list[Layer], wanted: str) -> None:
    for layer, path in zip(FILTERS, (files.user, files.folder, files.named), strict=True):
        if layer in said:
            path.write_text(FILTERS[layer])
    arguments = ["--config", str(files.named)] if Layer.NAMED_FILE in said else []
    arguments += ["--filters", "flag"] if Layer.FLAG in said else []
    environ = {"FILTER_TYPE": "variable"} if Layer.VARIABLE in said else {}
    assert files.told(*arguments, **environ).filters == wanted


@pytest.mark.parametrize(
    ("text", "environ", "wanted"),
    [
        ("log = 'error'\n", {}, "error"),
        ("log = 'error'\n[worker]\nlog = 'debug'\n", {}, "debug"),
        ("log = 'error'\n", {"MOVIOLA_LOG": "warning"}, "warning"),
        ("[worker]\nlog = 'debug'\n", {"MOVIOLA_LOG": "warning"}, "warning"),
        ("", {"MOVIOLA_LOG": "warning", "MOVIOLA_WORKER_LOG": "debug"}, "debug"),
        ("", {"MOVIOLA_LOG": "warning", "MOVIOLA_MIDDLEWARE_LOG": "debug"}, "warning"),
    ],
)
def test_what_is_said_for_one_program_wins_over_what_is_said_for_all(
    files: Files, text: str, environ: dict[str, str], wanted: str
) -> None:
    files.user.write_text(text)
    assert files.told(**environ).log == wanted


def test_a_nearer_file_wins_over_a_farther_one_that_names_the_program(files: Files) -> None:
    files.user.write_text("[worker]\nlog = 'debug'\n")
    files.folder.write_text("log = 'error'\n")
    assert files.told().log == "error"


def test_a_path_is_meant_from_the_folder_of_its_file(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    files.user.write_text("results = 'films'\n[worker]\nfiles = ['a', '/b', '~/c']\n")
    told = files.told()
    assert told.results == files.user.parent / "films"
    assert told.files == (files.user.parent / "a", Path("/b"), Path("/home/ana/c"))
    assert files.told(MOVIOLA_RESULTS="films").results == Path("films")


@pytest.mark.parametrize(
    "text",
    [
        "host = 'elsewhere'\n",
        "[worker]\nhost = 'elsewhere'\n",
        "[worker]\nno-secret = true\n",
        "secret-file = 'mine'\n",
    ],
)
def test_a_folder_does_not_say_whom_to_trust(files: Files, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    files.folder.write_text(text)
    with pytest.raises(SystemExit):
        files.told()
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"the configuration {files.folder}" in said
    assert "which a folder's file may not" in said
    assert f"put it into {user_config()}, or name this file with --config" in said
    files.told("--config", str(files.folder))
    files.folder.rename(files.user)
    files.told()


def test_a_secret_said_nearer_overrules_that_there_is_none(files: Files) -> None:
    files.user.write_text("no-secret = true\n")
    assert files.told().no_secret
    told = files.told(MOVIOLA_SECRET_FILE="mine")
    assert (told.secret_file, told.no_secret) == (Path("mine"), False)
    assert files.told(MOVIOLA_NO_SECRET="0").no_secret is False


def test_what_is_wished_once_has_no_variable_and_no_key(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert not files.told(MOVIOLA_WORKER_JSON="1").json
    files.user.write_text("[worker]\njson = true\n")
    with pytest.raises(SystemExit):
        files.told()
    assert "[worker], has no setting 'json'" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_no_file_but_the_named_one_must_be(files: Files) -> None:
    assert files.told() == Told()
    with pytest.raises(SystemExit):
        files.told("--config", str(files.named))


@pytest.mark.parametrize("name", ["FOLDER", "USER"])
def test_a_pipe_or_a_folder_of_that_name_is_no_file(files: Files, name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path(os.devnull), tmp_path / "pipe" / "below"):
        assert files.told(**{f"MOVIOLA_{name}_CONFIG": str(path)}) == Told()


def test_the_files_are_where_people_look_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(config_paths(Path("x.toml"), {})) == [
        (Layer.NAMED_FILE, tmp_path / "x.toml"),
        (Layer.FOLDER_FILE, tmp_path / "moviola.toml"),
        (Layer.USER_FILE, user_config()),
    ]
    assert user_config().parts[-2:] == ("moviola", "moviola.toml")


def test_a_current_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SystemExit):
        read(Told, argparse.ArgumentParser(), [], {})
    assert "the current folder is gone, or may not be entered: change into another" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "variable", "sentence"),
    [
        (["--config", "~nobody-of-this-name/f"], "", "the configuration ~nobody-of-this-name/f cannot be read: there"),
        ([], "~nobody-of-this-name/f", "the configuration ~nobody-of-this-name/f cannot be read: there is no user"),
        ([], "", "the configuration {}: results: there is no user 'nobody-of-this-name'"),
    ],
)
def test_the_home_of_a_user_that_there_is_not_is_said(
    files: Files, arguments: list[str], variable: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files.folder.write_text("results = '~nobody-of-this-name/films'\n")
    with pytest.raises(SystemExit):
        files.told(*arguments, MOVIOLA_USER_CONFIG=variable)
    assert sentence.format(files.folder) in capsys.readouterr().err


def test_what_was_said_and_where_is_known_afterwards(files: Files) -> None:
    files.folder.write_text("[worker]\nlog = 'error'\n")
    parser = argparse.ArgumentParser()
    add_flags(parser, Told, {})
    given = parser.parse_args(["--filters", "blur"])
    settle(parser, given, [Told], {**files.environ, "MOVIOLA_RESULTS": "films"})
    assert said_in(given) == {
        "filters": Said("blur", Layer.FLAG, "--filters"),
        "log": Said("error", Layer.FOLDER_FILE, str(files.folder)),
        "results": Said(Path("films"), Layer.VARIABLE, "MOVIOLA_RESULTS"),
    }


def test_every_variable_has_one_place_in_files_and_back() -> None:
    assert variable_of("worker", "memory-limit") == "MOVIOLA_WORKER_MEMORY_LIMIT"
    assert place_of("MOVIOLA_AGGREGATOR_PORT") == ("aggregator", "port")
    assert place_of("MOVIOLA_USER_NAME") == ("", "user-name")
    for table in (*TABLES, ""):
        for one in settings_of(Told):
            assert place_of(variable_of(table, one.key)) == (table, one.key)


def test_what_a_program_gives_stands_for_the_flags(files: Files) -> None:
    files.user.write_text(FILTERS[Layer.USER_FILE])
    environ = {**files.environ, "MOVIOLA_HOST": "far", "MOVIOLA_NO_SECRET": "1"}
    told = resolved(Told, {"log": "debug", "secret_file": Path("mine")}, environ)
    assert (told.filters, told.host, told.log) == ("user", "far", "debug")
    assert (told.secret_file, told.no_secret) == (Path("mine"), False), "what is nearer decides for what it excludes"
    with pytest.raises(ValueError, match="log: levels are"):
        resolved(Told, {"log": "loud"}, environ)
    files.user.write_text("[worker]\nfilterz = 'user'\n")
    with pytest.raises(ConfigError, match="filterz"):
        resolved(Told, {}, environ)
