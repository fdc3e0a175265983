"""What the parameters of a filter must satisfy together: texts that a filter's class states, and its schema carries.

    "width or height"             one of them must be given: all of them at their defaults would change nothing
    "low <= high"                 the first, a number, must not be larger than the second
    "a, b only with mode=fast"    a and b do nothing unless mode is fast: with another mode neither may be given

So clients refuse such parameters before anything is sent, also of filters that only the workers have.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from moviola.filters.assets import Asset
from moviola.filters.chain import Value

_OR: Final = " or "
_AT_MOST: Final = " <= "
_ONLY_WITH: Final = " only with "
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NUMBERS: Final = ("int", "float")


class Requirement(ABC):
    """One requirement, read."""

    @staticmethod
    def read(text: str, types: Mapping[str, str]) -> Requirement:
        """Return the requirement that a text states.

        Args:
            types: the type of each parameter of the filter, by name.

        Raises:
            ValueError: it states none, or is about parameters that there are not.
        """

        def known(names: Sequence[str]) -> tuple[str, ...]:
            for name in names:
                if not _NAME.fullmatch(name) or name not in types:
                    raise ValueError(f"it requires {text!r}, and has no parameter {name!r}")
            return tuple(names)

        if _ONLY_WITH in text:
            names, condition = text.split(_ONLY_WITH, 1)
            switch, _, value = condition.partition("=")
            known([switch])
            return OnlyWith(known(names.split(", ")), switch, value)
        if _AT_MOST in text:
            order = known(text.split(_AT_MOST))
            if len(order) != 2 or any(types[name] not in _NUMBERS for name in order):
                raise ValueError(f"it requires {text!r}, which does not compare two numbers")
            return AtMost(*order)
        return OneOf(known(text.split(_OR)))

    @abstractmethod
    def complaint(self, filter_name: str, values: Mapping[str, Value], defaults: Mapping[str, Value]) -> str:
        """Return a sentence about values that do not satisfy it; empty if they do."""


@dataclass(frozen=True, slots=True)
class OneOf(Requirement):
    """One of these must be given."""

    names: tuple[str, ...]

    def complaint(self, filter_name: str, values: Mapping[str, Value], defaults: Mapping[str, Value]) -> str:
        """Return a sentence about values that do not satisfy it; empty if they do."""
        if any(values[name] != defaults[name] for name in self.names):
            return ""
        *most, last = self.names
        wanted = f"{', '.join(most)} or {last}" if most else last
        first = values[self.names[0]]
        value = "FILE" if isinstance(first, Asset) else "TEXT" if isinstance(first, str) else "NUMBER"
        return f"{filter_name} needs {wanted}, as in {filter_name}:{self.names[0]}={value}"


@dataclass(frozen=True, slots=True)
class AtMost(Requirement):
    """`low` must not be larger than `high`."""

    low: str
    high: str

    def complaint(self, filter_name: str, values: Mapping[str, Value], defaults: Mapping[str, Value]) -> str:
        """Return a sentence about values that do not satisfy it; empty if they do."""
        low, high = values[self.low], values[self.high]
        if low <= high:  # type: ignore[operator]  # both are numbers
            return ""
        return f"{filter_name}: {self.low} is {low} and {self.high} is {high}; {self.low} must be at most {self.high}"


@dataclass(frozen=True, slots=True)
class OnlyWith(Requirement):
    """None of `names` may be given unless `switch` has this `value`, written as in a chain."""

    names: tuple[str, ...]
    switch: str
    value: str

    def complaint(self, filter_name: str, values: Mapping[str, Value], defaults: Mapping[str, Value]) -> str:
        """Return a sentence about values that do not satisfy it; empty if they do."""
        if str(values[self.switch]).lower() == self.value.lower():
            return ""
        given = next((name for name in self.names if values[name] != defaults[name]), "")
        needed = f"{self.switch}={self.value}"
        return f"{filter_name}: {given} works only with {needed}: add that, or leave {given} out" if given else ""
