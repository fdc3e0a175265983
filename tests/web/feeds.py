"""Feeds of events without a cluster."""

from __future__ import annotations

from typing import cast

from moviola.web.feed import Feed
from moviola.web.line import Line, Part
from moviola.wire.messages import EventRecord, Events, Message, Snapshot, Subscribed

JOURNAL = "1.abc"


class FakeLine:
    """Takes what is sent."""

    where, reason = "here", "nobody"

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def add(self, part: Part) -> None:
        part.welcomed()

    def worked(self) -> None:
        """It is not dialled again."""

    def send(self, message: Message) -> None:
        self.sent.append(message)


def happened(*numbers: int, kind: str = "job-started", job: str = "j") -> Events:
    """Events of these numbers."""
    return Events(numbers[-1], [EventRecord(number, kind, f"{number}", job=job) for number in numbers])


def current(*numbers: int) -> Feed:
    """A feed that is caught up with these events."""
    made = Feed(cast(Line, FakeLine()))
    made.take(Subscribed(JOURNAL, 0))
    if numbers:
        made.take(happened(*numbers))
    made.take(Snapshot(numbers[-1] if numbers else 0))
    return made
