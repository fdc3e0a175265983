"""Progress for programs: one JSON object a line, as docs/PROGRESS.md describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from moviola.session.outcome import Outcome
from moviola.session.rates import Rates, time_left
from moviola.session.tally import Tally
from moviola.session.views import JobView

from .terminal import Terminal

EVENT_INTERVAL_S: Final = 0.5
"""Between two events about the progress of one job: a program that draws a bar needs no more."""


class EventDisplay:
    """Writes an event when something has changed: `begin`, `progress`, `batch`, `message`, `end`.

    Args:
        console: where the lines go.
    """

    interval_s = EVENT_INTERVAL_S

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._tally = Tally(1, 0)
        self._rates = Rates()
        self._shown_at = float("-inf")
        self._last: dict[str, JobView] = {}

    def begin(self, count: int, size: int) -> None:
        """Write how many sources are to be sent, and of how many bytes."""
        self._tally = Tally(count, size)
        self._write("begin", {"sources": count, "bytes": size})

    def ended(self, outcome: Outcome) -> None:
        """Write how a source ended."""
        self._tally.ended(outcome)
        self._write("end", outcome.to_json())

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Write what has changed, unless that was done a moment ago."""
        rates = self._rates.update(views, now)
        batch = self._tally.update(views, now)
        if now - self._shown_at < EVENT_INTERVAL_S:
            return
        self._shown_at = now
        changed = [view for view in views if view.job and self._last.get(view.id) != view]
        self._last = {view.id: view for view in views}
        for view in changed:
            self._write("progress", _job(view, rates[view.id], now))
        if batch.count > 1 and changed:
            numbers = {"sources": batch.count, "ended": batch.ended, "failed": batch.failed}
            self._write("batch", {**numbers, **_speed(batch.share, batch.rate, batch.seconds_left), "unit": batch.unit})

    def say(self, text: str) -> None:
        """A sentence for a person."""
        self._write("message", {"text": text})

    def remark(self, text: str) -> None:
        """A sentence for a person."""
        self.say(text)

    def make_room(self) -> None:
        """Nothing is live here."""

    def close(self) -> None:
        """Nothing is live here."""

    def _write(self, event: str, values: Mapping[str, Any]) -> None:
        self._console.json({"event": event, **values})


def _job(view: JobView, rate: float, now: float) -> dict[str, Any]:
    since, until = view.waiting_since, view.waiting_until
    return {
        "source": view.name,
        "job_id": view.job,
        **_speed(view.share, rate, time_left(view, rate)),
        "frames_sent": view.frames_sent,
        "frames_total": view.frames_total or None,
        "frames_done": view.frames_done,
        "frames_wanted": view.frames_wanted or None,
        "unit": view.unit,
        "retries": view.retries,
        "tasks_in_flight": view.in_work,
        "note": view.note,
        "waiting_seconds": None if since is None else round(now - since, 1),
        "waiting_seconds_left": None if until is None else round(max(0.0, until - now), 1),
    }


def _speed(share: float, rate: float, left: float | None) -> dict[str, Any]:
    return {
        "share": round(share, 4),
        "frames_per_second": round(rate, 2),
        "seconds_left": None if left is None else round(left, 1),
    }
