"""How far jobs are, for people: live lines on a terminal, a plain line now and then elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.live import Live
from rich.text import Text

from moviola.session.rates import Rates, time_left
from moviola.session.views import Display, JobView
from moviola.wire.shown import shown

from .terminal import Terminal, styled

LIVE_INTERVAL_S: Final = 0.1
PLAIN_INTERVAL_S: Final = 2.0
NAME_WIDTH: Final = 24
BAR_WIDTH_MIN, MAX_BAR_WIDTH = 8, 30


def duration(seconds: float) -> str:
    """`12 s`, `3:05`, `1:02:03`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain_line(view: JobView, rate: float) -> str:
    """All that is known, for a log."""
    if view.note:
        return f"{view.name}: {view.note}"
    parts = [f"sent {view.frames_sent}/{view.frames_total}", f"processed {view.frames_done}/{view.frames_wanted}"]
    parts.append(f"{rate:.0f} {view.unit}s/s")
    left = time_left(view, rate)
    if left is not None:
        parts.append(f"{duration(left)} left")
    parts += [_counted(view.retries, "retry", "retries")]
    if view.in_work is not None:
        parts.append(f"{_counted(view.in_work, 'chunk', 'chunks')} in work")
    return f"{view.name}: {', '.join(parts)}"


def live_line(view: JobView, rate: float, width: int) -> Text:
    """What of it fits into `width` cells: the name, a bar and the numbers, the dearest first."""
    name = _clipped(view.name, min(NAME_WIDTH, max(8, width // 4)))
    if view.note:
        return styled((name, "bold"), " ", (_clipped(view.note, width - cell_len(name) - 1), "yellow"))
    left = time_left(view, rate)
    retries = (6, _counted(view.retries, "retry", "retries"))
    # (order on the line, text): taken in order of importance while there is room
    wanted = [
        (1, f"{view.share:4.0%}"),
        *([retries] if view.retries else []),
        (3, f"processed {view.frames_done}/{view.frames_wanted}"),
        (4, f"{rate:.0f} {view.unit}s/s"),
        (5, f"{duration(left)} left" if left is not None else ""),
        (2, f"sent {view.frames_sent}/{view.frames_total}"),
        *([] if view.retries else [retries]),
        (7, f"{view.in_work} in work" if view.in_work is not None else ""),
    ]
    room = width - cell_len(name) - 1 - BAR_WIDTH_MIN
    taken = []
    for place, text in wanted:
        if text and room >= len(text) + 2:
            taken.append((place, text))
            room -= len(text) + 2
    numbers = "".join(f"  {text}" for _, text in sorted(taken))
    bar_width = min(MAX_BAR_WIDTH, BAR_WIDTH_MIN + max(0, room))
    done = round(bar_width * view.share)
    line = styled((name, "bold"), " ", ("━" * done, "green"), ("┄" * (bar_width - done), "dim"), numbers)
    line.truncate(width, overflow="ellipsis")
    return line


class LiveDisplay:
    """Lines that change in place, one a job."""

    interval_s = LIVE_INTERVAL_S

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._rates = Rates()
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        self._shown_at = float("-inf")

    def show(self, views: Sequence[JobView], now: float) -> None:
        if now - self._shown_at < LIVE_INTERVAL_S:
            return
        self._shown_at = now
        rates = self._rates.update(views, now)
        width = self._console.width
        self._live.update(Group(*(live_line(view, rates[view.id], width) for view in views)), refresh=True)

    def say(self, text: str) -> None:
        self._console.say(text)

    remark = say

    def close(self) -> None:
        self._live.update("")
        self._live.stop()


class PlainDisplay:
    """A line a job when something has changed, and not more often than every PLAIN_INTERVAL_S."""

    interval_s = PLAIN_INTERVAL_S

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._rates = Rates()
        self._shown_at: float | None = None
        self._last: dict[str, JobView] = {}

    def show(self, views: Sequence[JobView], now: float) -> None:
        rates = self._rates.update(views, now)
        if self._shown_at is None:
            self._shown_at = now  # a job that is over in no time needs no line
        if now - self._shown_at < PLAIN_INTERVAL_S:
            return
        for view in views:
            if self._last.get(view.id) != view:
                self.say(plain_line(view, rates[view.id]))
                self._shown_at = now
        self._last = {view.id: view for view in views}

    def say(self, text: str) -> None:
        self._console.say(text)

    remark = say

    def close(self) -> None:
        pass


class QuietDisplay:
    """Only what must be said."""

    interval_s = 60.0

    def __init__(self, console: Terminal) -> None:
        self._console = console

    def show(self, views: Sequence[JobView], now: float) -> None:
        pass

    def say(self, text: str) -> None:
        self._console.say(text)

    def remark(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


def display_for(console: Terminal, *, quiet: bool) -> Display:
    """What suits this console."""
    if quiet:
        return QuietDisplay(console)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _clipped(text: str, width: int) -> str:
    text = shown(text)  # as long as it will be
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"
