"""How far jobs are, for people: live lines on a terminal, a plain line now and then elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from moviola.session.outcome import Outcome
from moviola.session.rates import Rates
from moviola.session.tally import Tally
from moviola.session.views import BatchDisplay, JobView

from . import ways
from .bars import batch_line, live_line, name_width, plain_batch_line, plain_line
from .events import EventDisplay
from .terminal import Terminal, styled

LIVE_INTERVAL_S: Final = 0.1
PLAIN_INTERVAL_S: Final = 2.0

PLAIN_WAIT_INTERVAL_S: Final = 30.0
"""How often a log says that a job waits still."""

MAX_JOB_LINES: Final = 8
"""Jobs of a batch that have a line of their own; fewer where the terminal is low."""


ECHO_WIDTH: Final = 2
"""Cells that stay free at the end of lines: a terminal writes `^C` there, which would begin a line of its own."""

NOTE_LINES: Final = 3
"""Lines that may tell why a single job waits: enough for a reason and what helps, in 80 columns."""


class _Console:
    """The base of these displays: writes the lines that stay, and counts the sources of a batch."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._tally: Tally | None = None

    def begin(self, count: int, size: int) -> None:
        """Count the sources as a batch, if there are several."""
        if count > 1:
            self._tally = Tally(count, size)

    def ended(self, outcome: Outcome) -> None:
        """Count a source that is over."""
        if self._tally is not None:
            self._tally.ended(outcome)

    def say(self, text: str) -> None:
        """One line that stays."""
        self._console.say(text)

    def remark(self, text: str) -> None:
        """One line that stays."""
        self.say(text)

    def make_room(self) -> None:
        """Nothing is live here."""

    def close(self) -> None:
        """Nothing is live here."""


class LiveDisplay(_Console):
    """Lines that change in place: one a job, and one for a batch below them."""

    interval_s = LIVE_INTERVAL_S

    def __init__(self, console: Terminal) -> None:
        super().__init__(console)
        self._rates = Rates()
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        self._shown_at = float("-inf")

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Redraw the lines, unless that was done a moment ago."""
        if now - self._shown_at < LIVE_INTERVAL_S:
            return
        self._shown_at = now
        self._live.update(Group(*self._lines(views, now)), refresh=True)

    def _lines(self, views: Sequence[JobView], now: float) -> list[Text]:
        rates = self._rates.update(views, now)
        width = self._console.width - ECHO_WIDTH
        if self._tally is None:
            return [live_line(view, rates[view.id], width, now, lines=NOTE_LINES) for view in views]
        count = max(1, min(MAX_JOB_LINES, self._console.height - 4))  # one for the rest, one for all, and the cursor's
        column = name_width(width)
        lines = [live_line(view, rates[view.id], width, now, column=column) for view in views[:count]]
        if len(views) > count:
            lines.append(styled((f"… and {len(views) - count} more under way", "dim")))
        return [*lines, batch_line(self._tally.update(views, now), width, column=column)]

    def say(self, text: str) -> None:
        """One sentence that stays."""
        self._console.tell(text)

    def make_room(self) -> None:
        """Wipe the lines; they come back when they are shown next."""
        self._live.update("", refresh=True)
        self._shown_at = float("-inf")

    def close(self) -> None:
        """Wipe the lines."""
        self._live.update("")
        self._live.stop()


class PlainDisplay(_Console):
    """A line a job, or one for a whole batch, when something has changed, and not more often than every
    PLAIN_INTERVAL_S. Of a batch, jobs that wait have lines of their own besides."""

    interval_s = PLAIN_INTERVAL_S

    def __init__(self, console: Terminal) -> None:
        super().__init__(console)
        self._rates = Rates()
        self._shown_at: float | None = None
        self._last: dict[str, JobView] = {}
        self._waits_said_at: dict[str, float] = {}
        self._last_batch = ""

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Say what has changed, if it is time to."""
        rates = self._rates.update(views, now)
        batch = "" if self._tally is None else plain_batch_line(self._tally.update(views, now))
        if self._shown_at is None:
            self._shown_at = now  # a job that is over in no time needs no line
        if now - self._shown_at < PLAIN_INTERVAL_S:
            return
        for view in views:
            if self._is_news(view, now) and (self._tally is None or view.waiting_since is not None):
                self.say(plain_line(view, rates[view.id], now))
                self._shown_at = now
        if batch != self._last_batch:
            self.say(batch)
            self._shown_at, self._last_batch = now, batch
        self._last = {view.id: view for view in views}

    def _is_news(self, view: JobView, now: float) -> bool:
        """Return True if a job's line should be written: something of it has changed; or, while it waits, what it waits
        for has changed or was last said PLAIN_WAIT_INTERVAL_S ago."""
        last, said_at = self._last.get(view.id), self._waits_said_at.pop(view.id, None)
        if view.waiting_since is None:
            return last != view
        waits_as_before = last is not None and (last.note, last.waiting_since) == (view.note, view.waiting_since)
        if said_at is None or not waits_as_before or now - said_at >= PLAIN_WAIT_INTERVAL_S:
            self._waits_said_at[view.id] = now
            return True
        self._waits_said_at[view.id] = said_at
        return False


class QuietDisplay(_Console):
    """Writes only what must be said: neither progress nor remarks."""

    interval_s = 60.0

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        """Nothing."""


def display_for(console: Terminal, *, quiet: bool, progress: str = ways.AUTO) -> BatchDisplay:
    """Return what shows progress on this console.

    Args:
        quiet: show only what must be said; has no effect on events for programs.
        progress: one of moviola.display.ways.WAYS; by default what suits the console: one that cannot move its cursor
            gets plain lines.
    """
    if progress == ways.JSON:
        return EventDisplay(console)
    if quiet or progress == ways.NONE:
        return QuietDisplay(console)
    can_move = console.is_terminal and not console.is_dumb_terminal
    is_live = can_move and progress in (ways.AUTO, ways.BAR)
    return LiveDisplay(console) if is_live else PlainDisplay(console)
