"""What happens in the cluster, once for all listeners of a user: they share what is kept of it.

An event's id is that of the middleware's journal, so that a listener goes on behind it through any gateway.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ClusterEvent, EventId, ListenerKind
from moviola.session.event_feed import EventFeed
from moviola.session.job_session import FINAL_STATES
from moviola.session.target import nobody_answers
from moviola.web.line import Line
from moviola.wire.errors import Unreachable
from moviola.wire.messages import Message, Snapshot

MAX_KEPT: Final = 10_000
"""Events that are kept for listeners who come back, the newest: as many as a middleware keeps, some 10 MB."""

MAX_BUFFERED: Final = 1000
"""Events that wait for one listener, which shares them with all others. One more, and it has missed the oldest."""

LISTENER_KINDS: Final = frozenset(ListenerKind)

PASSING: Final = frozenset({EventKind.PROGRESS, ListenerKind.DISCONNECTED, ListenerKind.CONNECTED})
"""Kinds of events that are not kept: a listener that comes later has no use for them."""

FIRST_S: Final = 5.0
"""How long a listener waits for the first answer of a middleware that may be restarting."""


class Told(NamedTuple):
    """An event, and what is written of it: made once for all listeners.

    Attributes:
        event: what happened.
        data: what is written of it.
        place: the position in the journal of a listener that has this event. Events without an id have one as well: the
            feed's own position when they were told.
    """

    event: ClusterEvent
    data: str
    place: EventId | None = None


class Listener:
    """One listener's place: what is still to be written to it.

    Args:
        wants: returns whether an event is for it.
    """

    def __init__(self, wants: Callable[[ClusterEvent], bool]) -> None:
        self._wants = wants
        self._waiting: deque[Told] = deque()
        self._missed = 0
        self._news = asyncio.Event()

    def push(self, told: Told) -> None:
        """Let an event wait for the listener, if it is for it."""
        if told.event.kind not in LISTENER_KINDS and not self._wants(told.event):
            return
        if len(self._waiting) >= MAX_BUFFERED:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(told)
        self._news.set()

    @property
    def has_news(self) -> bool:
        """Return whether something waits to be written."""
        return bool(self._waiting)

    async def next(self) -> Told:
        """Return the next event; what was missed before it is told first."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if self._missed:
            count, self._missed = self._missed, 0
            return missed(f"{count} events were missed: this listener reads too slowly", count)
        return self._waiting.popleft()


class Feed:
    """The events that a user may know of.

    Args:
        line: over which they come.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._brain = EventFeed(since_unix_s=0.0)  # all that the middleware keeps: a listener may come from elsewhere
        self._kept: deque[Told] = deque(maxlen=MAX_KEPT)
        self._listeners: set[Listener] = set()
        self._current = asyncio.Event()
        line.add(self)

    async def current(self) -> None:
        """Wait until all that is kept has come. Raises Unreachable where it does not."""
        try:
            async with asyncio.timeout(FIRST_S):
                await self._current.wait()
        except TimeoutError:
            raise Unreachable(nobody_answers(self._line.where, self._line.reason)) from None

    def listen(self, wants: Callable[[ClusterEvent], bool], after: EventId | None) -> Listener:
        """Return a listener that is told what happens from now on, or behind the event `after`."""
        listener = Listener(wants)
        if after is not None:
            for told in self._behind(after):
                listener.push(told)
        self._listeners.add(listener)
        return listener

    @property
    def place(self) -> EventId | None:
        """The position in the journal of a listener that has been told everything; None while events are missed whose
        results are not told yet."""
        return None if self._brain.has_gap else self._brain.position

    def is_over(self, job: str) -> bool:
        """Return whether all listeners were told that a job is over."""
        return self._brain.state_of(job) in FINAL_STATES

    def has_ended(self, job: str, after: EventId) -> bool:
        """Return whether a job is over, and a listener that has the event `after` was told all of it: no event of this
        job, and no gap, comes behind `after`."""
        return self.is_over(job) and all(
            told.event.kind != ListenerKind.MISSED and told.event.job != job for told in self._behind(after)
        )

    def leave(self, listener: Listener) -> None:
        """Tell a listener nothing more."""
        self._listeners.discard(listener)

    # ── a part of the line ───────────────────────────────────────────────────────────────────────────────────────

    def welcomed(self) -> None:
        """Ask for what has happened since the last event."""
        self._line.send(self._brain.request())

    def take(self, message: Message) -> None:
        """Tell all listeners of what a message brings."""
        self._tell(self._brain.take(message, _now()))
        if isinstance(message, Snapshot) and message.last:
            self._current.set()

    def lost(self, reason: str) -> None:
        """Tell all listeners that nothing is heard for the moment."""
        self._tell(self._brain.lost(f"the middleware is away: {reason}", _now()))

    def _tell(self, events: list[ClusterEvent]) -> None:
        for event in events:
            told = Told(event, json.dumps(event.to_json(), ensure_ascii=False), event.id or self._brain.position)
            if event.kind not in PASSING:
                self._kept.append(told)
            for listener in self._listeners:
                listener.push(told)

    def _behind(self, after: EventId) -> Iterator[Told]:
        """Yield the events that are kept behind an event. If some between are not kept any more, first yield an event
        that says so."""
        kept = list(self._kept)
        begin = 0  # the place in `kept` behind the last event that a listener at `after` has been told
        for index, told in enumerate(kept, 1):
            place = told.place
            if place is not None and place.journal == after.journal and place.number <= after.number:
                begin = index
        if not begin and not self._is_begun_behind(after, kept):
            yield missed(f"what happened behind event {after} is not kept any more", None)
        yield from kept[begin:]

    def _is_begun_behind(self, after: EventId, kept: list[Told]) -> bool:
        """Return True if everything that happened in an event's journal is kept here. The feed asked the middleware for
        all of it, and what that had no longer is kept as an event of its own that says so; so nothing is missing as
        long as nothing was pushed out."""
        position = self._brain.position
        is_same = position is not None and position.journal == after.journal
        return is_same and len(kept) < MAX_KEPT


def missed(text: str, count: int | None) -> Told:
    """Return what a listener is told that has missed something."""
    event = ClusterEvent(kind=ListenerKind.MISSED, text=text, unix_s=_now(), count=count)
    return Told(event, json.dumps(event.to_json(), ensure_ascii=False))


def _now() -> float:
    return time.time()  # noqa: TID251 - events are told by the time of day
