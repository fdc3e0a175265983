"""`Cluster.events`: what happens in a cluster, one thing after the other."""

from __future__ import annotations

import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from moviola.api.errors import Timeout, UsageError, translated
from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ClusterEvent, EventId
from moviola.session.event_feed import ENDED, EventFeed
from moviola.session.listening import Listener
from moviola.session.target import Target

__all__ = ["ClusterEvent", "EventStream"]

BEGIN_S = 10.0
"""How long a middleware that is there may take to begin a subscription."""


class EventStream:
    """Events, to be iterated over; ends with the end of its `with` block, with `close`, or with its one job."""

    def __init__(self, target: Target, feed: EventFeed, job: str, timeout: float | None) -> None:
        self._feed, self._job, self._timeout = feed, job, timeout
        self._listener = Listener(target, feed)
        self._found: list[ClusterEvent] = []
        self._is_closed = False
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Wait until the subscription holds: whatever is asked of the cluster from then on is told."""
        deadline = time.monotonic() + BEGIN_S
        with translated():
            while not self._feed.is_current:
                self._found += self._listener.turn(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline and not self._feed.is_current:
                    raise TimeoutError(f"the middleware has not answered in {BEGIN_S:.0f} s")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ClusterEvent:
        """Return the next event, once there is one.

        Raises:
            Timeout: there was none for as long as `timeout` says.
            Refused: the cluster says no.
        """
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while not self._found:
            if self._is_closed or (self._job and self._feed.state_of(self._job) in ENDED):
                self.close()
                raise StopIteration
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Timeout(f"nothing has happened for {self._timeout} s")
            with translated():
                self._found += self._listener.turn(left)
        return self._found.pop(0)

    def close(self) -> None:
        """End the subscription."""
        if not self._is_closed:
            self._is_closed = True
            self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stream(
    target: Target, job: str, kinds: Collection[str], after: str, since: float | None, timeout: float | None
) -> EventStream:
    """Return a stream of events, see `Cluster.events`. Raises UsageError, Unreachable, Refused, Timeout."""
    unknown = sorted(set(kinds) - set(EventKind))
    if unknown:
        raise UsageError(f"no kind of event is called {unknown[0]!r}; there are {', '.join(EventKind)}")
    try:
        last = EventId.parse(after) if after else None
    except ValueError as error:
        raise UsageError(f"after: {error}") from error
    feed = EventFeed(after=last, since_unix_s=since, job=job, kinds=[EventKind(one) for one in kinds])
    return EventStream(target, feed, job, timeout)
