"""Listening to a cluster's events over the wire, for as long as somebody wants to."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Final

from moviola.base.backoff import Backoff
from moviola.base.vocabulary import ErrorCode
from moviola.session.cluster_events import ClusterEvent
from moviola.session.event_feed import EventFeed
from moviola.session.redial import REDIAL_FIRST_S, REDIAL_LONGEST_S
from moviola.session.target import Target, hello, nobody_answers
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import Lost, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import Error, Welcome

AGAIN: Final = frozenset({ErrorCode.IDLE, ErrorCode.BUSY, ErrorCode.SILENT, ErrorCode.FAILED})
"""Refusals after which a listener that was connected before calls again: they do not last."""


class Listener:
    """A connection to the middleware over which a feed's events come. It is made again when it is lost.

    Args:
        target: the middleware.
        feed: knows where the listener stands.
        is_patient: a middleware that is away at the beginning is waited for, too.
    """

    def __init__(self, target: Target, feed: EventFeed, *, is_patient: bool = False) -> None:
        self._target, self._feed = target, feed
        self._loop = Loop("client", secret=target.secret)
        self._backoff = Backoff(REDIAL_FIRST_S, REDIAL_LONGEST_S, due_at=0.0)
        self._link: int | None = None
        self._was_connected = is_patient

    def turn(self, timeout_s: float | None = None) -> list[ClusterEvent]:
        """Wait for what happens, and return it; nothing where only time has passed, or something else came.

        Args:
            timeout_s: for so long at most; None: for ever.

        Raises:
            Refused: the middleware said no.
            Unreachable: no middleware answered the first call.
        """
        now = time.monotonic()
        if self._link is None and self._backoff.take(now):
            self._link = self._loop.dial([self._target.address], hello(self._target.user), self._target.family)
        deadlines = [] if timeout_s is None else [now + timeout_s]
        deadlines += [] if self._backoff.due_at is None else [self._backoff.due_at]
        found = []
        for event in self._loop.turn(min(deadlines, default=None)):
            match event:
                case Received(connection=connection, message=Welcome()) if connection == self._link:
                    self._was_connected = True
                    self._backoff.worked()
                    self._loop.send(connection, self._feed.request())
                case Received(connection=connection, message=Error() as error) if connection == self._link:
                    found += self._refused(error)
                case Received(connection=connection, message=message) if connection == self._link:
                    found += self._feed.take(message, _unix_s())
                case Lost(connection=connection, reason=reason, error=error) if connection == self._link:
                    found += self._lost(reason, error)
        self._loop.flush()
        return found

    def close(self) -> None:
        """End the connection."""
        self._loop.shut()

    def _refused(self, error: Error) -> list[ClusterEvent]:
        """The middleware refuses the subscription, and leaves the connection open."""
        if error.code not in AGAIN or self._feed.position is None:
            raise Refused(error.code, error.text)
        assert self._link is not None
        self._loop.close(self._link)
        return self._away(error.text)

    def _lost(self, reason: str, error: Error | None) -> list[ClusterEvent]:
        if error is not None and error.code not in AGAIN:
            raise Refused(error.code, error.text)
        if not self._was_connected:
            if error is not None:
                raise Refused(error.code, error.text)
            raise Unreachable(nobody_answers(self._target.address, reason))
        return self._away(reason)

    def _away(self, reason: str) -> list[ClusterEvent]:
        self._link = None
        self._backoff.failed(time.monotonic())
        text = f"nothing is heard of the middleware at {self._target.address} ({reason}); it is called again"
        return self._feed.lost(text, _unix_s())


def listen(target: Target, feed: EventFeed) -> Generator[ClusterEvent, None, None]:
    """Yield what happens in a cluster, for ever. Raises as Listener.turn does."""
    listener = Listener(target, feed)
    try:
        while True:
            yield from listener.turn()
    finally:
        listener.close()


def _unix_s() -> float:
    return time.time()  # noqa: TID251 - events are told by the time of day
