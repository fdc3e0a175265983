"""A cluster whose records are asked for again and again, for as long as somebody looks on."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Final

from moviola.session.cluster_view import ClusterView
from moviola.session.target import Target, hello, nobody_answers
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import ConnectionId, Lost, NetworkEvent, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import Error, Watch, Welcome

INTERVAL_S: Final = 1.0
"""Between two questions."""


class Following:
    """Asks for all records anew each time: what the middleware has forgotten is told by no message. A middleware that
    goes away is called again until it is back.

    Attributes:
        loop: on which the connection is; others may watch their own descriptors on it.
        view: the newest whole view; None before the first.
        seen_at (s): when that was complete, on the monotonic clock.
        away: why there is no middleware, in a few words; empty while one is connected.
        is_paused: nothing is asked for.
    """

    def __init__(
        self, target: Target, topics: Sequence[str], interval_s: float = INTERVAL_S, limit: int | None = None
    ) -> None:
        self.loop = Loop("client", secret=target.secret)
        self.view: ClusterView | None = None
        self.seen_at = time.monotonic()
        self.away = ""
        self.is_paused = False
        self._target, self._interval_s = target, interval_s
        self._request = Watch(topics=list(topics), limit=limit)
        self._link: ConnectionId | None = None
        self._coming: ClusterView | None = None  # asked for, and not complete
        self._is_welcome = False
        self._due = float("-inf")  # when to dial, or to ask

    def turn(self, deadline: float) -> list[NetworkEvent]:
        """Wait for what comes, until the deadline at the longest, and take it. Return events of others' descriptors.

        Raises:
            Refused: the middleware says no.
        """
        now = time.monotonic()
        if self._link is None and now >= self._due:
            self._dial()
        elif self._may_ask and now >= self._due:
            self._ask(now)
        waits = self._link is None or self._may_ask
        others = [one for one in self.loop.turn(min(deadline, self._due) if waits else deadline) if not self._take(one)]
        self.loop.flush()
        return others

    def close(self) -> None:
        """Hang up."""
        self.loop.shut()

    def unreachable(self) -> Unreachable:
        """Return the error of a middleware that is away."""
        return Unreachable(nobody_answers(self._target.address, self.away))

    @property
    def _may_ask(self) -> bool:
        return self._is_welcome and self._coming is None and not self.is_paused

    def _dial(self) -> None:
        self._link = self.loop.dial([self._target.address], hello(self._target.user), self._target.family)
        self._is_welcome = False

    def _ask(self, now: float) -> None:
        assert self._link is not None
        self.loop.send(self._link, self._request)
        self._coming, self._due = ClusterView(), now + self._interval_s

    def _take(self, event: NetworkEvent) -> bool:
        """Take an event of the connection; False for one that is another's."""
        match event:
            case Received(message=Welcome()):
                self._is_welcome, self.away, self._due = True, "", float("-inf")
            case Received(message=Error() as error):
                raise Refused(error.code, error.text)
            case Received(message=message):
                if self._coming is not None:
                    self._coming.take(message)
                    if self._coming.is_current:
                        self.view, self.seen_at, self._coming = self._coming, time.monotonic(), None
            case Lost(connection=connection, reason=reason, error=error) if connection == self._link:
                if error is not None and not self._is_welcome:
                    raise Refused(error.code, error.text)
                self.away = reason
                self._link, self._coming, self._is_welcome = None, None, False
                self._due = time.monotonic() + self._interval_s
            case _:
                return False
        return True


def follow(
    target: Target, topics: Sequence[str], interval_s: float
) -> Generator[ClusterView | Unreachable, None, None]:
    """Yield the current view every `interval_s` seconds for ever; while no middleware answers, why.

    Raises Refused where the middleware says no.
    """
    following = Following(target, topics, interval_s)
    shown: ClusterView | None = None
    told_away_at = float("-inf")
    try:
        while True:
            following.turn(time.monotonic() + interval_s)
            if following.away and time.monotonic() >= told_away_at + interval_s:
                told_away_at = time.monotonic()
                yield following.unreachable()
            elif following.view is not None and following.view is not shown:
                shown = following.view
                yield shown
    finally:
        following.close()
