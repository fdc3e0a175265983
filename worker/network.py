"""The network thread of a child: carries out what the session commands, and tells it what happens."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Final

import psutil

from moviola.wire import events as wire
from moviola.wire.events import ConnectionId, Readable
from moviola.wire.loop import Loop
from moviola.wire.messages import Beat, HandOn, Result, Welcome

from .compute import Computer
from .events import (
    EXIT_ORPHANED,
    MIDDLEWARE,
    Abandon,
    Command,
    Compute,
    Damaged,
    Dial,
    Event,
    Exit,
    HangUp,
    Log,
    Lost,
    Opened,
    Progressed,
    Send,
    ServerId,
    ServerMessage,
    Tick,
    Unsent,
)
from .session import Session
from .shared_status import Note, Stage

SIGN_OF_LIFE_S: Final = 5.0
"""The loop turns at least this often, so that the parent can tell a process that rests from one that hangs."""

FAREWELL_LIMIT_S: Final = 2.0
"""How long the last messages may take to leave."""


class Network:
    """Owns the loop and the session of one process.

    Args:
        lifeline: a file descriptor that reads as ended when the parent is gone.
    """

    def __init__(
        self,
        session: Session,
        loop: Loop,
        note: Note,
        lifeline: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._loop, self._note, self._lifeline, self._clock = session, loop, note, lifeline, clock
        self._log = logging.getLogger(session.identity.name)
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        self._connections: dict[ServerId, ConnectionId] = {}
        self._peers: dict[ConnectionId, ServerId] = {}
        self._process = psutil.Process()
        self._exit_status: int | None = None
        self._computer: Computer | None = None

    def report(self, event: Event) -> None:
        """Gives the session an event; for other threads and for signal handlers. Never blocks."""
        self._inbox.put(event)
        self._loop.wake()

    def run(self, computer: Computer) -> int:
        """Run the loop until the session ends or the parent is gone, and return the exit status."""
        self._computer = computer
        self._process.cpu_percent()  # the first figure is of the time since this call
        self._loop.watch(self._lifeline)
        self._note.stage = Stage.RUNNING
        while self._exit_status is None:
            for network_event in self._loop.turn(self._deadline()):
                self._happened(network_event)
            self._tell_compute_news()
            self._handle(Tick())
            self._note.turned()
            self._note.is_dismissed = self._session.is_dismissed  # before the cluster is told
            self._loop.flush()
        self._say_farewell()
        return self._exit_status

    def _deadline(self) -> float:
        sign = self._clock() + SIGN_OF_LIFE_S
        wanted = self._session.next_deadline()
        return sign if wanted is None else min(sign, wanted)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _happened(self, event: wire.NetworkEvent) -> None:
        if isinstance(event, Readable):
            if not os.read(self._lifeline, 4096):
                self._log.warning("the parent process is gone: this worker ends")
                self._exit_status = EXIT_ORPHANED
            return
        peer = self._peers.get(event.connection)
        if peer is None:
            return  # of a connection that the session has given up
        if isinstance(event, wire.Lost):
            self._forget(peer)
            self._handle(Lost(peer, event.reason, event.error.code if event.error else ""))
        elif isinstance(event, wire.Unsent):
            self._log.error("%s", event.reason)
            if isinstance(event.message, Result | HandOn):
                self._handle(Unsent(event.message.lease, event.reason))
        elif isinstance(event, wire.Damaged):
            self._handle(Damaged(peer, event.message))
        elif isinstance(event.message, Welcome):
            if peer == MIDDLEWARE:
                self._note.stage = Stage.WELCOMED
            self._handle(Opened(peer, event.message))
        else:
            self._log.debug("< %s %s", peer or "middleware", event.message)
            self._handle(ServerMessage(peer, event.message, event.payload))

    def _tell_compute_news(self) -> None:
        """Tell the session how far the compute thread is, and what it and others have reported. Progress is looked up
        once a turn, so that the compute thread need not wake this one at each frame."""
        assert self._computer is not None
        progress = self._computer.progress
        if progress is not None and progress.lease == self._session.computation.lease:
            self._handle(Progressed(progress.lease, progress.frames, progress.steps))
        try:
            while True:
                self._handle(self._inbox.get_nowait())
        except Empty:
            pass

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _handle(self, event: Event) -> None:
        for command in self._session.handle(event, self._clock()):
            self._execute(command)

    def _execute(self, command: Command) -> None:
        assert self._computer is not None
        match command:
            case Compute(task, payload, assets):
                self._computer.start(task, payload, assets)
            case Send(peer, Beat() as beat):
                self._loop.send(self._connections[peer], self._with_figures(beat))
            case Send(peer, message, payload):
                self._log.debug("> %s %s", peer or "middleware", message)
                self._loop.send(self._connections[peer], message, payload)
            case Dial(peer, addresses, hello):
                self._connections[peer] = connection = self._loop.dial(addresses, hello)
                self._peers[connection] = peer
            case HangUp(peer):
                self._loop.close(self._forget(peer))
            case Abandon(lease):
                self._computer.abandon(lease)
            case Log(text):
                self._log.info("%s", text)
            case Exit(status):
                self._exit_status = status

    def _with_figures(self, beat: Beat) -> Beat:
        return replace(beat, cpu_percent=self._process.cpu_percent(), memory_bytes=self._process.memory_info().rss)

    def _forget(self, peer: ServerId) -> ConnectionId:
        connection = self._connections.pop(peer)
        del self._peers[connection]
        return connection

    def _say_farewell(self) -> None:
        """Lets what was queued leave, within a limit."""
        if self._exit_status == EXIT_ORPHANED:
            return
        connections = list(self._connections.values())
        for connection in connections:
            self._loop.close(connection)
        self._loop.flush()
        deadline = self._clock() + FAREWELL_LIMIT_S
        while any(map(self._loop.backlog, connections)) and self._clock() < deadline:
            self._loop.turn(deadline)
