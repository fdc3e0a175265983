"""What stands in two places says the same in both."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(*names: str) -> dict[str, str]:
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines() if line[:1] not in ("", "#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


@pytest.mark.parametrize("group", ["run", "dev"])
def test_locked_versions_are_within_what_the_project_asks_for(group: str) -> None:
    about = project()["project"]
    wanted = about["dependencies"] if group == "run" else about["optional-dependencies"]["dev"]
    versions = locked("requirements.txt") if group == "run" else locked("requirements.txt", "requirements-dev.txt")
    for requirement in map(Requirement, wanted):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_no_package_is_locked_twice() -> None:
    assert not locked("requirements.txt").keys() & locked("requirements-dev.txt").keys()


def test_the_image_takes_every_package() -> None:
    packages = set(project()["tool"]["setuptools"]["package-dir"].values())
    copied = set(re.findall(r"^COPY (\w+)/ \1/$", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE))
    sent = set(re.findall(r"^!(\w+)/$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert packages <= copied <= sent


def test_the_arrows_and_types_are_checked_for_every_package() -> None:
    packages = set(project()["tool"]["setuptools"]["package-dir"].values())
    assert packages <= set(project()["tool"]["importlinter"]["root_packages"])
    assert packages <= set(project()["tool"]["mypy"]["files"])


def test_every_folder_of_modules_is_a_package_of_the_installation() -> None:
    tool = project()["tool"]["setuptools"]
    folders = {path: name for name, path in tool["package-dir"].items()}
    found = {
        ".".join((folders[init.relative_to(ROOT).parts[0]], *init.parent.relative_to(ROOT).parts[1:]))
        for folder in folders
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(tool["packages"])
