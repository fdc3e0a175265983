"""How every state in the programs changes: an Enum, a literal table, and one function that checks."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

S = TypeVar("S", bound=Enum)


def changed(table: dict[S, frozenset[S]], old: S, new: S) -> S:
    """`new`, after checking that it may follow `old`; staying is no change and always allowed.

    An AssertionError here is a bug of ours, never a peer's fault.
    """
    assert new is old or new in table[old], f"{type(old).__name__} may not go from {old.value} to {new.value}"
    return new
