"""Planted defects fit the code that they are planted in: one that does not would be caught for being no code at all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.mutants import MUTANTS, planted

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_defect_is_called_as_the_code_that_it_replaces(name: str) -> None:
    for target, attribute, replacement in _patches(name):
        real, planted_in = _function(inspect.getattr_static(target, attribute)), _function(replacement)
        if inspect.isfunction(real):
            parameters = inspect.signature(real).parameters.values()
            arguments = [one.name for one in parameters if one.kind in POSITIONAL]
            named = {one.name: None for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
            inspect.signature(planted_in).bind(*arguments, **named)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_defect_is_gone_afterwards(name: str) -> None:
    target, attribute, _ = _patches(name)[0]
    before = inspect.getattr_static(target, attribute)
    with planted(name):
        assert inspect.getattr_static(target, attribute) is not before
    assert inspect.getattr_static(target, attribute) is before


def _patches(name: str) -> list[Any]:
    made = MUTANTS[name]()
    return made if isinstance(made, list) else [made]


def _function(found: Any) -> Callable[..., Any]:
    """Return the function that a method, static method or property is made of."""
    if isinstance(found, property):
        return found.fget or _nothing
    made: Callable[..., Any] = found.__func__ if isinstance(found, staticmethod) else found
    return made


def _nothing() -> None:
    pass
