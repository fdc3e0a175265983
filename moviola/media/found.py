"""What filters found in an output, counted over its frames: in how many they found anything, and in how many they
missed something."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from moviola.base.mapped import Map

MAX_FILTERS: Final = 64
"""Filters that are told of: more than a chain has in practice; a plugin chooses the names in its notes."""

LOOK_BACK: Final = 1000
"""Frames that are remembered, because the notes of a later frame may say that something was missed in them; the
built-in filters look back 120 at most."""


@dataclass(slots=True)
class _Count:
    """Counts of one filter. `missed` is None where its notes never tell it."""

    frames: int = 0
    with_finds: int = 0
    finds: int = 0
    missed: int | None = None
    _recent: deque[int] = field(
        default_factory=lambda: deque(maxlen=LOOK_BACK)
    )  # frames that are not counted as missed

    def add(self, frame: int, finds: int, missed: int | None) -> None:
        self.frames += 1
        self.finds += finds
        self.with_finds += finds > 0
        if missed is not None:
            told = [each for each in self._recent if each >= frame - missed]
            self.missed = (self.missed or 0) + len(told)
            for each in told:
                self._recent.remove(each)
        self._recent.append(frame)


@dataclass(slots=True)
class Found:
    """Counts over an output. Each frame of the source that is shown counts once, wherever the video was cut."""

    _counts: dict[str, _Count] = field(default_factory=dict)
    _last: int | None = None  # the source frame counted last; one that is repeated counts once

    def add(self, frame: int, notes: Iterable[Mapping[str, Any]]) -> None:
        """Count the notes of the frame with this index in the source. Frames come in order; one that is repeated
        counts once."""
        if frame == self._last:
            return
        self._last = frame
        seen: dict[str, tuple[int, int | None]] = {}
        for note in notes:
            boxes, missed, name = note.get("boxes"), note.get("missed"), str(note.get("filter", ""))
            if isinstance(boxes, (list, tuple)):
                finds, before = seen.get(name, (0, None))
                if isinstance(missed, int) and not isinstance(missed, bool):
                    before = max(before or 0, missed)
                seen[name] = finds + len(boxes), before
        for name, (finds, before) in seen.items():
            if name in self._counts or len(self._counts) < MAX_FILTERS:
                self._counts.setdefault(name, _Count()).add(frame, finds, before)

    def to_json(self) -> Map:
        """Return for each filter the `frames` that it looked at, those `with_finds`, all `finds`, and `missed` if it
        tells that."""
        told: Map = {}
        for name, count in self._counts.items():
            told[name] = {"frames": count.frames, "with_finds": count.with_finds, "finds": count.finds}
            if count.missed is not None:
                told[name]["missed"] = count.missed
        return told


def sentences(found: Map) -> Iterator[str]:
    """Yield what filters found, a sentence each.

    Args:
        found: as `Found.to_json` gives it; it may come from a file. What is none of its counts is passed over.
    """
    for name, count in found.items():
        if not isinstance(count, dict):
            continue
        pictures, some, missed = (count.get(each, 0) for each in ("frames", "with_finds", "missed"))
        told = f"{name} found something in {some or 'none'} of {pictures} picture{'s' * (pictures != 1)}"
        if missed:
            told += f"; in {missed} it missed something that it had found before and found again after"
            told += ", and went by its motion"
        yield told
