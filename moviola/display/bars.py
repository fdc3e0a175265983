"""One job, or a whole batch, in one line: a bar and numbers as wide as the terminal is, or all numbers for a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from moviola.session.rates import time_left
from moviola.session.tally import BatchView
from moviola.session.views import JobView
from moviola.wire.shown import shown

from .terminal import styled

NAME_WIDTH: Final = 24
BAR_WIDTH_MIN, MAX_BAR_WIDTH = 8, 30

MIN_WAIT_SHOWN_S: Final = 2.0
"""How long a job must have waited before the time is shown: a shorter one would only flicker."""


def duration(seconds: float) -> str:
    """`12 s`, `3:05`, `1:02:03`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(seconds: float) -> str:
    """How long ago something was, in one unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def note_line(view: JobView, now: float) -> str:
    """Return a job's note; where it waits, with how long it has waited and until when it will at most:
    `waiting 35 s (9:25 more): …`."""
    since = view.waiting_since
    if since is None or now - since < MIN_WAIT_SHOWN_S:
        return view.note
    word, colon, reason = view.note.partition(":")
    limit = "no time limit" if view.waiting_until is None else f"{duration(max(0.0, view.waiting_until - now))} more"
    return f"{word} {duration(now - since)} ({limit}){colon}{reason}"


def plain_line(view: JobView, rate: float, now: float) -> str:
    """All that is known of a job, for a log."""
    if view.note:
        return f"{view.name}: {note_line(view, now)}"
    parts = [f"sent {view.frames_sent}/{view.frames_total}", f"processed {view.frames_done}/{view.frames_wanted}"]
    parts.append(f"{rate:.0f} {view.unit}s/s")
    left = time_left(view, rate)
    if left is not None:
        parts.append(f"{duration(left)} left")
    parts += [_counted(view.retries, "retry", "retries")]
    if view.in_work is not None:
        parts.append(f"{_counted(view.in_work, 'chunk', 'chunks')} in work")
    return f"{view.name}: {', '.join(parts)}"


def plain_batch_line(batch: BatchView) -> str:
    """All that is known of a batch, for a log."""
    parts = [f"{batch.ended} of {batch.count}", *_failed(batch), f"{batch.rate:.0f} {batch.unit}s/s"]
    if batch.seconds_left is not None:
        parts.append(f"{duration(batch.seconds_left)} left")
    return ", ".join(parts)


def name_width(width: int) -> int:
    """Return the cells that a job's name may take of a line."""
    return min(NAME_WIDTH, max(8, width // 4))


def live_line(view: JobView, rate: float, width: int, now: float, *, lines: int = 1, column: int = 0) -> Text:
    """Return a job's line of at most `width` cells: its name, a bar, and as many numbers as fit, the most important
    ones. A job with a note has that in place of bar and numbers.

    Args:
        lines: how many lines a note may take.
        column: cells that the name gets at least, so that bars below each other begin in the same place.
    """
    name = clipped(view.name, name_width(width))
    if view.note:
        room = width * lines - cell_len(name) - 1
        return styled((name, "bold"), " ", (clipped(note_line(view, now), room), "yellow"))
    digits = len(str(max(view.frames_wanted, view.frames_done)))
    all_sent = len(str(max(view.frames_total, view.frames_sent)))
    retries = Number(6, _counted(view.retries, "retry", "retries"), len("99 retries"))
    numbers = [
        Number(1, f"{view.share:4.0%}", 4),
        *([retries] if view.retries else []),
        Number(3, f"processed {view.frames_done}/{view.frames_wanted}", len("processed /") + 2 * digits),
        _rate(4, rate, view.unit),
        _left(5, time_left(view, rate)),
        Number(2, f"sent {view.frames_sent}/{view.frames_total}", len("sent /") + 2 * all_sent),
        *([] if view.retries else [retries]),
        Number(7, "" if view.in_work is None else f"{view.in_work} in work", len("99 in work")),
    ]
    return _line(name, view.share, numbers, width, column)


def batch_line(batch: BatchView, width: int, *, column: int = 0) -> Text:
    """Return a batch's line of at most `width` cells: `7 of 20`, a bar, and what fits of its share, what failed, its
    rate and the time left."""
    numbers = [
        Number(1, f"{batch.share:4.0%}", 4),
        *(Number(4, text, len("99 failed")) for text in _failed(batch)),
        _left(3, batch.seconds_left),
        _rate(2, batch.rate, batch.unit),
    ]
    return _line(f"{batch.ended} of {batch.count}", batch.share, numbers, width, column)


class Number(NamedTuple):
    """A number on a line.

    Attributes:
        place: its place among the others, from the left.
        text: as it is now; it may be empty.
        cells: that are kept for it whatever it is, so that what is beside it stays where it is.
    """

    place: int
    text: str
    cells: int


def _rate(place: int, rate: float, unit: str) -> Number:
    return Number(place, f"{rate:.0f} {unit}s/s", len(f"999 {unit}s/s"))


def _left(place: int, seconds: float | None) -> Number:
    return Number(place, "" if seconds is None else f"{duration(seconds)} left", len("59:59 left"))


def _line(name: str, share: float, numbers: Iterable[Number], width: int, column: int) -> Text:
    """Return a line with a name, a bar, and those of the numbers that fit. `numbers` come in order of importance.

    The bar's length depends on the width alone, and each number keeps its place, so that only digits change."""
    bar_width = min(MAX_BAR_WIDTH, max(BAR_WIDTH_MIN, width // 6))
    gap = " " * (1 + max(0, column - cell_len(name)))
    room = width - cell_len(name) - len(gap) - bar_width
    taken = []
    for number in numbers:
        cells = max(len(number.text), number.cells) + 2
        if room >= cells:
            taken.append((number.place, f"  {number.text}".ljust(cells)))
            room -= cells
    words = "".join(text for _, text in sorted(taken)).rstrip()
    line = styled((name, "bold"), gap, bar(share, bar_width), words)
    line.truncate(width, overflow="ellipsis")
    return line


def bar(share: float, width: int) -> Text:
    """Return a bar of so many cells, of which a share (0 … 1) is full."""
    done = round(width * share)
    return styled(("━" * done, "green"), ("┄" * (width - done), "dim"))


def clipped(text: str, width: int) -> str:
    """Return a text in at most `width` cells, with `…` where something is left out."""
    text = shown(text)  # as long as it will be
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"


def _failed(batch: BatchView) -> list[str]:
    return [f"{batch.failed} failed"] if batch.failed else []


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
