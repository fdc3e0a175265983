"""The screen as a whole: which part gets how many lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from rich.text import Text

from moviola.display.terminal import styled
from moviola.session.cluster_view import ClusterView

from . import errors, jobs, workers
from .columns import Column, Row, fitted
from .facts import Facts
from .header import header, keys_line

T = TypeVar("T")

MIN_LINES: Final = 2
"""The least lines of a part: its titles and one row. A part that would get fewer is left out."""

ROOMY: Final = 22
"""From so many lines on there are empty lines between the parts, even if rows are hidden by that."""

ERRORS_SHARE: Final = 5
"""Errors get at most one part in so many of the lines, as long as jobs and workers need the rest."""


@dataclass(frozen=True, slots=True)
class Part:
    """A list on the screen.

    Attributes:
        count: how many rows the list has.
        draw: returns the lines of the rows from one index up to another.
        nothing: what is said if there are no rows; empty: the part is left out then.
    """

    count: int
    draw: Callable[[int, int], list[Text]]
    nothing: str = ""

    @property
    def wanted(self) -> int:
        """How many lines show all of it."""
        return 1 + self.count if self.count else int(bool(self.nothing))


def screen(facts: Facts, width: int, height: int) -> list[Text]:
    """Return as many lines as the terminal has, none longer than it is wide."""
    top, bottom = header(facts, width)[: height - 1], keys_line(facts, width)
    room = height - len(top) - 1
    body = [] if facts.view is None else _body(facts, facts.view, width, room)
    lines = [*top, *body[:room]]
    return [*lines, *[Text()] * (height - 1 - len(lines)), bottom]


def _body(facts: Facts, view: ClusterView, width: int, room: int) -> list[Text]:
    shown_jobs = jobs.in_order(view.jobs.values())
    shown_workers = workers.in_order(view.workers.values(), facts.order)
    troubles = [] if view.overview is None else view.overview.troubles
    has_users = len({job.user for job in shown_jobs}) > 1
    job_columns = jobs.COLUMNS if has_users else jobs.COLUMNS[:-1]
    parts = [
        _part(facts, job_columns, shown_jobs, partial(jobs.job_row, width=width), width, "There are no jobs."),
        _part(facts, workers.COLUMNS, shown_workers, partial(workers.worker_row, age_s=facts.age_s), width,
              "No worker is connected."),
        _part(facts, errors.COLUMNS, troubles, errors.error_row, width, ""),
    ]  # fmt: skip
    shown = [part for part in parts if part.wanted]
    gaps = 1 + len(shown)
    is_loose = sum(part.wanted for part in shown) + gaps <= room or room >= ROOMY
    given = shares(room - (gaps - 1 if is_loose else 0), [part.wanted for part in parts])
    lines: list[Text] = []
    for part, count in zip(parts, given, strict=True):
        if count:
            lines += [Text()] * is_loose
            lines += _lines(part, count, facts.scrolled)
    return lines


def shares(room: int, wanted: Sequence[int]) -> list[int]:
    """Return how many lines jobs, workers and errors get. If there is not enough room for all that they want, they get
    equal shares, and what one of them does not want goes to the others."""
    caps = [*wanted[:-1], min(wanted[-1], max(MIN_LINES, room // ERRORS_SHARE))]
    while sum(min(MIN_LINES, one) for one in caps) > room and any(caps):
        caps[max(i for i, one in enumerate(caps) if one)] = 0  # errors first, then workers
    given = _level(room, caps)
    rest = room - sum(given)
    for i in reversed(range(len(given))):
        more = min(rest, wanted[i] - given[i]) if caps[i] else 0
        given[i] += more
        rest -= more
    return given


def _level(room: int, wanted: Sequence[int]) -> list[int]:
    """Divide the room into shares that are as equal as possible, none of them larger than wanted."""
    given, left = [0] * len(wanted), sum(1 for one in wanted if one)
    for i in sorted(range(len(wanted)), key=lambda i: (wanted[i], -i)):
        if wanted[i]:
            given[i] = min(wanted[i], room // left)
            room -= given[i]
            left -= 1
    return given


def _part(
    facts: Facts,
    columns: Sequence[Column],
    things: Sequence[T],
    row: Callable[[T], Row],
    width: int,
    nothing: str,
) -> Part:
    def draw(first: int, end: int) -> list[Text]:
        title = columns[0].title
        if end - first < len(things):
            more = "+" if len(things) == facts.limit else ""
            title = f"{title} {first + 1}–{end} of {len(things)}{more}"
        named = [Column(title, columns[0].rank, False, columns[0].width, columns[0].stretches_to), *columns[1:]]
        return fitted(named, [row(thing) for thing in things[first:end]], width)

    return Part(len(things), draw, nothing)


def _lines(part: Part, count: int, scrolled: int) -> list[Text]:
    if not part.count:
        return [styled((part.nothing, "yellow"))]
    rows = count - 1
    first = min(scrolled, max(0, part.count - rows))
    return part.draw(first, min(part.count, first + rows))


def most_scrolled(facts: Facts) -> int:
    """Return how many rows can be scrolled past at most: all but the last one of the longer list."""
    return 0 if facts.view is None else max(0, len(facts.view.jobs) - 1, len(facts.view.workers) - 1)
