"""What docs/LICENCES.md states of the installed wheels is so."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from importlib import metadata
from typing import Final

import pytest

from tools import licences

PAGE: Final = (licences.ROOT / "docs" / "LICENCES.md").read_text()
INSTALLED: Final = {each.name: each for each in licences.dependencies()}


def row_of(name: str) -> list[str]:
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
    return [cell.strip() for cell in line.split("|")[1:-1]]


OTHER_WORDS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD-derived": "BSD-like",
}
"""What packages call their licences, and what the page calls these; the third is PyPI's classifier of version 2.0."""


def _in_words_of_the_page(stated: str) -> str:
    for theirs, ours in OTHER_WORDS.items():
        stated = stated.replace(theirs, ours)
    return stated


@pytest.mark.parametrize("name", INSTALLED)
def test_the_page_states_the_licence_of_each_package(name: str) -> None:
    told = re.split(r"[ ,]", row_of(name)[1])[0]
    stated = _in_words_of_the_page(INSTALLED[name].licence)
    assert stated.startswith(told), f"docs/LICENCES.md says {told}, {name} {INSTALLED[name].version} {stated}"


def _told_of(extra: str) -> dict[str, str]:
    """Return what the page's paragraph about an extra says of licences, by package."""
    (paragraph,) = [part for part in PAGE.split("\n\n") if re.match(rf"(With t|T)he extra `{extra}` ", part)]
    groups = re.findall(r"((?:`[\w-]+`(?:,| and)?\s)+)\(([^;)]+)", paragraph)
    return {name: licence for names, licence in groups for name in re.findall(r"`([\w-]+)`", names)}


@pytest.mark.parametrize("extra", ["networks", "web", "ray"])
def test_the_page_states_the_licence_of_each_package_of_an_extra(extra: str) -> None:
    told = _told_of(extra)
    pinned = re.findall(r"^([\w-]+)==", (licences.ROOT / f"requirements-{extra}.txt").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(pinned)
    for name in pinned:
        with suppress(metadata.PackageNotFoundError):  # Ray is not installed here
            assert _in_words_of_the_page(licences._licence_of(metadata.distribution(name))).startswith(
                told[name].split()[0]
            ), name


@pytest.mark.parametrize("name", INSTALLED)
def test_the_page_says_which_wheels_have_parts_under_the_gpl(name: str) -> None:
    """If this fails, a wheel has changed: the page, which people rely on when they ship, is wrong now."""
    build = INSTALLED[name].ffmpeg
    has_gpl = build is not None and bool(build.gpl_switches)
    is_told = "x264" in row_of(name)[2]
    if sys.platform == "linux":
        assert has_gpl is is_told, build


@pytest.mark.skipif(sys.platform != "linux", reason="the page names what is in wheels for Linux")
def test_ffmpeg_in_pyav_answers_as_the_page_says() -> None:
    build = INSTALLED["av"].ffmpeg
    assert build is not None
    assert f'"{build.licence}"' in PAGE
    assert build.gpl_switches == ("--enable-libx264", "--enable-libx265")
    assert {("x264", "GPL-2.0-or-later"), ("x265", "GPL-2.0-or-later")} <= set(INSTALLED["av"].libraries)


@pytest.mark.skipif(sys.platform != "linux", reason="the table of bundled libraries is of wheels for Linux")
def test_the_licence_of_each_bundled_library_is_known() -> None:
    unknown = [(each.name, *one) for each in INSTALLED.values() for one in each.libraries if licences.UNKNOWN in one]
    assert not unknown, "look up the licences of these, and add them to BUNDLED"


def test_names_of_libraries_are_read_from_files() -> None:
    assert licences.licence_of("x264") == "GPL-2.0-or-later"
    assert licences.licence_of("xcb-shape") == "MIT"
    assert licences.licence_of("openblasp-r0") == "BSD-3-Clause"
    assert licences.licence_of("nobody-knows") == licences.UNKNOWN
    assert licences.licence_of("nobody") == licences.UNKNOWN


def test_the_report_names_every_package() -> None:
    lines = list(licences.report())
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in INSTALLED)
