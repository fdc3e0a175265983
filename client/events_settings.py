"""Settings of `moviola events`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Final

from moviola.base.settings import SWITCH, ValueType, setting
from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import EventId
from moviola.wire.options import age

from .settings import json

START: Final = "start"
FAMILIES: Final = ("job", "task", "frames", "worker", "aggregator")
"""The beginnings of kinds that may stand for all kinds of that beginning."""


def since(text: str) -> EventId | float:
    """An argparse `type`: an event's id, or seconds of an age; all that is kept is infinitely old."""
    if text == START:
        return float("inf")
    try:
        return age(text)
    except argparse.ArgumentTypeError:
        pass
    try:
        return EventId.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"it is an age such as 10m, the id of an event, or {START}, not '{text}'"
        ) from error


def kind(text: str) -> tuple[EventKind, ...]:
    """An argparse `type`: a kind of event, or the beginning of several."""
    if text in FAMILIES:
        return tuple(one for one in EventKind if one.startswith(f"{text}-"))
    return (EventKind(text),)


ALL: Final = frozenset(EventKind) - {EventKind.PROGRESS}
"""What is told where nobody says what: progress would be a line a second for each job."""

KINDS: Final = (*FAMILIES, *(str(one) for one in EventKind))
KIND: Final = ValueType(str, "name", ", ".join(KINDS), "KIND", choices=KINDS)
SINCE: Final = ValueType(since, "time", f"an age such as 10m, an event's id, or {START}", "WHEN")
COMMAND: Final = ValueType(str, "command", "for a shell", "COMMAND")


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """Settings of `moviola events`."""

    job: str = setting(
        "", type=ValueType(str, "id", "or its beginning", "ID"), help="only one job's, until it ends", once=True
    )
    kind: tuple[str, ...] = setting(
        (),
        type=KIND,
        help="only these; job, task, frames, worker and aggregator stand for all of such; may be repeated",
        default_text="all but progress",
        repeats="append",
        once=True,
    )
    since: EventId | float | None = setting(
        None, type=SINCE, help="first what happened before, as far as it is kept", once=True
    )
    with_progress: bool = setting(False, type=SWITCH, help="also how far jobs are, once a second", once=True)
    on_done: str = setting("", type=COMMAND, help="run for each job that is done or partly done", once=True)
    on_failed: str = setting("", type=COMMAND, help="run for each job that failed or was cancelled", once=True)
    json: bool = json("print one JSON object an event")
