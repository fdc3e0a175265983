"""Plays worlds by their numbers, and tells the story of the one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

STORY_LINES: Final = 40
"""The last events of a world that failed."""


class Playable(Protocol):
    """A world: made from its number, played to its end, with a story to tell."""

    story: list[str]

    def play(self) -> None: ...


def play(make: Callable[[int], Playable], seeds: Iterable[int]) -> None:
    """Play a world for each seed. Raises whatever one raises, with its number and its story."""
    for seed in seeds:
        world = make(seed)
        try:
            world.play()
        except Exception as error:
            error.add_note("\n".join([f"world {seed}:", *world.story[-STORY_LINES:]]))
            raise
