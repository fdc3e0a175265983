"""Commands of the brains and what they are answered by: docstrings and types say the same."""

from __future__ import annotations

import re
from dataclasses import fields
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

import aggregator.events
import middleware.events
import moviola.session.events
import worker.events

BRAINS = (middleware.events, aggregator.events, worker.events, moviola.session.events)

LATER = {"Splice": "job", "Compute": "lease", "Dial": "peer", "Pull": ""}
"""Commands that are answered when their work is done: which field of the answer names the work; none where there is one
at a time."""


def promised(module: Any) -> set[tuple[str, str]]:
    """Return the commands of a brain with the events that their docstrings name as answers."""
    found = set()
    for command in get_args(module.Command):
        for sentence in re.findall(r"[Aa]nswered\s+by\s+([^.;]*)", command.__doc__ or ""):
            found |= {(command.__name__, one.__name__) for one in get_args(module.Event) if named(one, sentence)}
    return found


def named(event: type, sentence: str) -> bool:
    return re.search(rf"\b{event.__name__}\b", sentence) is not None


def carried(module: Any) -> set[tuple[str, str]]:
    """Return the commands of a brain with the events whose field `command` may hold them."""
    found = set()
    for event in get_args(module.Event):
        hint = get_type_hints(event).get("command")
        if hint is not None:
            found |= {(one.__name__, event.__name__) for one in get_args(hint) or (hint,)}
    return found


@pytest.mark.parametrize("module", BRAINS, ids=lambda module: module.__name__)
def test_an_answer_carries_its_command_or_names_the_work_that_is_done(module: ModuleType) -> None:
    at_once = {(command, event) for command, event in promised(module) if command not in LATER}
    assert carried(module) == at_once
    for command, event in promised(module) - at_once:
        assert LATER[command] in {"", *(field.name for field in fields(getattr(module, event)))}, (command, event)


@pytest.mark.parametrize("module", BRAINS, ids=lambda module: module.__name__)
def test_the_command_stands_first(module: ModuleType) -> None:
    for event in get_args(module.Event):
        names = [field.name for field in fields(event)]
        assert "command" not in names[1:], event.__name__
