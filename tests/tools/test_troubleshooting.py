"""docs/TROUBLESHOOTING.md quotes sentences; each must be one that a program can say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "TROUBLESHOOTING.md"
PACKAGES = ("moviola", "client", "middleware", "worker", "aggregator")
VARIES = "…"


def sentences(page: str) -> list[str]:
    """Return what the first columns of the page's tables quote."""
    rows = re.findall(r"^\| `(.+?)` \| .+ \| .+ \|$", page, re.MULTILINE)
    return [re.sub(r"\s+", " ", row) for row in rows]


def texts(source: str) -> Iterator[str]:
    """Yield the texts of a module, with … for what differs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VARIES for part in node.values)


QUOTED = sentences(PAGE.read_text())


@pytest.fixture(scope="module")
def said() -> list[str]:
    """All texts of the programs. To read them takes seconds, which whoever only collects the tests does not have."""
    return [text for each in PACKAGES for path in (ROOT / each).rglob("*.py") for text in texts(path.read_text())]


def is_said(sentence: str, said: list[str]) -> bool:
    """Return whether a sentence is a part of a text."""
    return any(sentence in text for text in said)


@pytest.mark.parametrize("sentence", QUOTED)
def test_every_sentence_of_the_page_is_in_the_code(sentence: str, said: list[str]) -> None:
    assert len(sentence.replace(VARIES, "").strip()) > 8, "it says too little to be looked for"
    assert is_said(sentence, said)


def test_the_page_is_read_and_a_sentence_that_nobody_says_is_found_out() -> None:
    assert len(QUOTED) >= 30
    assert PAGE.read_text().count("\n| `") == len(QUOTED), "a row of the page is not understood"
    said = list(texts("raise Problem(f'Port {port} is taken by ' 'another program')"))
    assert is_said("Port … is taken by another program", said)
    assert not is_said("Port … is taken by another process", said)
