"""Checks the notes of filters: plain data that msgpack and a line of JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping


class NoteError(ValueError):
    """Raised for a note that cannot be sent; the text says what is in it."""


def check_note(value: object, place: str = "a note") -> None:
    """Check that a note can be written as JSON and as msgpack.

    Args:
        value: the note, or a part of it.
        place: begins the sentence of an error.

    Raises:
        NoteError: it holds another type, a key that is no text, an infinite number or an integer beyond 64 bits.
    """
    if isinstance(value, Mapping):
        for key, each in value.items():
            if type(key) is not str:
                raise NoteError(f"{place} has a key that is not a text: {key!r}")
            check_note(each, place)
    elif isinstance(value, (list, tuple)):
        for each in value:
            check_note(each, place)
    elif value is not None and not isinstance(value, (str, int, float)):
        raise NoteError(f"{place} holds {type(value).__name__}; make it an int, a float, a text or a list")
    elif isinstance(value, float) and not math.isfinite(value):
        raise NoteError(f"{place} holds {value}, which JSON cannot write")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise NoteError(f"{place} holds an integer that needs more than 64 bits")
