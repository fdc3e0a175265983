"""What happened to single tasks, for whoever asks why one of them is not done: lines with a time, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from moviola.base.details import StoryLine
from moviola.wire.shortened import shortened

MAX_LINES: Final = 4096
"""Lines of all tasks together, the newest: those of some 2 000 tasks that went well. About half a megabyte."""

MAX_LINES_OF_TASK: Final = 32
"""Lines of one task that was in trouble, the newest, kept as long as its job goes on."""

MAX_TASKS: Final = 64
"""Tasks of one job of which so much is kept: those that were in trouble first. More of them are more of the same."""

MAX_LINES_TOLD: Final = 2000
"""Lines that one message tells: with texts as long as they may be, 1 MB of the 4 that a message may have."""

MAX_TEXT_OF_LINE: Final = 500
"""Characters of one line."""


class Line(NamedTuple):
    """One thing that happened to a task: at which time, and what; `parts` are put into words when somebody reads it."""

    at: float
    track: int
    chunk: int
    parts: tuple[object, ...]

    @property
    def text(self) -> str:
        """Return it in words."""
        return "".join(map(str, self.parts))


class Stories:
    """The newest lines of all jobs, and all of tasks that were in trouble."""

    def __init__(self) -> None:
        self._newest: deque[tuple[str, float, int, int, tuple[object, ...]]] = deque(maxlen=MAX_LINES)
        self._kept: dict[str, dict[tuple[int, int], deque[Line]]] = {}  # by job

    def tell(self, now: float, job: str, track: int, index: int, *parts: object) -> None:
        """Add a line to a task's story. Every task has some, and hardly one is read."""
        self._newest.append((job, now, track, index, parts))
        if self._kept and (kept := self._kept.get(job)) is not None and (track, index) in kept:
            kept[track, index].append(Line(now, track, index, parts))

    def keep(self, job: str, track: int, index: int) -> None:
        """A task is in trouble: keep what was told of it, and what will be."""
        kept = self._kept.setdefault(job, {})
        if (track, index) in kept or len(kept) >= MAX_TASKS:
            return
        before = (line for line in self._lines_of(job, index) if line.track == track)
        kept[track, index] = deque(before, maxlen=MAX_LINES_OF_TASK)

    def forget(self, job: str) -> None:
        """A job has ended: only the newest lines are left of it."""
        self._kept.pop(job, None)

    def of(self, job: str, index: int | None) -> list[Line]:
        """Return what is known of the tasks of a chunk, or of all chunks, of all tracks, in the order in which it
        happened."""
        kept = {place: lines for place, lines in self._kept.get(job, {}).items() if index in (None, place[1])}
        lines = [line for line in self._lines_of(job, index) if (line.track, line.chunk) not in kept]
        lines += [line for story in kept.values() for line in story]
        return sorted(lines, key=lambda line: line.at)

    def _lines_of(self, job: str, index: int | None) -> Iterator[Line]:
        """Yield the newest lines of a chunk's tasks, or of all."""
        found = (one for one in self._newest if one[0] == job and index in (None, one[3]))
        return (Line(at, track, chunk, parts) for _, at, track, chunk, parts in found)

    def told(self, job: str, index: int | None, names: list[str], unix_offset_s: float) -> list[StoryLine]:
        """Return the story of a chunk's tasks, or the newest MAX_LINES_TOLD lines of all, as a message tells it.

        Args:
            names: of the job's tracks.
            unix_offset_s: unix time minus the time of the lines.
        """
        return [
            StoryLine(
                line.at + unix_offset_s,
                _name_of(line.track, names),
                shortened(line.text, MAX_TEXT_OF_LINE),
                line.chunk,
            )
            for line in self.of(job, index)[-MAX_LINES_TOLD:]
        ]

    def lines(self, job: str, index: int) -> Iterator[str]:
        """Yield the same as text, for whoever debugs."""
        for line in self.of(job, index):
            yield f"{line.at:9.3f} {job}/{line.track}/{line.chunk} {line.text}"


def _name_of(track: int, names: list[str]) -> str:
    """Return what a track is called; behind those of the outputs come those of the unfiltered streams, from 1."""
    return names[track] if track < len(names) else f"stream {track - len(names) + 1}"
