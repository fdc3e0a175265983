"""Records that are written as maps and read from them: a record's annotations are its checks.

What a peer, a child process or a disk gave is read by `Mapped.from_wire`, once, where it comes in; from then on it is
trusted. A field may be

    int                     an integer from 0 to 2^63-1; `Annotated[int, SIGNED]` one of 64 bits
    float, bool, bytes      a finite number, true or false, bytes
    str                     a text; `Annotated[str, Length(n)]` one of at most n characters
    a StrEnum               one of its words
    Fraction                `[numerator, denominator]`, both above 0; `Annotated[Fraction, AS_TEXT]` a text, "30/1"
    Float32s                bytes: little-endian float32
    list[X], tuple[X, ...]  a list of these
    tuple[X, Y], NamedTuple a list of as many
    dict[str, X]            a map of these; a `Map` is one whose content is not known here
    a class with from_wire  a map that it reads
    X | None

Unknown keys are ignored, so that fields may be added; a missing key takes the field's default, if it has one.
"""

from __future__ import annotations

import math
import re
import sys
import types
import typing
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

if TYPE_CHECKING:
    Float32s = array[float]
else:
    Float32s = array  # which takes no parameter before Python 3.12

MAX_INT: Final = 2**63 - 1
"""The largest integer in a map: it fits a signed 64-bit integer of any language."""

Map = dict[str, Any]
"""A map of what msgpack and JSON carry, whose keys are not known here: of another's making, or really open."""

Check = Callable[[Any], Any]
"""Return a field's value out of what came. Raises ValueError, whose text goes on after the field's name."""


class Length(NamedTuple):
    """The bound of a text.

    Attributes:
        characters: the most that it may have; a longer text is refused by its receiver.
        for_people: the sender cuts a longer text, because programs do not compare it.
    """

    characters: int
    for_people: bool = False


class _Mark(StrEnum):
    """How a type is written where there is another way."""

    SIGNED = "signed"
    AS_TEXT = "as text"


SIGNED: Final = _Mark.SIGNED
AS_TEXT: Final = _Mark.AS_TEXT

Ticks = Annotated[int, SIGNED]
"""A time in units of some time base, which may be before zero."""


class Malformed(ValueError):
    """What came is no such record; the text names the field, what it must be and what came."""


class Mapped:
    """Base of records that are written as maps and read from them. Subclasses are made by `record` (records.py)."""

    __slots__ = ()

    def to_wire(self) -> Map:
        """Return the record as msgpack types only, its fields in their order."""
        made: Map = {}
        cls: Any = type(self)
        for name, change in _changes_of(cls):
            value = getattr(self, name)
            made[name] = value if change is None else change(value)
        return made

    @classmethod
    def from_wire(cls, data: object) -> Self:
        """Return the record that `data` describes.

        Raises:
            Malformed: when it describes none.
        """
        if not isinstance(data, Mapping):
            raise Malformed(f"{cls.__name__} must be a map, not {type(data).__name__}")
        values, name = {}, ""
        of: Any = cls
        try:
            for name, check in checks_of(of):
                if name in data:
                    values[name] = check(data[name])
        except (TypeError, ValueError) as error:
            raise Malformed(f"{cls.__name__}.{name}: {error}") from None
        try:
            made = cls(**values)
        except TypeError:
            raise Malformed(f"{cls.__name__} lacks {', '.join(missing(cls, values))}") from None
        if contradiction := made.contradiction():
            raise Malformed(f"{cls.__name__}.{contradiction}")
        return made

    def contradiction(self) -> str:
        """Return which field does not go with the others, what it must be and what it is; empty where all do."""
        return ""


def missing(cls: type[Any], values: Mapping[str, Any]) -> list[str]:
    """Return the fields of a record that have no default and are not among `values`."""
    return [
        field.name
        for field in fields(cls)
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING
    ]


@cache
def checks_of(cls: type[Any]) -> tuple[tuple[str, Check], ...]:
    """Return the check of each field of a record."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple((field.name, check_for(hints[field.name])) for field in fields(cls))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def check_for(hint: Any, simple: Mapping[Any, Check] | None = None) -> Check:
    """Return the check of a field with this annotation.

    Args:
        hint: the annotation.
        simple: checks of types that are known elsewhere, or are to be read in another way.

    Raises TypeError for an annotation that no map holds.
    """
    known = _SIMPLE if simple is None else simple
    if hint in known:
        return known[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _ANNOTATED[arguments[1]] if arguments[1] in _ANNOTATED else text_check(arguments[1].characters)
    if origin is list:
        return _list_of(arguments[0], simple)
    if origin is tuple and arguments[-1] is Ellipsis:
        each = _list_of(arguments[0], simple)
        return lambda value: tuple(each(list(value) if type(value) is tuple else value))
    if origin is tuple:
        return _row_check([check_for(one, simple) for one in arguments], lambda *values: values)
    if origin is dict:
        return map_check if arguments[1] is Any else _map_check(check_for(arguments[1], simple))
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        inner = check_for(next(one for one in arguments if one is not type(None)), simple)
        return lambda value: None if value is None else inner(value)
    if isinstance(hint, type) and hasattr(hint, "from_wire"):
        read: Check = hint.from_wire
        return read
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _word_check(hint)
    if isinstance(hint, type) and hasattr(hint, "_fields"):
        hints = typing.get_type_hints(hint, include_extras=True)
        return _row_check([check_for(hints[name], simple) for name in hint._fields], hint)
    raise TypeError(f"no check for fields of type {hint!r}")


def int_check(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_INT:
        raise ValueError(f"an integer from 0 to 2^63-1, not {value!r:.80}")
    return value


def float_check(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"a finite number, not {value!r:.80}")
    return float(value)


def exact(kind: type, name: str) -> Check:
    """Return the check of a value that is of one type."""

    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"{name}, not {value!r:.80}")
        return value

    return check


def text_check(most: int) -> Check:
    """Return the check of a text of at most so many characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"a text, not {value!r:.80}")
        if len(value) > most:
            raise ValueError(f"a text of at most {most} characters, not {len(value)}")
        return value

    return check


def list_check(item: Check) -> Check:
    """Return the check of a list of values that `item` checks."""

    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            raise ValueError(f"a list, not {value!r:.80}")
        return [item(one) for one in value]

    return check


def _list_of(hint: Any, simple: Mapping[Any, Check] | None) -> Check:
    """Return the check of a list of this type. Numbers, and rows of them, are checked a column at a time: chunks and
    results have some for each frame."""
    least = _LEAST.get(hint)
    if least is not None:
        return _numbers_check(check_for(hint, simple), *least)
    if isinstance(hint, type) and hasattr(hint, "_fields"):
        hints = typing.get_type_hints(hint, include_extras=True)
        columns = [_list_of(hints[name], simple) for name in hint._fields]
        return _rows_check(columns, check_for(hint, simple), hint)
    return list_check(check_for(hint, simple))


def _numbers_check(item: Check, least: int, types: frozenset[type]) -> Check:
    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            raise ValueError(f"a list, not {value!r:.80}")
        found = set(map(type, value))
        numbers = [one for one in value if one is not None] if type(None) in found else value
        if not found <= types or (numbers and (min(numbers) < least or max(numbers) > MAX_INT)):
            return [item(one) for one in value]  # the first that is wrong raises
        return value

    return check


_ROWS: Final = frozenset({list, tuple})


def _rows_check(columns: Sequence[Check], row: Check, made: Callable[..., Any]) -> Check:
    count = len(columns)

    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            raise ValueError(f"a list, not {value!r:.80}")
        if not _ROWS.issuperset(map(type, value)) or set(map(len, value)) - {count}:
            return [row(one) for one in value]  # the first that is wrong raises
        checked = [column(list(one)) for column, one in zip(columns, zip(*value, strict=True), strict=False)]
        return list(map(made, *checked)) if checked else []

    return check


def map_check(value: Any) -> Map:
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise ValueError(f"a map with text keys, not {value!r:.80}")
    return value


def _map_check(item: Check) -> Check:
    return lambda value: {key: item(one) for key, one in map_check(value).items()}


def _row_check(items: Sequence[Check], made: Callable[..., Any]) -> Check:
    count = len(items)

    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != count:
            raise ValueError(f"a list of {count} values, not {value!r:.80}")
        return made(*[item(one) for item, one in zip(items, value, strict=True)])

    return check


def _word_check(words: type[StrEnum]) -> Check:
    known = {word.value: word for word in words}

    def check(value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"one of {', '.join(known)}, not {value!r:.80}")
        return known[value]

    return check


def _signed_check(value: Any) -> int:
    if type(value) is not int or not -MAX_INT - 1 <= value <= MAX_INT:
        raise ValueError(f"an integer of 64 bits, not {value!r:.80}")
    return value


def _fraction_check(value: Any) -> Fraction:
    if isinstance(value, list | tuple) and len(value) == 2:
        above, below = value
        if type(above) is type(below) is int and 0 < above <= MAX_INT and 0 < below <= MAX_INT:
            return Fraction(above, below)
    raise ValueError(f"a fraction [numerator, denominator] of integers above 0, not {value!r:.80}")


_FRACTION: Final = re.compile(r"[0-9]{1,19}(/[0-9]{1,19})?")  # "1e999999999" would be a number of gigabytes


def _fraction_of_text(value: Any) -> Fraction:
    if isinstance(value, str) and _FRACTION.fullmatch(value):
        above, _, below = value.partition("/")
        if int(above) and int(below or 1):
            return Fraction(int(above), int(below or 1))
    raise ValueError(f'a fraction above 0, such as "30000/1001", not {value!r:.80}')


def _float32s_check(value: Any) -> Float32s:
    if not isinstance(value, bytes) or len(value) % 4:
        raise ValueError(f"bytes of float32 numbers, not {value!r:.80}")
    return _little_endian(array("f", value))


def _little_endian(values: Float32s) -> Float32s:
    if sys.byteorder == "big":
        values = array("f", values)
        values.byteswap()
    return values


_LEAST: Final[Mapping[Any, tuple[int, frozenset[type]]]] = {
    int: (0, frozenset({int})),
    int | None: (0, frozenset({int, type(None)})),
    Ticks: (-MAX_INT - 1, frozenset({int})),
    Ticks | None: (-MAX_INT - 1, frozenset({int, type(None)})),
}
"""Types of numbers: the least that one may be, and which types they come in."""

_ANNOTATED: Final[Mapping[Any, Check]] = {SIGNED: _signed_check, AS_TEXT: _fraction_of_text}

_SIMPLE: Final[Mapping[Any, Check]] = {
    int: int_check,
    float: float_check,
    bool: exact(bool, "true or false"),
    bytes: exact(bytes, "bytes"),
    str: text_check(MAX_INT),
    Fraction: _fraction_check,
    Float32s: _float32s_check,
}


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _changes_of(cls: type[Any]) -> tuple[tuple[str, Check | None], ...]:
    """Return the fields of a record in their order, with what is done with those that are not written as they are."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple((field.name, _change_for(hints[field.name])) for field in fields(cls))


def _text_change(mark: Any) -> Check | None:
    if isinstance(mark, Length) and mark.for_people:
        return lambda text: text if len(text) <= mark.characters else text[: mark.characters - 1] + "…"
    return str if mark is AS_TEXT else None


def _is_row(hint: Any) -> bool:
    """Return whether values of this type are lists of a certain length."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return arguments[-1] is not Ellipsis
    return isinstance(hint, type) and hasattr(hint, "_fields")


def _row_change(hint: Any) -> Check | None:
    types_of = typing.get_args(hint) or [typing.get_type_hints(hint, include_extras=True)[one] for one in hint._fields]
    changes = [_change_for(one) for one in types_of]
    if not any(changes):
        return list
    return lambda value: [one if change is None else change(one) for change, one in zip(changes, value, strict=True)]


def _change_for(hint: Any) -> Check | None:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Fraction:
        return lambda value: [value.numerator, value.denominator]
    if hint is Float32s:
        return lambda value: _little_endian(value).tobytes()
    if origin is Annotated:
        return _text_change(arguments[1])
    if isinstance(hint, type) and hasattr(hint, "to_wire"):
        return lambda value: value.to_wire()
    if _is_row(hint):
        return _row_change(hint)
    inner = next((change for one in arguments if (change := _change_for(one)) is not None), None)
    if inner is None or inner is list:  # msgpack writes tuples as lists by itself
        return list if origin is tuple else None
    if origin in (typing.Union, types.UnionType):
        return lambda value: None if value is None else inner(value)
    if origin in (list, tuple):
        return lambda value: [inner(one) for one in value]
    raise TypeError(f"no way to write fields of type {hint!r}")
