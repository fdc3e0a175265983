"""Checks the notes of filters: plain data that msgpack and a line of JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

MAX_DEPTH: Final = 64
"""Lists and maps within each other: msgpack and JSON have limits of their own, at some hundreds."""


class NoteError(ValueError):
    """Raised for a note that cannot be sent; the text says what is in it."""


def check_note(note: object, place: str = "a note") -> None:
    """Check that a note can be written as JSON and as msgpack.

    Args:
        note: any mapping; within it there are `dict` alone.
        place: begins the sentence of an error.

    Raises:
        NoteError: it holds another type, a key that is no text, a text that UTF-8 cannot hold, an infinite number, an
            integer beyond 64 bits, or more than MAX_DEPTH lists and maps within each other.
    """
    _check(dict(note) if isinstance(note, Mapping) else note, place, MAX_DEPTH)


def _check(value: object, place: str, depth: int) -> None:
    if not depth and isinstance(value, (dict, list, tuple)):
        raise NoteError(f"{place} holds more than {MAX_DEPTH} lists and maps within each other")
    if isinstance(value, dict):
        for key, each in value.items():
            if type(key) is not str:
                raise NoteError(f"{place} has a key that is not a text: {key!r}")
            _check_text(key, place)
            _check(each, place, depth - 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _check(each, place, depth - 1)
    elif isinstance(value, str):
        _check_text(value, place)
    elif value is not None and not isinstance(value, (int, float)):
        raise NoteError(f"{place} holds {type(value).__name__}; make it an int, a float, a text, a list or a dict")
    elif isinstance(value, float) and not math.isfinite(value):
        raise NoteError(f"{place} holds {value}, which JSON cannot write")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise NoteError(f"{place} holds an integer that needs more than 64 bits")


def _check_text(text: str, place: str) -> None:
    """Refuse a lone half of a UTF-16 pair, which `surrogateescape` makes of bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteError(
            f"{place} holds {text!r:.80}, which is no Unicode text: decode bytes with errors=replace"
        ) from error
