"""Every setting says all that there is to know of it, and the page of them is fresh."""

from __future__ import annotations

import pytest

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
