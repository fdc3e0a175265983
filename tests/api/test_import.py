"""`import moviola` costs nothing, and has all names, each where it is first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import moviola
from moviola.api.options import JobOptions
from moviola.base.settings import settings_of
from moviola.session.job_settings import JobSettings

ROOT = Path(__file__).parents[2]


def test_it_loads_nothing_but_itself() -> None:
    """What costs time is a module that comes along."""
    code = "import __future__, sys; old = set(sys.modules); import moviola; print(*sorted(set(sys.modules) - old))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "moviola"


@pytest.mark.parametrize("name", moviola.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(moviola, name)
    assert value.__name__ == name
    assert value.__doc__
    assert name in dir(moviola)


def test_the_type_checker_sees_the_names_that_there_are() -> None:
    text = (ROOT / "moviola" / "__init__.py").read_text()
    seen = {line.rpartition(" as ")[2] for line in text.splitlines() if line.startswith("    from moviola.")}
    assert seen == set(moviola.__all__)


def test_a_name_that_is_not_there_is_said_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'moviola' has no attribute 'Clutser'"):
        _ = moviola.Clutser  # type: ignore[attr-defined]


def test_a_job_has_the_same_options_as_on_the_command_line() -> None:
    declared = {one.name for one in settings_of(JobSettings)} - {"filters", "out"}
    assert set(get_type_hints(JobOptions)) == declared
