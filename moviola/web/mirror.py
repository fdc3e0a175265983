"""What a user may see of the cluster, kept current over one connection that all requests share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from moviola.base.vocabulary import EventKind, Topic
from moviola.session.cluster_view import ClusterView
from moviola.session.redial import redial
from moviola.session.target import Target, hello, nobody_answers
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.errors import Unreachable
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.messages import Error, Event, Job, Watch, Welcome

log = logging.getLogger("web")

TOPICS: Final = (Topic.JOBS, Topic.WORKERS, Topic.FILTERS)

RESYNC_S: Final = 10.0
"""How often all records are asked for anew: that a job was forgotten is told by no message."""

FIRST_S: Final = 5.0
"""How long a request waits for the first records: a middleware that restarts is back by then."""


class Mirror:
    """One user's view of the cluster.

    Args:
        target: the cluster, and the user whose view it is.
        memory: shared by all connections of the process.
    """

    def __init__(self, target: Target, memory: ReceiveMemory) -> None:
        self.view = ClusterView()
        self.is_connected = False
        self.reason = "it has not been called yet"  # why it is not connected
        self.listeners: set[Callable[[Job], None]] = set()  # each is given every record of a job that comes
        self._target = target
        self._links = AsyncioLinks(self._take, target.secret, memory)
        self._link = 0
        self._fresh: ClusterView | None = None  # what has come since all records were asked for
        self._backoff = redial(float("inf"))
        self._current = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._dial()

    async def current(self) -> ClusterView:
        """Return the view, which is whole. A middleware that is away is waited for a little; Unreachable follows."""
        try:
            async with asyncio.timeout(FIRST_S):
                await self._current.wait()
        except TimeoutError:
            raise Unreachable(nobody_answers(self._target.address, self.reason)) from None
        return self.view

    def learn(self, job: Job) -> None:
        """Take a job into the view at once, which was just submitted."""
        for view in (self.view, self._fresh):
            if view is not None:
                view.jobs.setdefault(job.job, job)

    def forget(self, job: str) -> None:
        """Take a job out of the view, which the cluster has forgotten."""
        for view in (self.view, self._fresh):
            if view is not None:
                view.jobs.pop(job, None)

    def close(self) -> None:
        """End the connection."""
        self.listeners.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._links.shut()

    # ── the connection ───────────────────────────────────────────────────────────────────────────────────────────

    def _dial(self) -> None:
        self._link = self._links.dial([self._target.address], hello(self._target.user), self._target.family)

    def _ask(self) -> None:
        """Ask for all records."""
        self._fresh = ClusterView()
        self._links.send(self._link, Watch(topics=[*TOPICS]))

    def _ask_again(self) -> None:
        """Ask anew, or call anew where the last answer is still to come: whoever owes it may be gone."""
        if self._fresh is None:
            self._ask()
            self._set_timer(RESYNC_S, self._ask_again)
        else:
            self._links.close(self._link)
            self._lost("it does not answer")

    def _take(self, event: NetworkEvent) -> None:
        match event:
            case Received(message=Welcome()):
                self.is_connected, self.reason = True, ""
                self._ask()
                self._set_timer(RESYNC_S, self._ask_again)
            case Received(message=Event(kind=EventKind.CURRENT)) if self._fresh is not None:
                self.view, self._fresh = self._fresh, None
                self.view.is_current = True
                self._backoff.worked()
                self._current.set()
            case Received(message=Error() as error):
                log.warning("the middleware says: %s", error.text)
            case Received(message=message):
                self.view.take(message)
                if self._fresh is not None:
                    self._fresh.take(message)
                if isinstance(message, Job):
                    for listener in list(self.listeners):
                        listener(message)
            case Lost(reason=reason):
                self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self.is_connected:
            log.warning("the middleware at %s is away: %s", self._target.address, reason)
        self.is_connected, self.reason, self._fresh = False, reason, None
        self._current.clear()
        now = asyncio.get_running_loop().time()
        self._backoff.failed(now)
        assert self._backoff.due_at is not None
        self._set_timer(self._backoff.due_at - now, self._dial)

    def _set_timer(self, delay_s: float, due: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, due)


class Mirrors:
    """A mirror for each user who has asked. The middleware shows each what it may see.

    There are no more than users, whose number whoever tells them apart bounds.
    """

    def __init__(self, target: Target, memory: ReceiveMemory) -> None:
        self._target, self._memory = target, memory
        self._mirrors: dict[str, Mirror] = {}

    def of(self, user: str) -> Mirror:
        """Return the mirror of a user, as the middleware knows that."""
        if user not in self._mirrors:
            target = Target(self._target.address, self._target.family, self._target.secret, user)
            self._mirrors[user] = Mirror(target, self._memory)
        return self._mirrors[user]

    def close(self) -> None:
        """End all connections."""
        for mirror in self._mirrors.values():
            mirror.close()
        self._mirrors.clear()
