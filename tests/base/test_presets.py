"""Presets: what they set, what wins over them, and what a file may not make of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from moviola.base.layers import settle
from moviola.base.settings import add_config, add_flags, setting
from moviola.wire import options

BUILT_IN = {"soft": {"help": "softer", "filters": ["blur"], "crf": 30}}


@dataclass(frozen=True, slots=True)
class Told:
    TABLE: ClassVar[str] = "send"

    filters: tuple[str, ...] = setting((), type=options.TEXT, help="which", repeats="append")
    crf: int = setting(20, type=options.whole(0, 51, "crf"), help="how good")
    engine: str = setting("", type=options.TEXT, help="what computes", protected=True)
    out: str = setting("", type=options.TEXT, help="where", once=True)
    use_preset: str = setting("", type=options.TEXT, help="which", aliases=["-p"], once=True)


def told(folder: Path, *arguments: str, **environ: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_flags(parser, Told, {})
    add_config(parser, {})
    files = {"MOVIOLA_FOLDER_CONFIG": str(folder / "moviola.toml"), "MOVIOLA_USER_CONFIG": str(folder / "user.toml")}
    given = parser.parse_args(arguments)
    settle(parser, given, [Told], {**files, **environ}, presets=BUILT_IN)
    return {"filters": given.filters, "crf": given.crf}


@pytest.mark.parametrize(
    ("arguments", "environ", "wanted"),
    [
        ([], {}, {"filters": ("edges",), "crf": 20}),
        (["-p", "soft"], {}, {"filters": ("blur",), "crf": 30}),
        (["-p", "soft", "--crf", "9"], {}, {"filters": ("blur",), "crf": 9}),
        (["-p", "soft", "--filters", "flip"], {}, {"filters": ("flip",), "crf": 30}),
        (["-p", "soft"], {"MOVIOLA_SEND_CRF": "8"}, {"filters": ("blur",), "crf": 30}),
        (["-p", "mine"], {"MOVIOLA_SEND_CRF": "8"}, {"filters": ("crop:x=2",), "crf": 8}),
    ],
)
def test_flags_win_over_a_preset_and_that_over_all_else(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], wanted: dict[str, Any]
) -> None:
    (tmp_path / "moviola.toml").write_text("[send]\nfilters = ['edges']\n[presets.mine]\nfilters = ['crop:x=2']\n")
    assert told(tmp_path, *arguments, **environ) == wanted


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("", "sofd", "there is no preset 'sofd'; did you mean 'soft'?"),
        ("[presets.mine]\n", "zzz", "there is no preset 'zzz'; there are soft, ours, mine"),
        ("[presets.soft]\n", "mine", "[presets], defines 'soft' again, which is built in; a preset's name means one"),
        ("[presets.ours]\n", "mine", "[presets], defines 'ours' again of {folder}/moviola.toml; a preset's name"),
        ("[presets]\nmine = 3\n", "mine", "[presets], has 'mine', which is not a table such as [presets.soft]"),
        (
            "[presets.mine]\ncfr = 3\n",
            "mine",
            "the preset 'mine' of {folder}/user.toml, has no setting 'cfr'; did you mean 'crf'?",
        ),
        ("[presets.mine]\nout = 'x'\n", "mine", "the preset 'mine' of {folder}/user.toml, has no setting 'out'"),
        ("[presets.mine]\ncrf = 90\n", "mine", "the preset 'mine' of {folder}/user.toml: crf: must be a whole number"),
        ("presets = 3\n", "soft", "has 'presets', which is a table, with settings in it"),
    ],
)
def test_what_is_wrong_with_a_preset_is_one_sentence(
    tmp_path: Path, text: str, name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "moviola.toml").write_text("[presets.ours]\n")
    (tmp_path / "user.toml").write_text(text)
    with pytest.raises(SystemExit):
        told(tmp_path, "-p", name)
    assert sentence.format(folder=tmp_path) in capsys.readouterr().err.splitlines()[-1]


def test_a_preset_of_a_folders_file_may_not_say_what_that_file_may_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "moviola.toml").write_text("[presets.fast]\ncrf = 9\nengine = 'ray://198.51.100.7:10001'\n")
    with pytest.raises(SystemExit):
        told(tmp_path, "-p", "fast")
    told_of = f"the preset 'fast' of {tmp_path}/moviola.toml, sets 'engine', which a folder's file may not: whoever"
    assert told_of in capsys.readouterr().err.splitlines()[-1]
    assert told(tmp_path, "-p", "fast", "--config", str(tmp_path / "moviola.toml"))["crf"] == 9


def test_a_preset_of_the_users_own_file_may_say_what_a_folders_may_not(tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text("[presets.fast]\ncrf = 9\nengine = 'ray'\n")
    assert told(tmp_path, "-p", "fast")["crf"] == 9
