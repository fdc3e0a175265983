"""Compares a video with what was made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.fidelity import judges_of_pictures, judges_of_streams, judges_of_time
from tests.fidelity.pair import Pair
from tests.fidelity.verdicts import Verdict

JUDGES: Final[tuple[Callable[[Pair], Verdict], ...]] = (
    judges_of_time.frames,
    judges_of_time.times,
    judges_of_time.duration,
    judges_of_time.sound,
    judges_of_time.subtitles,
    judges_of_streams.tags,
    judges_of_streams.chapters,
    judges_of_pictures.colour,
    judges_of_pictures.side_data,
    judges_of_pictures.field_order,
    judges_of_pictures.geometry,
    judges_of_streams.other_streams,
)
"""One an aspect, in the order of the table's columns."""


def verdicts(pair: Pair) -> list[Verdict]:
    """Return what became of each aspect of a video."""
    return [judge(pair) for judge in JUDGES]
