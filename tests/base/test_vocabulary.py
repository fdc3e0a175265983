"""The words of the protocol: what travels is plain text, and PROTOCOL.md knows all of them."""

from __future__ import annotations

import ast
import re
from enum import StrEnum
from pathlib import Path

import msgpack
import pytest

from moviola.base import vocabulary
from moviola.base.vocabulary import ErrorCode, JobState, Notice, Verdict, WorkerState
from moviola.wire.messages import Stored, decode, encode

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "PROTOCOL.md").read_text()

ALL = [one for one in vars(vocabulary).values() if isinstance(one, type) and issubclass(one, StrEnum) and list(one)]


def test_what_travels_is_plain_text_and_equal_to_the_word() -> None:
    read = decode(encode(Stored("j", 0, 0, Verdict.KEPT)))
    assert isinstance(read, Stored)
    assert type(read.verdict) is str
    assert read.verdict == Verdict.KEPT
    assert read.verdict in frozenset(Verdict)
    assert msgpack.unpackb(msgpack.packb({"verdict": Verdict.NO_ROOM})) == {"verdict": "no-room"}


@pytest.mark.parametrize(
    "words", [one for one in ALL if one not in (JobState, WorkerState)], ids=lambda one: one.__name__
)
def test_the_protocol_tells_of_every_word(words: type[StrEnum]) -> None:
    told = set(re.findall(r"[`\"]([a-z-]+)[`\"]", PROTOCOL)) | set(
        re.findall(r"Released\((?:lease, )?([a-z]+)\)", PROTOCOL)
    )
    assert {str(word) for word in words} <= told


def test_the_error_codes_are_those_of_the_protocols_table() -> None:
    table = PROTOCOL.partition("## Error codes")[2].partition("\n## ")[0]
    told = {
        code
        for row in table.splitlines()
        if row.startswith("| `")
        for code in re.findall(r"`([a-z-]+)`", row.split("|")[1])
    }
    assert told == {str(code) for code in ErrorCode}
    assert Notice.CURRENT in PROTOCOL


@pytest.mark.parametrize("room", ["wire", "worker", "aggregator", "client", "media"])
def test_no_word_is_written_a_second_time(room: str) -> None:
    """Those with a hyphen, which mean nothing else."""
    words = {str(word) for one in ALL for word in one if "-" in word}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} has {node.value!r}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in words
    ]
    assert not found
