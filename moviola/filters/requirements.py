"""What the parameters of a filter must satisfy together: texts that a filter's class states, and its schema carries.

    "width or height"   one of them must be given: all of them at their defaults would change nothing
    "low <= high"       the first, a number, must not be larger than the second

So clients refuse what can do no good before anything is sent, for filters too that only the workers have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from moviola.filters.chain import Value

_OR: Final = " or "
_AT_MOST: Final = " <= "
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NUMBERS: Final = ("int", "float")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement, read.

    Attributes:
        names: of the parameters it is about.
        is_order: True if the first must not be larger than the second; else one of them must be given.
    """

    names: tuple[str, ...]
    is_order: bool

    @classmethod
    def read(cls, text: str, types: Mapping[str, str]) -> Requirement:
        """Return the requirement that a text states.

        Args:
            types: the type of each parameter of the filter, by name.

        Raises:
            ValueError: it states none, or is about parameters that there are not.
        """
        is_order = _AT_MOST in text
        names = tuple(text.split(_AT_MOST if is_order else _OR))
        unknown = [name for name in names if not _NAME.fullmatch(name) or name not in types]
        if unknown:
            raise ValueError(f"it requires {text!r}, and has no parameter {unknown[0]!r}")
        if is_order and (len(names) != 2 or any(types[name] not in _NUMBERS for name in names)):
            raise ValueError(f"it requires {text!r}, which is no order of two numbers")
        return cls(names, is_order)

    def complaint(self, filter_name: str, values: Mapping[str, Value], defaults: Mapping[str, Value]) -> str:
        """Return a sentence about values that do not satisfy it; empty if they do."""
        if self.is_order:
            low, high = self.names
            if values[low] <= values[high]:  # type: ignore[operator]  # both are numbers
                return ""
            return f"{filter_name}: {low} is {values[low]} and {high} is {values[high]}; {low} must be at most {high}"
        if any(values[name] != defaults[name] for name in self.names):
            return ""
        *most, last = self.names
        wanted = f"{', '.join(most)} or {last}" if most else last
        value = "TEXT" if isinstance(defaults[self.names[0]], str) else "NUMBER"
        return f"{filter_name} needs {wanted}, as in {filter_name}:{self.names[0]}={value}"
