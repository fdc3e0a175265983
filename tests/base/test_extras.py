"""What an installation lacks is a sentence with what to type."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from moviola.base import extras, installation
from moviola.base.extras import NETWORKS, RAY, WEB, Extra

ROOT = Path(__file__).parents[2]


def test_what_is_there_is_not_missing() -> None:
    assert NETWORKS.missing() == WEB.missing() == ""


IN_METADATA = ["av>=12", 'one; extra == "dev"', 'two<3,>=2; extra == "two"', "second; extra == 'two'"]
"""As metadata have the packages that an installation needs."""


@pytest.mark.parametrize(
    ("checkout", "what"), [(True, f"-r {ROOT / 'requirements-two.txt'}"), (False, "'two<3,>=2' second")]
)
@pytest.mark.parametrize(
    ("pip", "command"), [(True, "{python} -m pip install"), (False, "uv pip install --python {python}")]
)
def test_what_is_missing_is_said_with_what_to_type(
    checkout: bool, what: str, pip: bool, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "is_checkout", lambda: checkout)
    monkeypatch.setattr(installation, "has_pip", lambda: pip)
    monkeypatch.setattr(metadata, "requires", lambda _name: IN_METADATA)
    assert installation.requirements() == ["av>=12"]
    said = Extra("two", "a test needs", ("sys", "no_such_module", "nor_this")).missing()
    assert said.startswith("no_such_module, nor_this are not installed; install what a test needs with: ")
    assert said.endswith(f" with: {command.format(python=sys.executable)} {what}")
    assert "no_such_module is not installed" in Extra("two", "a test needs", ("no_such_module",)).missing()


@pytest.mark.parametrize("extra", [NETWORKS, RAY, WEB])
def test_an_extra_is_one_of_the_project_with_a_list_of_its_own(extra: Extra) -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra.name in about["optional-dependencies"]
    assert (ROOT / f"requirements-{extra.name}.txt").is_file()


def test_the_pages_install_extras_from_the_folder_of_the_repository_and_install_names_all() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pages = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}
    for name, text in pages.items():
        told = re.findall(r"(?:pip|pipx) install \S*\[(\w+)\]", text)
        assert re.findall(r"(?:pip|pipx) install '\.\[(\w+)\]'", text) == told, f"{name}: no registry has moviola"
        assert set(told) <= set(about["optional-dependencies"]), name
    told = re.findall(r"pip install '\.\[(\w+)\]'", pages["INSTALL.md"])
    assert sorted(told) == sorted(set(about["optional-dependencies"]) - {"dev"})
