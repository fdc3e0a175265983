"""Every setting says all that there is to know of it, and the page of them is fresh."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest

from client.command.table import SUBCOMMANDS
from client.declared import kept_settings
from moviola.base.settings import Setting, settings_of
from tools import settings

ALL = [(program, one) for program, declared in settings.declared().items() for one in settings_of(declared)]


def test_the_page_is_fresh() -> None:
    assert settings.PAGE.read_text() == settings.page(), "run: python -m tools.settings"


EVERY = pytest.mark.parametrize("one", [one for _, one in ALL], ids=[f"{program} {one.flag}" for program, one in ALL])


@EVERY
def test_every_setting_has_help_unit_and_bounds(one: Setting) -> None:
    assert one.help
    assert not one.help.endswith(".")
    assert one.type.unit
    assert one.type.bounds
    assert one.flag.startswith("--")


@EVERY
def test_every_default_may_be_told_as_it_is_shown(one: Setting) -> None:
    if one.default not in (None, ()) and not one.default_text and not one.is_switch:
        assert one.type.read(one.type.show(one.default)) == one.default


@pytest.mark.parametrize("program", list(settings.declared()))
def test_no_flag_and_no_variable_means_two_things_in_one_program(program: str) -> None:
    mine = [one for name, one in ALL if name == program]
    variables = [name for one in mine for name in one.variables]
    assert len({one.flag for one in mine}) == len(mine)
    assert len(set(variables)) == len(variables)


def test_a_setting_with_a_table_is_one_of_those_that_files_may_have() -> None:
    kept = kept_settings()
    for program, one in ALL:
        if one.table:
            assert one.key in [each.key for each in kept[one.table]], (
                f"{program}: nothing else knows [{one.table}] {one.key}"
            )


def test_a_default_is_said_in_words_where_it_has_some() -> None:
    defaults = {(program, one.flag): settings._default(one) for program, one in ALL}
    assert defaults["up", "--web"] == "as it runs; at first off"
    assert defaults["send", "--local"] == "off"
    assert defaults["client.events", "--job"] == "none"
    assert "``" not in defaults.values()


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_flag_of_every_subcommand_is_on_the_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = SUBCOMMANDS[name]
    with pytest.raises(SystemExit):
        getattr(import_module(found.module), found.function)(["--help"])
    flags = re.findall(r"^ +(?:-\w(?: \S+)?, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE)
    page = settings.PAGE.read_text()
    assert "--help" in flags
    assert [flag for flag in flags if not re.search(rf"`{flag}[` ]", page)] == ["--version"]


def test_the_page_says_which_subcommands_ask_where_the_cluster_is() -> None:
    asked = {
        name
        for name, found in SUBCOMMANDS.items()
        if re.search(r"\(.*\b(ClientSettings|ClusterSettings)\b", inspect.getsource(import_module(found.module)))
    }
    named = settings.TITLES["client"].replace("moviola ", "")
    assert set(re.findall(r"`(\w+)`", named)) == asked
