"""What an installation lacks is a sentence with what to type."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from moviola.base import extras
from moviola.base.extras import NETWORKS, RAY, WEB, Extra

ROOT = Path(__file__).parents[2]


def test_what_is_there_is_not_missing() -> None:
    assert NETWORKS.missing() == WEB.missing() == ""


@pytest.mark.parametrize(("checkout", "what"), [(True, "-r requirements-two.txt"), (False, "'moviola[two]'")])
def test_what_is_missing_is_said_with_what_to_type(checkout: bool, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_checkout", lambda: checkout)
    said = Extra("two", "a test needs", ("sys", "no_such_module", "nor_this")).missing()
    assert said.startswith("no_such_module, nor_this are not installed; install what a test needs with: ")
    assert said.endswith(f" -m pip install {what}")
    assert "no_such_module is not installed" in Extra("two", "a test needs", ("no_such_module",)).missing()


@pytest.mark.parametrize("extra", [NETWORKS, RAY, WEB])
def test_an_extra_is_one_of_the_project_with_a_list_of_its_own(extra: Extra) -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra.name in about["optional-dependencies"]
    assert (ROOT / f"requirements-{extra.name}.txt").is_file()
