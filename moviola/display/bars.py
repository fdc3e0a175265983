"""One job, or a whole batch, in one line: a bar and numbers as wide as the terminal is, or all numbers for a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

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
"""What waits for a shorter time is not told how long: the number would only flicker."""


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
    """What a job waits for, with how long it has, and how long it will: `waiting 35 s (9:25 more): …`."""
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


def live_line(view: JobView, rate: float, width: int, now: float, *, lines: int = 1) -> Text:
    """What of a job fits into `width` cells: the name, a bar and the numbers, the dearest first. What it waits for may
    take so many `lines`."""
    name = clipped(view.name, min(NAME_WIDTH, max(8, width // 4)))
    if view.note:
        room = width * lines - cell_len(name) - 1
        return styled((name, "bold"), " ", (clipped(note_line(view, now), room), "yellow"))
    left = time_left(view, rate)
    retries = (6, _counted(view.retries, "retry", "retries"))
    numbers = [
        (1, f"{view.share:4.0%}"),
        *([retries] if view.retries else []),
        (3, f"processed {view.frames_done}/{view.frames_wanted}"),
        (4, f"{rate:.0f} {view.unit}s/s"),
        (5, f"{duration(left)} left" if left is not None else ""),
        (2, f"sent {view.frames_sent}/{view.frames_total}"),
        *([] if view.retries else [retries]),
        (7, f"{view.in_work} in work" if view.in_work is not None else ""),
    ]
    return _line(name, view.share, numbers, width)


def batch_line(batch: BatchView, width: int) -> Text:
    """What of a batch fits into `width` cells: `7 of 20`, a bar, its share, what failed, its rate, the time left."""
    left = batch.seconds_left
    numbers = [
        (1, f"{batch.share:4.0%}"),
        *((2, text) for text in _failed(batch)),
        (4, f"{duration(left)} left" if left is not None else ""),
        (3, f"{batch.rate:.0f} {batch.unit}s/s"),
    ]
    return _line(f"{batch.ended} of {batch.count}", batch.share, numbers, width)


def _line(name: str, share: float, numbers: Iterable[tuple[int, str]], width: int) -> Text:
    """A name, a bar, and those of the numbers that fit: (order on the line, text), the most important first."""
    room = width - cell_len(name) - 1 - BAR_WIDTH_MIN
    taken = []
    for place, text in numbers:
        if text and room >= len(text) + 2:
            taken.append((place, text))
            room -= len(text) + 2
    words = "".join(f"  {text}" for _, text in sorted(taken))
    bar_width = min(MAX_BAR_WIDTH, BAR_WIDTH_MIN + max(0, room))
    done = round(bar_width * share)
    line = styled((name, "bold"), " ", ("━" * done, "green"), ("┄" * (bar_width - done), "dim"), words)
    line.truncate(width, overflow="ellipsis")
    return line


def clipped(text: str, width: int) -> str:
    """Return a text in at most `width` cells, with `…` where something is left out."""
    text = shown(text)  # as long as it will be
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"


def _failed(batch: BatchView) -> list[str]:
    return [f"{batch.failed} failed"] if batch.failed else []


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
