"""Records that validate what was received: frozen dataclasses whose annotations are their checks.

A field may be `int` (0 … 2^63-1), `float`, `bool`, `str`, `bytes`, `dict` (string keys), `Lease`, another `Record`,
`X | None`, or a `list` of these; `Annotated[str, Length(n)]` bounds a text. Unknown keys in a received header are
ignored, so that fields may be added; a missing key takes the field's default, if it has one.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Final, NamedTuple, TypeVar

from moviola.base.mapped import Check, Length, check_for, exact, float_check, int_check, missing, text_check
from moviola.base.texts import MAX_TEXT, Text
from moviola.base.vocabulary import ErrorCode
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import MAX_FINGERPRINT
from moviola.wire.shortened import shortened


class Lease(NamedTuple):
    """A worker's right to a task.

    Attributes:
        epoch: the number of the middleware's start, so that an old lease never looks like a new one.
        sequence: counts the leases of one start.
    """

    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.sequence}"


Fingerprint = Annotated[str, Length(MAX_FINGERPRINT)]
"""A build, or the builds under which a result was made."""

R = TypeVar("R", bound="Record")


class Record:
    """The base of everything that is sent in a header. Subclasses are frozen dataclasses."""

    _checks: ClassVar[tuple[tuple[str, Check], ...] | None] = None
    _changes: ClassVar[tuple[tuple[str, Check], ...] | None] = None

    def to_wire(self) -> dict[str, Any]:
        """Return plain data for msgpack; nested records become maps, texts for people are cut at their bound."""
        cls = type(self)
        if cls._changes is None:
            cls._changes = _changes_of(cls)
        made = {name: getattr(self, name) for name in self.__dataclass_fields__}  # type: ignore[attr-defined]
        for name, change in cls._changes:
            made[name] = change(made[name])
        return made

    @classmethod
    def from_wire(cls: type[R], data: Any) -> R:
        """Return the record that received data describes.

        Args:
            data: plain data, as msgpack unpacked it.

        Raises:
            ProtocolError: `bad-message`; the text names the field, what it must be and what came.
        """
        if not isinstance(data, dict):
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"{cls.__name__} must be a map, not {type(data).__name__}")
        if cls._checks is None:
            cls._checks = _compile(cls)
        try:
            values = {name: check(data[name]) for name, check in cls._checks if name in data}
        except (TypeError, ValueError):
            raise ProtocolError(ErrorCode.BAD_MESSAGE, _fault(cls, data)) from None
        try:
            return cls(**values)
        except TypeError:
            lacking = ", ".join(missing(cls, values))
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"{cls.__name__} lacks {lacking}") from None


def _fault(cls: type[Record], data: dict[str, Any]) -> str:
    """Return which field of a record's data is not what it must be, and why."""
    for name, check in cls._checks or ():
        try:
            if name in data:
                check(data[name])
        except (TypeError, ValueError) as error:
            return f"{cls.__name__}.{name}: {error}"
    raise AssertionError(f"{cls.__name__} has no fault")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [item.to_wire() for item in value]
    return None if value is None else value.to_wire()


def _changes_of(cls: type[Record]) -> tuple[tuple[str, Check], ...]:
    """Return the fields that are not sent as they are, and what is done with each."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    texts = [(name, _cut) for name in names if hints[name] == Text]
    return (*texts, *((name, _plain) for name in names if _has_records(hints[name])))


def _cut(text: str) -> str:
    return shortened(text, MAX_TEXT)


def _has_records(hint: Any) -> bool:
    if isinstance(hint, type):
        return hasattr(hint, "to_wire")
    return any(_has_records(one) for one in typing.get_args(hint))


def _compile(cls: type[Record]) -> tuple[tuple[str, Check], ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple((f.name, check_for(hints[f.name], SIMPLE)) for f in fields(cls))  # type: ignore[arg-type]


def _lease_check(value: Any) -> Lease:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"a lease [epoch, sequence], not {value!r:.80}")
    return Lease(int_check(value[0]), int_check(value[1]))


SIMPLE: Final[Mapping[Any, Check]] = {
    int: int_check,
    float: float_check,
    bool: exact(bool, "true or false"),
    bytes: exact(bytes, "bytes"),
    str: text_check(MAX_TEXT),
    Lease: _lease_check,
}
"""Checks of the types that stand for themselves in a header; every text is bounded."""
