"""A connection to the middleware that stays: lost, it is dialled again, for as long as the gateway lives."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from moviola.session.redial import redial
from moviola.session.target import Target, hello
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.messages import Error, Message, Welcome

log = logging.getLogger("web")


class Part(Protocol):
    """What asks over a line, and takes what comes."""

    def welcomed(self) -> None:
        """Called when the line has been opened, for the first time or again: ask for what is wanted."""

    def take(self, message: Message) -> None:
        """Take a message that came; it may be meant for another part."""

    def lost(self, reason: str) -> None:
        """Called when the line was lost, or could not be opened. The line dials again by itself."""


class Line:
    """One user's connection to the middleware, over which several parts ask.

    Args:
        target: the cluster, and the user.
        memory: shared by all connections of the process.
    """

    def __init__(self, target: Target, memory: ReceiveMemory) -> None:
        self.is_open = False
        self.reason = "it has not been called yet"  # why it is not open
        self._target = target
        self._parts: list[Part] = []
        self._links = AsyncioLinks(self._take, target.secret, memory)
        self._link = 0
        self._backoff = redial(float("inf"))
        self._timer: asyncio.TimerHandle | None = None
        self._dial()

    @property
    def where(self) -> str:
        """Where the middleware is, for people."""
        return str(self._target.address)

    def add(self, part: Part) -> None:
        """Let one more part ask over the line."""
        self._parts.append(part)
        if self.is_open:
            part.welcomed()

    def send(self, message: Message) -> None:
        """Send a message, if the line is open."""
        self._links.send(self._link, message)

    def worked(self) -> None:
        """Note that the middleware works: after the next loss the line is dialled again after the shortest delay."""
        self._backoff.worked()

    def hang_up(self, reason: str) -> None:
        """Give the connection up, and dial again."""
        self._links.close(self._link)
        self._lost(reason)

    def close(self) -> None:
        """End it for good."""
        if self._timer is not None:
            self._timer.cancel()
        self._parts.clear()
        self._links.shut()

    def _dial(self) -> None:
        self._link = self._links.dial([self._target.address], hello(self._target.user), self._target.family)

    def _take(self, event: NetworkEvent) -> None:
        match event:
            case Received(message=Welcome()):
                self.is_open, self.reason = True, ""
                for part in self._parts:
                    part.welcomed()
            case Received(message=message):
                if isinstance(message, Error):
                    log.warning("the middleware at %s says: %s", self.where, message.text)
                for part in self._parts:
                    part.take(message)
            case Lost(reason=reason):
                self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self.is_open:
            log.warning("the middleware at %s is away: %s", self.where, reason)
        self.is_open, self.reason = False, reason
        loop = asyncio.get_running_loop()
        self._backoff.failed(loop.time())
        assert self._backoff.due_at is not None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(self._backoff.due_at - loop.time(), self._dial)
        for part in self._parts:
            part.lost(reason)
