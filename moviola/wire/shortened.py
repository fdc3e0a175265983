"""Data for people and tools, cut to a bound: texts with an ellipsis, lists with a count of what is left out."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final, TypeVar

import msgpack

from moviola.base.mapped import Mapped

ELLIPSIS: Final = "…"

MAX_DEPTH: Final = 16
"""Levels of maps and lists within each other that are kept; ours have half as many."""

MAX_FIELDS: Final = 64
"""Fields of one map that are told; the largest of ours has 25."""

LEVELS: Final = ((8000, 128), (2000, 128), (500, 100), (200, 32), (200, 4), (200, 1))
"""Pairs of the most characters of a text and the most items of a list, from much to little. Names of files, which must
stay whole, are shorter than the fewest characters here."""


R = TypeVar("R", bound=Mapped)


def shortened(text: str, limit: int) -> str:
    """Return `text`, or its beginning and an ellipsis where it has more than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def shortened_end(text: str, limit: int) -> str:
    """Return `text`, or an ellipsis and its end where it has more than `limit` characters: for tracebacks, whose last
    lines say most."""
    return text if len(text) <= limit else ELLIPSIS + text[len(text) - limit + 1 :]


def shortened_data(data: Any, *, characters: int, items: int, depth: int = MAX_DEPTH) -> Any:
    """Return plain data whose texts have at most so many `characters`, and whose lists so many `items`.

    What is left out of a list is counted in its last item: a text, or, where the others are maps, a map with that text
    as its `name`. What is no JSON, such as bytes, becomes a text that says what it was.
    """
    if isinstance(data, str):
        return shortened(data, characters)
    if data is None or isinstance(data, bool | int | float):
        return data
    if isinstance(data, bytes):
        return f"{len(data)} bytes"
    if depth == 0 or not isinstance(data, list | dict):
        return ELLIPSIS
    if isinstance(data, dict):
        return {
            shortened(str(key), characters): shortened_data(
                data[key], characters=characters, items=items, depth=depth - 1
            )
            for key in list(data)[:MAX_FIELDS]
        }
    made = [shortened_data(one, characters=characters, items=items, depth=depth - 1) for one in data[:items]]
    if len(data) > items:
        left = f"{ELLIPSIS} {len(data) - items} more"
        made.append({"name": left} if isinstance(data[0], dict) else left)
    return made


def fitted_record(whole: R, size: int) -> R:
    """Return the record shortened by the first of LEVELS that brings it down to `size` bytes of a message, or by the
    last one if none does. A list of records that is cut gets one record more, whose name, or explanation, says how many
    are left out."""
    made = whole
    for characters, items in LEVELS:
        made = _shortened_value(whole, characters, items)
        if len(msgpack.packb(made.to_wire())) <= size:
            break
    return made


def _shortened_value(value: Any, characters: int, items: int) -> Any:
    if isinstance(value, Mapped):
        names = [field.name for field in fields(value)]  # type: ignore[arg-type]
        shorter = {name: _shortened_value(getattr(value, name), characters, items) for name in names}
        return replace(value, **shorter)  # type: ignore[type-var]
    if not isinstance(value, list) or not value:
        return shortened_data(value, characters=characters, items=items) if isinstance(value, str | dict) else value
    if not isinstance(value[0], Mapped):  # numbers stay: they say something together, such as which frames
        return shortened_data(value, characters=characters, items=items) if isinstance(value[0], str) else value
    made = [_shortened_value(one, characters, items) for one in value[:items]]
    if len(value) > items:
        told = next(name for name in ("name", "explanation") if hasattr(value[0], name))
        made.append(type(value[0])(**{told: f"{ELLIPSIS} {len(value) - items} more"}))
    return made
