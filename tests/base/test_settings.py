"""Where a setting may be told, which source wins, and what is said of what is wrong."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from moviola.base.layers import read
from moviola.base.settings import SWITCH, ValueType, choice, setting


def whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number")
    return int(text)


NUMBER = ValueType(whole, "tasks", "from 0", "N")
TEXT = ValueType(str, "text", "any", "NAME", show=lambda text: f"{text}/")


@dataclass(frozen=True, slots=True)
class Told:
    TABLE: ClassVar[str] = "worker"

    credit: int = setting(
        2, type=NUMBER, help="tasks at a time, 50 % of them waiting", variables=["CREDIT", "OLD_CREDIT"]
    )
    where: str = setting("here", type=TEXT, help="where", variables=["WHERE"])
    name: str = setting(
        factory=lambda: "vm", type=replace(TEXT, show=str), help="name", default_text="this machine's, {}"
    )
    admin: tuple[str, ...] = setting((), type=TEXT, help="who", repeats="append", default_text="nobody")
    files: tuple[str, ...] = setting((), type=TEXT, help="which", repeats="+", default_text="none")
    fast: bool = setting(False, type=SWITCH, help="hurry", variables=["FAST"])
    codec: str = setting("ffv1", type=choice(["ffv1", "h264"]), help="how", aliases=["--encoder"])
    key: str | None = setting(None, type=TEXT, help="key", variables=["KEY"], excludes="key", default_text="none")
    no_key: bool = setting(False, type=SWITCH, help="no key", flag="--keyless", variables=["NO_KEY"], excludes="key")


def told(*arguments: str, **environ: str) -> Told:
    return read(Told, argparse.ArgumentParser(), arguments, {"MOVIOLA_USER_CONFIG": os.devnull, **environ})


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, **environ: str) -> str:
    with pytest.raises(SystemExit) as end:
        told(*arguments, **environ)
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def config(folder: Path, text: str) -> dict[str, str]:
    (folder / "moviola.toml").write_text(text)
    return {"MOVIOLA_CONFIG": str(folder / "moviola.toml")}


def test_nothing_said_is_the_default() -> None:
    assert told() == Told()
    assert told(CREDIT="", WHERE="", FAST="", NO_KEY="") == Told()


def test_a_flag_wins_over_a_variable_that_over_the_file_and_that_over_the_default(tmp_path: Path) -> None:
    file = config(tmp_path, '[worker]\ncredit = 3\nwhere = "file"\n')
    assert (told(**file).credit, told(**file).where) == (3, "file")
    assert told(**file, CREDIT="4").credit == 4
    assert told("--credit", "5", **file, CREDIT="4").credit == 5
    assert told("--config", file["MOVIOLA_CONFIG"], MOVIOLA_CONFIG="/nowhere").credit == 3


def test_of_several_variables_the_first_that_is_set_counts() -> None:
    assert told(OLD_CREDIT="7").credit == 7
    assert told(CREDIT="", OLD_CREDIT="7").credit == 7
    assert told(CREDIT="6", OLD_CREDIT="7").credit == 6


def test_a_variable_that_a_flag_overrules_is_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("--credit", "1", CREDIT="many").credit == 1
    assert refused(capsys, CREDIT="many").endswith("error: CREDIT: 'many' is no number")
    assert refused(capsys, "--credit", "many").endswith("error: argument --credit: 'many' is no number")


def test_what_repeats_is_a_tuple_from_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(MOVIOLA_WORKER_ADMIN="ana 'bo b'").admin == ("ana", "bo b")
    assert 'in "ana \'bo" a quote is not closed' in refused(capsys, MOVIOLA_WORKER_ADMIN="ana 'bo")
    assert told("--admin", "ana", "--admin", "bo").admin == ("ana", "bo")
    assert told("--files", "a", "b").files == ("a", "b")
    assert told(**config(tmp_path, '[worker]\nadmin = ["ana", "bo"]\n')).admin == ("ana", "bo")


def test_a_switch(tmp_path: Path) -> None:
    assert told("--fast").fast
    assert told(FAST="yes").fast
    assert not told(FAST="0").fast
    assert not told(FAST="off", **config(tmp_path, "[worker]\nfast = true\n")).fast
    assert told(**config(tmp_path, "[worker]\nfast = true\n")).fast
    assert not told(**config(tmp_path, "[worker]\nfast = false\n")).fast


@pytest.mark.parametrize(
    ("arguments", "environ", "wanted"),
    [
        (["--keyless"], {"KEY": "k"}, (None, True)),
        (["--key", "k"], {"NO_KEY": "1"}, ("k", False)),
        ([], {"KEY": "k", "NO_KEY": "1"}, ("k", False)),
        ([], {"NO_KEY": "1"}, (None, True)),
    ],
)
def test_of_what_excludes_each_other_the_nearest_decides(
    arguments: list[str], environ: Mapping[str, str], wanted: tuple[str | None, bool], tmp_path: Path
) -> None:
    made = told(*arguments, **environ, **config(tmp_path, '[worker]\nkey = "far"\n'))
    assert (made.key, made.no_key) == wanted


def test_a_choice_and_another_name_of_its_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("--encoder", "h264") == told("--codec", "h264") == Told(codec="h264")
    line = refused(capsys, "--codec", "mpeg4")
    assert "argument --codec/--encoder: invalid choice: 'mpeg4' (choose from 'ffv1', 'h264')" in line


def test_both_flags_of_what_excludes_each_other_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "not allowed with argument --key" in refused(capsys, "--key", "k", "--keyless")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[worker]\ncredit = 'many'\n", "[worker]: credit: 'many' is no number"),
        ("[worker]\ncredit = [1]\n", "[worker]: credit takes one value, not [1]"),
        ("[worker]\nadmin = 'ana'\n", "[worker]: admin takes a list of values, not 'ana'"),
        ("[worker]\nfast = 1\n", "[worker]: fast is true or false, and 1 is neither"),
        ("[worker]\ncredits = 1\n", "[worker], has no setting 'credits'; did you mean 'credit'?"),
        ("[worker]\nzzz = 1\n", "has no setting 'zzz'; there are credit, where, name,"),
        ("[wroker]\n", "has 'wroker'; did you mean 'worker'?"),
        (
            "credit = 1\n",
            "has 'credit'; there are the tables middleware, aggregator, worker, client, web, send, up, presets,",
        ),
        ("hosts = 1\n", "has 'hosts'; did you mean 'host'?"),
        ("worker = 1\n", "has 'worker', which is a table, with settings in it"),
        ("[host]\n", "has 'host', which is a setting, with a value"),
        ("[worker]\ncodec = 'mpeg4'\n", "[worker]: codec: 'mpeg4' is not one of ffv1, h264"),
        ("[worker\n", "is not TOML"),
        (f"[worker]\nwhere = {'[' * 100_000}", "is not TOML"),
        ("#" * 2**20 + "\n", "has more than 1048576 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, **config(tmp_path, text))
    assert sentence in line
    assert "moviola.toml" in line


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere cannot be read: No such file" in refused(capsys, "--config", str(tmp_path / "nowhere"))


def test_tables_of_other_programs_are_left_to_them(tmp_path: Path) -> None:
    assert told(**config(tmp_path, "[middleware]\nwhatever = 1\n")) == Told()


def test_help_shows_meaning_variables_and_present_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        told("--help", WHERE="there")
    said = " ".join(capsys.readouterr().out.split())
    assert "--credit N tasks at a time, 50 % of them waiting (CREDIT, OLD_CREDIT; 2)" in said
    assert "--where NAME where (WHERE; there/)" in said
    assert "--name NAME name (MOVIOLA_WORKER_NAME; this machine's, vm)" in said
    assert "--fast hurry (FAST)" in said
    assert "[--key NAME | --keyless]" in said
