"""Changes of states: each is an Enum with a table of allowed changes, which one function checks."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

S = TypeVar("S", bound=Enum)


def changed(table: dict[S, frozenset[S]], old: S, new: S) -> S:
    """Return `new`, if it may follow `old`. A state may always stay as it is.

    Args:
        table: for each state, the states that may follow it.
        old: the present state.
        new: the next state.

    Raises:
        AssertionError: the change is not allowed. That is a bug in Moviola, never a peer's fault.
    """
    assert new is old or new in table[old], f"{type(old).__name__} may not go from {old.value} to {new.value}"
    return new
