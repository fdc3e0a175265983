"""What a user may see of the cluster, kept current over one connection that all requests share."""

from __future__ import annotations

import asyncio
from typing import Final

from moviola.base.vocabulary import EventKind, Notice, Topic
from moviola.session.cluster_view import ClusterView
from moviola.session.target import Target, nobody_answers
from moviola.web.feed import Feed
from moviola.web.line import Line
from moviola.wire.asyncio_links import ReceiveMemory
from moviola.wire.errors import Unreachable
from moviola.wire.messages import Event, Events, Job, Message, Watch

TOPICS: Final = (Topic.JOBS, Topic.WORKERS, Topic.FILTERS)

RESYNC_S: Final = 10.0
"""How often all records are asked for anew: no record tells that a job was forgotten, only an event, and events may be
missed."""

FIRST_S: Final = 5.0
"""How long a request waits for the first records: a middleware that restarts is back by then."""


class Mirror:
    """One user's view of the cluster.

    Args:
        line: over which it is asked.
    """

    def __init__(self, line: Line) -> None:
        self.view = ClusterView()
        self._line = line
        self._fresh: ClusterView | None = None  # what has come since all records were asked for
        self._current = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        line.add(self)

    @property
    def is_current(self) -> bool:
        """True while the middleware tells of every change."""
        return self._current.is_set()

    async def current(self, patience_s: float = FIRST_S) -> ClusterView:
        """Return the view, which is whole. Raises Unreachable where the middleware is away for longer than `patience_s`
        (seconds)."""
        try:
            async with asyncio.timeout(patience_s):
                await self._current.wait()
        except TimeoutError:
            raise Unreachable(nobody_answers(self._line.where, self._line.reason)) from None
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
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()

    # ── a part of the line ───────────────────────────────────────────────────────────────────────────────────────

    def welcomed(self) -> None:
        """Ask for all records."""
        self._ask()

    def take(self, message: Message) -> None:
        """Take a record; or events, which come where somebody listens to the feed of the same line."""
        if isinstance(message, Event) and message.kind == Notice.CURRENT:
            if self._fresh is not None:
                self.view, self._fresh = self._fresh, None
                self.view.is_current = True
                self._line.worked()
                self._current.set()
            return
        if isinstance(message, Events):
            for event in message.events:
                if event.kind == EventKind.JOB_FORGOTTEN:
                    self.forget(event.job)
        self.view.take(message)
        if self._fresh is not None:
            self._fresh.take(message)

    def lost(self, reason: str) -> None:
        """Nothing is current any more."""
        self._fresh = None
        self._current.clear()
        self.close()

    def _ask(self) -> None:
        self._fresh = ClusterView()
        self._line.send(Watch(topics=[*TOPICS]))
        self.close()
        self._timer = asyncio.get_running_loop().call_later(RESYNC_S, self._ask_again)

    def _ask_again(self) -> None:
        """Ask for all records again. If the last answer has not come, dial again: the middleware may be gone."""
        if self._fresh is None:
            self._ask()
        else:
            self._line.hang_up("it does not answer")


class Views:
    """One user's connection: what is there, and what happens."""

    def __init__(self, target: Target, memory: ReceiveMemory) -> None:
        self.line = Line(target, memory)
        self.mirror = Mirror(self.line)
        self._feed: Feed | None = None

    @property
    def feed(self) -> Feed:
        """What happens; nothing is asked of it before somebody wants to know."""
        if self._feed is None:
            self._feed = Feed(self.line)
        return self._feed

    def close(self) -> None:
        """End the connection."""
        self.mirror.close()
        self.line.close()


class Mirrors:
    """The views of each user who has asked. The middleware shows each user what that user may see.

    There is at most one a user, and the gateway's `Access` bounds how many users there are.
    """

    def __init__(self, target: Target, memory: ReceiveMemory) -> None:
        self._target, self._memory = target, memory
        self._views: dict[str, Views] = {}

    def of(self, user: str) -> Mirror:
        """Return what a user may see, as the middleware knows that user."""
        return self._views_of(user).mirror

    def feed_of(self, user: str) -> Feed:
        """Return what happens that a user may know of."""
        return self._views_of(user).feed

    def close(self) -> None:
        """End all connections."""
        for views in self._views.values():
            views.close()
        self._views.clear()

    def _views_of(self, user: str) -> Views:
        if user not in self._views:
            target = Target(self._target.address, self._target.family, self._target.secret, user)
            self._views[user] = Views(target, self._memory)
        return self._views[user]
