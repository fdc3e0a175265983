"""The stored results of a track of a job, one after the other, each as soon as it is there: reading with its loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Final

from moviola.session.events import Arriving, Event, Give, ServerRole, Start, Tick, Wanted
from moviola.session.links import Links, OpenLinks
from moviola.session.reading import Description, Ended, Ending, Reading
from moviola.session.target import Target, as_sentence, hello
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import ConnectionId, NetworkEvent
from moviola.wire.loop import Loop

POLL_S: Final = 0.5
"""How often it is asked whether the reading is to stop."""


class ResultReader:
    """Feeds events to a Reading, and carries out what it commands.

    Args:
        links: a network; connections of others on it are left alone.
    """

    def __init__(self, links: Links, target: Target, reading: Reading) -> None:
        self.brain = reading
        self._links = OpenLinks(links, target, hello(target.user))
        self._given: Give | None = None

    def feed(self, event: Event, now: float) -> None:
        """Everything that follows from an event."""
        for command in self.brain.handle(event, now):
            if isinstance(command, Give):
                self._given = command
            else:
                self._links.carry_out(command)  # type: ignore[arg-type]  # a reading commands nothing else

    def turned(self, events: Iterable[NetworkEvent], now: float, arriving: Set[ConnectionId] = frozenset()) -> None:
        """All that follows from what has come, from parts that are `arriving`, and from the time."""
        for event in events:
            meant = self._links.event_of(event)
            if meant is not None:
                self.feed(meant, now)
        if self._links.open.get(ServerRole.AGGREGATOR) in arriving:
            self.feed(Arriving(ServerRole.AGGREGATOR), now)
        deadline = self.brain.next_deadline()
        if deadline is not None and deadline <= now:
            self.feed(Tick(), now)

    def take(self) -> Give | None:
        """Return what was given, once."""
        given, self._given = self._given, None
        return given


class StoredResults:
    """Iterate once over the results of a track, in order. Each is asked for when the iteration wants it, so that a slow
    consumer keeps one in memory, however far the job is.

    `ended` tells afterwards whether it was all of them; it is None where the reading was stopped.

    Args:
        target: the cluster.
        job: its id.
        track: outputs have the numbers from 0, in the order in which they were asked for; streams follow.
        first: the index of the result with which to begin.
        is_stopped: asked now and then whether the reading is to end at once.
    """

    def __init__(
        self, target: Target, job: str, track: int, first: int = 0, *, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._target, self._is_stopped = target, is_stopped
        self._reading = Reading(job, track, str(target.address), first)

    @property
    def ended(self) -> Ended | None:
        """Why nothing more comes."""
        return self._reading.ended

    @property
    def is_complete(self) -> bool:
        """True when all results of the track have come."""
        return self.ended is not None and self.ended.ending is Ending.COMPLETE

    @property
    def description(self) -> Description | None:
        """What the job was asked for; known from the first result on."""
        return self._reading.description

    def __iter__(self) -> Iterator[Give]:
        """Yield each result. Ends when all have come, or the job has ended: what is left is in its files then.

        Raises:
            Refused: the cluster says no.
            Unreachable: the middleware, or the aggregator, was lost and did not come back.
        """
        loop = Loop("client", secret=self._target.secret)
        reader = ResultReader(loop, self._target, self._reading)
        try:
            reader.feed(Start(), time.monotonic())
            while (given := self._next(loop, reader)) is not None:
                yield given
        finally:
            loop.flush()
            loop.shut()

    def _next(self, loop: Loop, reader: ResultReader) -> Give | None:
        reader.feed(Wanted(), time.monotonic())
        while (given := reader.take()) is None:
            if self.ended is not None:
                return self._end(self.ended)
            if self._is_stopped():
                return None
            loop.flush()
            deadline = self._reading.next_deadline()
            poll_at = time.monotonic() + POLL_S
            events = loop.turn(poll_at if deadline is None else min(deadline, poll_at))
            reader.turned(events, time.monotonic(), loop.arriving)
        return given

    @staticmethod
    def _end(ended: Ended) -> None:
        if ended.ending is Ending.REFUSED:
            raise Refused(ended.code, as_sentence(ended.reason))
        if ended.ending is Ending.UNREACHABLE:
            raise Unreachable(as_sentence(ended.reason))
