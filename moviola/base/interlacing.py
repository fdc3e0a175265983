"""Words about interlaced pictures: the order of their fields, and what filters do with their lines."""

from __future__ import annotations

from enum import StrEnum


class FieldOrder(StrEnum):
    """Which field of a frame is shown first."""

    PROGRESSIVE = ""  # the frame has no fields
    TOP = "top"
    BOTTOM = "bottom"


class Interlacing(StrEnum):
    """Whether a filter keeps the two fields of interlaced pictures apart."""

    KEEPS = "keeps"  # every sample stays in its line, and depends on no other line in its surroundings
    EACH_FIELD = "each field"  # it is run on each field by itself
    MIXES = "mixes"  # lines of both fields
    UNTOLD = ""
