"""Steps of a filter chain as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One filter of a chain: its name and the parameters it is given."""

    name: str
    parameters: Mapping[str, int | float | str | bool]
