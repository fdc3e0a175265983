"""How records are made: dataclasses that nothing changes once they are made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, TypeVar, dataclass_transform

C = TypeVar("C")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[C]) -> type[C]:
    """Make a class a record: a dataclass with slots, equal and hashed by its fields.

    The type checker takes it for frozen. At run time it is not: a frozen dataclass sets each field by a call of
    `object.__setattr__`, which makes a record three times as expensive, and every message is one.

    `__eq__` and `__hash__` are compiled when they are first called: compiling them for each class is most of the time
    that the import of a hundred records takes, and one program needs them of few classes. `__repr__` is one function
    for all classes.
    """
    for name, function in (("__eq__", _equals), ("__hash__", _hash), ("__repr__", _shown)):
        if name not in cls.__dict__:
            setattr(cls, name, function)
    return dataclass(slots=True, eq=False, repr=False)(cls)


def _compile(cls: Any) -> None:
    """Replace the placeholders for `__eq__` and `__hash__` of a class by those of a dataclass with the same fields."""
    told = [(each.name, Any, field(compare=each.compare, hash=each.hash)) for each in fields(cls)]
    like = make_dataclass("like", told, init=False, repr=False, unsafe_hash=True)
    for name, stub in (("__eq__", _equals), ("__hash__", _hash)):
        if getattr(cls, name) is stub:
            setattr(cls, name, getattr(like, name))


def _equals(self: Any, other: Any) -> Any:
    _compile(type(self))
    return self.__eq__(other)


def _hash(self: Any) -> int:
    _compile(type(self))
    return hash(self)


def _shown(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({shown})"
