"""A picture of an output as people get it in Python, and the notes that belong to it. Plain data, no codec."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Note = dict[str, Any]
"""What a filter noted of a frame: `filter`, `boxes` and others; docs/ANALYSIS.md tells what each means."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of an output.

    Attributes:
        index: from 0, in the output.
        time_s: when it is shown, in seconds; None of an image.
        notes: what filters noted of it, in the order of the chain.
        bgr: height × width × 3, uint8, full range, read-only.
        name: of an image, within the output's folder; empty of a frame of a video.
    """

    index: int
    time_s: float | None
    notes: tuple[Note, ...]
    bgr: NDArray[Any] = field(repr=False, compare=False)
    name: str = ""


class FrameNotes:
    """Notes in the order of a video's frames, given out frame by frame."""

    def __init__(self, notes: Iterable[Note]) -> None:
        self._notes = iter(notes)
        self._ahead: deque[Note] = deque()

    def take(self, index: int) -> tuple[Note, ...]:
        """Return those of a frame; frames are asked for in order."""
        found = []
        while (note := self._peek()) is not None and note["frame"] <= index:
            found.append(self._ahead.popleft())
        return tuple(note for note in found if note["frame"] == index)

    def _peek(self) -> Note | None:
        if not self._ahead:
            note = next(self._notes, None)
            if note is None:
                return None
            self._ahead.append(note)
        return self._ahead[0]
