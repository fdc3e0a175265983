"""How records are made: dataclasses that nothing changes once they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

C = TypeVar("C")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[C]) -> type[C]:
    """Make a class a record: a dataclass with slots, equal and hashed by its fields.

    The type checker takes it for frozen. At run time it is not: a frozen dataclass sets each field by a call that
    checks it, which makes a record three times as dear, and every message is one.

    All records share the functions that compare, hash and show them: `dataclass` would compile three for each class,
    which is most of what importing a hundred records takes.
    """
    for name, function in (("__eq__", _equals), ("__hash__", _hash), ("__repr__", _shown)):
        if name not in cls.__dict__:
            setattr(cls, name, function)
    return dataclass(slots=True, eq=False, repr=False)(cls)


@cache
def _values(cls: type) -> Callable[[Any], Any]:
    """Return what takes the values out of a record that compare it, in an order."""
    names = [each.name for each in fields(cls) if each.compare]
    return attrgetter(*names) if names else lambda _: ()


def _equals(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = _values(self.__class__)
    return bool(values(self) == values(other))


def _hash(self: Any) -> int:
    return hash(_values(self.__class__)(self))


def _shown(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({shown})"
