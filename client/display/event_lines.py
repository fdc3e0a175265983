"""Events as lines for people: when, what, and to which job or worker."""

from __future__ import annotations

import time
from typing import Final

from moviola.base.vocabulary import EventKind
from moviola.display.terminal import Part, Terminal
from moviola.session.cluster_events import ClusterEvent, ListenerKind

KIND_WIDTH: Final = 17
"""Cells of the longest kind."""

MAX_UNIX_S: Final = 253_402_300_000.0
"""The end of the year 9999. Later times cannot be shown as a date; they come from a clock that is wrong."""

STYLES: Final[dict[str, str]] = {
    EventKind.JOB_DONE: "bold green",
    EventKind.JOB_PARTIAL: "bold yellow",
    EventKind.JOB_FAILED: "bold red",
    EventKind.JOB_CANCELLED: "magenta",
    EventKind.JOB_PAUSED: "yellow",
    EventKind.JOB_WAITING: "yellow",
    EventKind.JOB_RESTARTED: "yellow",
    EventKind.JOB_STARTED: "cyan",
    EventKind.JOB_RESUMED: "cyan",
    EventKind.JOB_SUBMITTED: "bold",
    EventKind.JOB_RETRIED: "bold",
    EventKind.TASK_FAILED: "red",
    EventKind.TASK_LOST: "yellow",
    EventKind.FRAMES_FELL_BACK: "yellow",
    EventKind.FRAMES_LOST: "yellow",
    EventKind.WORKER_JOINED: "green",
    EventKind.AGGREGATOR_JOINED: "green",
    EventKind.WORKER_LEFT: "yellow",
    EventKind.AGGREGATOR_LEFT: "yellow",
    EventKind.WORKER_DIED: "red",
    EventKind.WORKER_EXCLUDED: "red",
    EventKind.STORE_LOST: "red",
    EventKind.PROGRESS: "dim",
    ListenerKind.MISSED: "bold red",
    ListenerKind.DISCONNECTED: "bold red",
    ListenerKind.CONNECTED: "bold green",
}
"""How a kind is shown; others as they are."""


class EventLines:
    """Prints a line for each event, and the date above the first one of each day.

    Args:
        console: where the lines go.
        today: the day, as `YYYY-MM-DD`, whose date is not printed above its events; "": every date is printed.
    """

    def __init__(self, console: Terminal, today: str = "") -> None:
        self._console, self._day = console, today

    def show(self, event: ClusterEvent) -> None:
        """Print one event."""
        when = time.localtime(min(max(event.unix_s, 0.0), MAX_UNIX_S))
        day = time.strftime("%Y-%m-%d", when)
        if day != self._day:
            self._day = day
            self._console.say((time.strftime("%A %d %B %Y", when), "dim"))
        style = STYLES.get(event.kind, "")
        clock, kind = (time.strftime("%H:%M:%S", when), "dim"), (f"{event.kind:<{KIND_WIDTH}}", style)
        self._console.say(clock, "  ", kind, "  ", *_sentence(event))


def _sentence(event: ClusterEvent) -> list[Part]:
    """Return an event in words; a job by its name, with the id behind the sentence, where that can be done."""
    said, note = event.text, " (while nothing was heard)" if event.is_caught_up else ""
    start = f"job {event.job}"
    if not (event.job and event.name and said.startswith(start)):
        return [said, (note, "dim")]
    return [(event.name, "bold"), said.removeprefix(start), (f"  {event.job}{note}", "dim")]
