"""How records are made: dataclasses that nothing changes once they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

C = TypeVar("C")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[C]) -> type[C]:
    """Make a class a record: a dataclass with slots, equal and hashed by its fields.

    The type checker takes it for frozen. At run time it is not: a frozen dataclass sets each field by a call that
    checks it, which makes a record three times as dear, and every message is one.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
