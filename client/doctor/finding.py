"""What a check finds out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How good a finding is."""

    GOOD = "good"
    WARNING = "warning"
    """Moviola works, or can be made to: something is missing that may be missing on purpose."""
    WRONG = "wrong"
    """Moviola does not work, or not as it is asked to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        name: what was looked at, in a word or two.
        mark: how good it is.
        text: what was found.
        way_out: what to do; empty where nothing needs to be done.
    """

    name: str
    mark: Mark
    text: str
    way_out: str = ""
