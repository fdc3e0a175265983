"""What filters may note: plain data, that the wire and a line of JSON can carry."""

from __future__ import annotations

import math
from collections.abc import Mapping


class NoteError(ValueError):
    """A note that cannot be carried; the text says what is in it."""


def check_note(value: object, place: str = "a note") -> None:
    """Raises NoteError for what neither JSON nor msgpack can write; `place` begins its sentence."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if type(key) is not str:
                raise NoteError(f"{place} has a key that is no text: {key!r}")
            check_note(each, place)
    elif isinstance(value, (list, tuple)):
        for each in value:
            check_note(each, place)
    elif value is not None and not isinstance(value, (str, int, float)):
        raise NoteError(f"{place} holds {type(value).__name__}; make it an int, a float, a text or a list")
    elif isinstance(value, float) and not math.isfinite(value):
        raise NoteError(f"{place} holds {value}, which JSON cannot write")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise NoteError(f"{place} holds a whole number of more than 64 bits")
