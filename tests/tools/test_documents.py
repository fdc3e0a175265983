"""Documents that name files, constants and values of the code name those that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from middleware.model.users import HISTORY, QUOTAS, SUBMIT_BURST, SUBMITS_PER_S, Quota
from moviola.base.vocabulary import ErrorCode, EventKind, JobCode, Notice
from moviola.filters import fonts
from moviola.session.outcome import OutputOutcome
from moviola.web.openapi import REFUSALS
from moviola.web.orders import FIELDS

ROOT: Final = Path(__file__).parents[2]
SCHEDULING: Final = ROOT / "docs" / "SCHEDULING.md"
PROTOCOL: Final = ROOT / "docs" / "PROTOCOL.md"
WEB: Final = ROOT / "docs" / "WEB.md"
PROGRESS: Final = ROOT / "docs" / "PROGRESS.md"

_TOKEN: Final = re.compile(
    r"\[`[^`]+`\]\(\.\./(?P<path>[\w/]+\.py)\)|`(?P<name>[A-Z][\w.]*|[a-z]+(?:_[a-z]+)+)(?: = (?P<value>[^`]+))?`"
)
_UNITS: Final = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


_LINK: Final = re.compile(r"\]\((?!https?:)([^)#\s]+)")
PAGES: Final = (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")


def named() -> Iterator[tuple[str, str, str | None]]:
    """Yield what the page says of the code: a file, a name in it (of the link before), and its value if one is told."""
    path = ""
    for match in _TOKEN.finditer(SCHEDULING.read_text()):
        if match["path"]:
            path = match["path"]
        elif match["name"] not in ("SIGTERM",):
            yield path, match["name"], match["value"]


def looked_up(path: str, name: str) -> Any:
    found: Any = import_module(path.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)
    return found


NAMED: Final = sorted(set(named()), key=str)


@pytest.mark.parametrize(("path", "name", "value"), NAMED, ids=[f"{name} {value or ''}" for _, name, value in NAMED])
def test_what_the_page_names_is_there_with_that_value(path: str, name: str, value: str | None) -> None:
    found = _default(path, name) if name.startswith("Rules.") else looked_up(path, name)
    if value is not None:
        owner = name.partition(".")[0]
        defined = re.search(rf"^(?:class )?{owner}\b", (ROOT / path).read_text(), re.MULTILINE)
        assert defined, f"{path} has {owner} from another file: the page leads there"
        number, _, unit = value.partition(" ")
        assert found == float(number) * _UNITS[unit]


def _default(path: str, name: str) -> Any:
    """Return a default of the dispatcher's rules."""
    return getattr(looked_up(path, "Rules")(), name.removeprefix("Rules."))


def test_the_page_names_much() -> None:
    assert len([one for one in NAMED if one[2] is not None]) > 30


def _quotas(page: Path) -> Iterator[tuple[Quota, dict[str, int]]]:
    """Yield each quota of the code, and what the page's table says of it, by the head of the column."""
    (table,) = re.findall(r"^\|.*\| one user \|.*\n(?:\|.*\n)+", page.read_text(), re.MULTILINE)
    head, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    for resource, quota in QUOTAS.items():
        (row,) = [row for row in rows if row[0].startswith(resource.value)]
        yield quota, {column: _bytes(cell) for column, cell in zip(head[1:4], row[1:4], strict=True)}


def test_the_quotas_on_the_pages_are_those_of_the_code() -> None:
    for quota, told in _quotas(SCHEDULING):
        assert told == {"one user": quota.of_user, "all": quota.in_all, "kept for others": quota.reserved}
    for quota, told in _quotas(PROTOCOL):
        assert told == {"one user": quota.of_user, "all users": quota.in_all, "for those without": quota.reserved}
    assert f"keeps {HISTORY.of_user} of a user and {HISTORY.in_all} in all" in SCHEDULING.read_text()
    assert f"| ended jobs in the history | {HISTORY.in_all} | {HISTORY.of_user} |" in PROTOCOL.read_text()
    assert f"| Submits | | {SUBMITS_PER_S:.0f} a second, {SUBMIT_BURST:.0f} at once |" in PROTOCOL.read_text()


def test_kinds_of_events_on_the_page_of_the_protocol_are_there() -> None:
    told = re.findall(r"of the kind `([a-z-]+)`", PROTOCOL.read_text())
    assert len(told) > 3
    assert set(told) <= {*Notice, *EventKind}


def test_the_codes_of_errors_on_the_page_of_the_protocol_are_all_that_there_are() -> None:
    section = PROTOCOL.read_text().partition("## Error codes")[2]
    codes = re.findall(r"^\| (`.*`) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(codes))) == sorted(ErrorCode)


def test_the_codes_on_the_page_are_words_of_the_protocol() -> None:
    section = SCHEDULING.read_text().partition("## 9.")[2].partition("## 10.")[0]
    codes = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    assert len(codes) > 8
    assert set(codes) <= {code.value for code in JobCode}
    source = (ROOT / "middleware" / "pending_reasons.py").read_text()
    assert {code.value for code in JobCode if f"JobCode.{code.name}" in source} == set(codes)


def _bytes(cell: str) -> int:
    digits = "".join(one for one in cell if one.isdigit())
    return int(digits) * _UNITS["".join(one for one in cell if one.isalpha())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_documents_lead_to_files_that_are_there(page: Path) -> None:
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing


def test_the_statuses_and_the_fields_on_the_page_of_the_gateway_are_those_of_the_code() -> None:
    page = WEB.read_text()
    refused = page.partition("## What is refused")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d[\d, ]*) \|", refused, re.MULTILINE)
    assert {int(status) for row in rows for status in row.split(", ")} == {*REFUSALS, HTTPStatus.METHOD_NOT_ALLOWED}
    (named,) = re.findall(r"as fields of the form or of the query: ([^.]*)\.", page)
    assert sorted(re.findall(r"`(\w+)`", named)) == sorted(FIELDS)


def test_the_fields_of_an_output_on_the_page_of_progress_are_those_of_the_code() -> None:
    (row,) = re.findall(r"^\| `outputs` \| of each: (.*) \|$", PROGRESS.read_text(), re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == [one.name for one in fields(OutputOutcome)]


def test_the_pages_count_the_fonts_of_scripts_that_there_are() -> None:
    scripts = [name for name in fonts._SCRIPTS if name != "Symbols"]
    assert f"that Noto Sans has in {len(scripts)} fonts" in (ROOT / "docs" / "FILTERS.md").read_text()
    assert f"Noto Sans for {len(scripts)} scripts" in (ROOT / "docs" / "LICENCES.md").read_text()
