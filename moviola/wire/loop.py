"""The loop that owns all sockets of a program: it accepts, dials, reads, writes, and waits until the next deadline.

A program's shell is eight lines around it:

    while not stopping:
        for event in loop.turn(brain.next_deadline()):
            execute(brain.handle(event, clock()))
        execute(brain.tick(clock()))
        ledger.commit()
        loop.flush()

Messages that are sent in a turn leave with `flush`, so the ledger's commit comes first, and every connection is written
once a turn.

What is decided is decided elsewhere, without a socket: endpoint.py whether a connection is read and when it ends,
outbox.py what leaves next, dialling.py which address comes next, admission.py who is accepted. This file asks them, and
calls the system.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from moviola.wire import descriptors, limits
from moviola.wire.addresses import Address
from moviola.wire.admission import Admission
from moviola.wire.budget import Account, Budget
from moviola.wire.connection import Connection
from moviola.wire.dialling import Candidate, Dialling
from moviola.wire.endpoint import Endpoint, EndpointState, Share
from moviola.wire.events import ConnectionId, NetworkEvent, Readable, Received
from moviola.wire.framing import Buffer
from moviola.wire.messages import Hello, Message
from moviola.wire.outbox import FileSlice
from moviola.wire.sockets import Waker, connecting, listen, peer_host, read, resolve, tune, write
from moviola.wire.timers import Timers

IDLE_WAIT_S: Final = 60.0
"""The longest wait of a turn in seconds, so that a lost wake-up cannot block the loop for ever."""


@dataclass(slots=True, eq=False)
class _Link:
    """An endpoint and its socket."""

    id: ConnectionId
    end: Endpoint
    dialling: Dialling
    family: socket.AddressFamily  # to which names are looked up
    sock: socket.socket | None = None
    host: str = ""
    mask: int = 0  # what the selector watches
    deadline: float | None = None  # what the timers have


class Loop:
    """All sockets of a program.

    Args:
        role: the program's role, as the Greeting of accepted connections says it.
        secret: the cluster's secret; empty if there is none.
        clock: returns monotonic seconds; tests pass their own.
    """

    def __init__(self, role: str, *, secret: bytes = b"", clock: Callable[[], float] = time.monotonic) -> None:
        self._role, self._secret, self._clock = role, secret, clock
        self._selector = selectors.DefaultSelector()
        self._links: dict[ConnectionId, _Link] = {}
        self._next_id = 1
        self._dirty: dict[ConnectionId, _Link] = {}  # have something to write that was not tried yet
        self._writing: dict[ConnectionId, _Link] = {}  # had something left to write when that was tried last
        self._unread: dict[ConnectionId, _Link] = {}  # have more to say than fitted in a turn
        self._without_memory: dict[Account, _Link] = {}
        self._arriving: set[ConnectionId] = set()
        self._timers: Timers[ConnectionId] = Timers()
        self._budget = Budget()
        self._scratch = bytearray(limits.RECEIVE_BUFFER)
        self._pending: list[NetworkEvent] = []
        self._listeners: list[socket.socket] = []
        self._admission = Admission(descriptors.for_connections(), descriptors.share(limits.MAX_HANDSHAKES))
        self._is_accepting = True
        self._waker = Waker()
        self._selector.register(self._waker.reader, selectors.EVENT_READ, self._drain_waker)
        self.has_read_only = False  # the last turn: nobody took what had waited for it, and nobody woke the loop

    # ── what a shell calls ───────────────────────────────────────────────────────────────────────────────────────

    def listen(self, bind: str, port: int) -> int:
        """Accept connections from now on; return the port.

        Args:
            bind: where to listen, as for `moviola.wire.sockets.listen`.
            port: the TCP port; 0 for a free one.

        Raises:
            OSError: the port is taken, or the address does not belong to this machine.
        """
        for sock in listen(bind, port):
            self._listeners.append(sock)
            if self._is_accepting:
                self._register(sock)
        return int(self._listeners[-1].getsockname()[1])

    def dial(
        self, addresses: Iterable[Address], hello: Hello, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> ConnectionId:
        """Start to connect to the first of several addresses that answers; return the connection's id.

        When the handshake is done, its Welcome comes as Received; a failure comes as Lost.

        Args:
            addresses: tried one after the other.
            hello: the Hello to send.
            family: AF_INET or AF_INET6 to use only that family.
        """
        link = self._new_link(Dialling(addresses), family, hello)
        self._dial_next(link)
        return link.id

    def send(
        self,
        connection: ConnectionId,
        message: Message,
        payload: Buffer | FileSlice = b"",
        xxh3: int | None = None,
    ) -> None:
        """Queue a message; `flush` sends it.

        On a connection that is gone this does nothing: its Lost event is on the way. A message that breaks its schema
        or a limit comes back as Unsent.

        Args:
            connection: where to send it.
            message: the message.
            payload: its payload.
            xxh3: the payload's checksum; required for a FileSlice, computed for other payloads if it is missing.
        """
        link = self._links.get(connection)
        if link is None:
            if isinstance(payload, FileSlice):
                payload.release()
            return
        link.end.send(message, payload, xxh3)
        self._dirty[connection] = link

    def close(self, connection: ConnectionId, code: str = "", text: str = "", job: str = "") -> None:
        """Close a connection once everything queued for it was sent. No Lost event follows.

        Args:
            connection: which one; nothing happens if it is gone.
            code: if not empty, an Error with this code is sent last.
            text: the Error's reason, for people.
            job: the id of the job whose message was refused, for the Error.
        """
        link = self._links.get(connection)
        if link is not None:
            link.end.close(self._clock(), code, text, job)
            self._touched(link, self._clock())

    def backlog(self, connection: ConnectionId) -> int:
        """Return how many bytes are queued for a connection and not sent yet."""
        link = self._links.get(connection)
        return link.end.outbox.size if link else 0

    def behind(self, size: int) -> frozenset[ConnectionId]:
        """Return the connections with a backlog of more than `size` bytes."""
        return frozenset(link.id for link in self._writing.values() if link.end.outbox.size > size)

    def peer_host(self, connection: ConnectionId) -> str:
        """Return the IP address of the other side; "" if the connection is gone."""
        link = self._links.get(connection)
        return link.host if link else ""

    def watch(self, fd: int) -> None:
        """Report Readable(fd) in every turn in which the file descriptor `fd` can be read, until `unwatch`."""
        self._selector.register(fd, selectors.EVENT_READ, lambda: self._pending.append(Readable(fd)))

    def unwatch(self, fd: int) -> None:
        """Stop watching a file descriptor. Raises KeyError if it is not watched."""
        self._selector.unregister(fd)

    def wake(self) -> None:
        """End the wait of the current turn; nothing after `shut`. Only this may be called by other threads and signal
        handlers."""
        self._waker.wake()

    def holds(self, event: NetworkEvent) -> bool:
        """Return True if the program should not handle a message yet, because its sender has not read enough answers.

        The loop keeps the message and reports it again later. This bounds the memory for answers to a peer that asks
        for much in one turn.
        """
        link = self._links.get(event.connection) if isinstance(event, Received) else None
        return link is not None and isinstance(event, Received) and link.end.hold(event)

    @property
    def arriving(self) -> frozenset[ConnectionId]:
        """Return the connections on which a part of a message came in the last turn, but not its end: a sign of
        life."""
        return frozenset(self._arriving)

    def turn(self, deadline: float | None = None) -> list[NetworkEvent]:
        """Wait until something happens or a deadline comes; return all events.

        Args:
            deadline: when to return at the latest, by the loop's clock; None for no deadline.
        """
        timeout = 0.0 if self._pending or self._unread else self._timeout(deadline)
        self._arriving.clear()
        self.has_read_only = True
        ready, self._unread = self._unread, {}
        for key, mask in self._selector.select(timeout):
            if not isinstance(key.data, _Link):
                key.data()
            elif self._is_readable(key.data, mask):
                ready[key.data.id] = key.data
        self._read_all(ready)
        self._expire(self._clock())
        events = self._pending.copy()
        self._pending.clear()
        return events

    def flush(self) -> None:
        """Send what was queued, as far as the sockets take it."""
        dirty, self._dirty = self._dirty, {}
        for link in dirty.values():
            if link.end.state is not EndpointState.DIALLING:
                self._write(link)

    def shut(self) -> None:
        """Close all sockets at once, without sending what is queued; also where Ctrl-C has just interrupted a turn."""
        for link in list(self._links.values()):
            link.mask = 0  # the selector is closed as a whole: a turn may have ended between its change and the mask's
            self._drop(link)
        for sock in self._listeners:
            sock.close()
        self._waker.close()
        self._selector.close()

    # ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────

    def _register(self, listener: socket.socket) -> None:
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(limits.ACCEPTS_PER_TURN):
            if not self._admission.has_place(len(self._links), self._clock()):
                break
            try:
                sock, _ = listener.accept()
            except OSError as error:  # none waiting, it went away again, or there is no room for it
                if error.errno in descriptors.OUT_OF_ROOM:
                    self._admission.pause(self._clock() + limits.ACCEPT_PAUSE_S)
                break
            self._admit(sock)
        self._listen_or_rest()

    def _admit(self, sock: socket.socket) -> None:
        displaced = self._admission.displaced(len(self._links))
        if displaced is not None:
            self._drop(self._links[displaced])
        link = self._new_link(Dialling(()), socket.AF_UNSPEC)
        self._adopt(link, sock)
        self._admission.handshakes.begin(link.id, link.host, self._clock())
        while (surplus := self._admission.surplus(link.host, self._clock())) is not None:
            self._drop(self._links[surplus])

    def _listen_or_rest(self) -> None:
        """Have the selector watch the listening sockets, or not while accepting pauses."""
        is_accepting = self._admission.paused_until is None
        if is_accepting != self._is_accepting:
            self._is_accepting = is_accepting
            for listener in self._listeners:
                if is_accepting:
                    self._register(listener)
                else:
                    self._selector.unregister(listener)

    # ── dialling ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _dial_next(self, link: _Link) -> None:
        """Connect to the next address that can be tried. To look up its name may block the loop for seconds."""
        self._forget_socket(link)
        while (step := link.dialling.next()) is not None:
            try:
                if isinstance(step, Candidate):
                    return self._connect(link, step)
                link.dialling.resolved(resolve(step, link.family))
            except OSError as error:
                self._forget_socket(link)
                link.dialling.failed(error.strerror or str(error))
        link.end.lose(link.dialling.reason)
        return self._apply(link, self._clock())

    def _connect(self, link: _Link, candidate: Candidate) -> None:
        """Begin to connect. Raises OSError if that has failed at once."""
        link.sock = connecting(candidate)
        link.end.dialling(self._clock())
        self._apply(link, self._clock())

    def _connected(self, link: _Link) -> None:
        assert link.sock is not None
        code = link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            link.dialling.failed(os.strerror(code))
            return self._dial_next(link)
        link.end.connected(self._clock())
        return self._adopt(link, link.sock)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_readable(self, link: _Link, mask: int) -> bool:
        """Write what can be written; return True if there is something to read."""
        if link.sock is None:
            return False  # it was dropped in this turn, for one that was accepted
        if link.end.state is EndpointState.DIALLING:
            self._connected(link)
            return False
        if mask & selectors.EVENT_WRITE:
            self._write(link)
            self.has_read_only = False
        return bool(mask & selectors.EVENT_READ)

    def _read_all(self, ready: dict[ConnectionId, _Link]) -> None:
        """Read from each connection its share of what one turn of the loop may read."""
        share = Share.of(len(ready))
        for link in ready.values():
            if link.end.is_reading:
                self._read(link, share)
        for account in self._budget.resumed():
            link = self._without_memory.pop(account)
            link.end.waits_for_memory = False
            self._apply(link, self._clock())

    def _read(self, link: _Link, share: Share) -> None:
        assert link.sock is not None
        now = self._clock()
        try:
            read(link.sock, link.end, share, now)
        except OSError as error:
            link.end.lose(error.strerror or str(error))
        if link.end.is_amid_message:
            self._arriving.add(link.id)
        self._touched(link, now)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, link: _Link) -> None:
        assert link.sock is not None
        try:
            write(link.sock, link.end.outbox)
        except OSError as error:
            link.end.lose(error.strerror or str(error))
        link.end.written()
        was_writing = self._writing.pop(link.id, None) is not None
        if link.end.outbox:
            self._writing[link.id] = link
        elif link.end.is_reading and not was_writing:
            return  # as before: it is read, and has nothing left to write
        self._apply(link, self._clock())

    # ── links ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _new_link(self, dialling: Dialling, family: socket.AddressFamily, hello: Hello | None = None) -> _Link:
        protocol = Connection(
            role=self._role, hello=hello, secret=self._secret, scratch=self._scratch, budget=self._budget
        )
        end = Endpoint(self._next_id, protocol, self._budget, self._pending.append, self._clock())
        link = self._links[end.id] = _Link(end.id, end, dialling, family)
        self._next_id += 1
        return link

    def _adopt(self, link: _Link, sock: socket.socket) -> None:
        sock.setblocking(False)
        tune(sock)
        link.sock = sock
        try:
            link.host = peer_host(sock)
        except OSError:
            link.host = ""  # it is gone already; reading will tell
        self._touched(link, self._clock())

    def _touched(self, link: _Link, now: float) -> None:
        """Do what an endpoint has decided; `flush` writes what there is to write, unless the selector says when."""
        if link.id not in self._writing and (link.end.outbox or link.end.state is EndpointState.CLOSING):
            self._dirty[link.id] = link
        self._apply(link, now)

    def _apply(self, link: _Link, now: float) -> None:
        """Bring the selector, the timers and the loop's own lists in line with what an endpoint has decided."""
        end = link.end
        end.settle(now)
        mask = selectors.EVENT_WRITE if link.id in self._writing else 0
        if end.is_reading:
            mask |= selectors.EVENT_READ
            if end.has_unparsed:
                self._unread[link.id] = link  # no select would tell
        else:
            if end.state is EndpointState.CLOSED:
                return self._drop(link)
            if end.state is EndpointState.DIALLING:
                mask = selectors.EVENT_WRITE
            elif end.waits_for_memory:
                self._without_memory[end.account] = link
        if mask != link.mask:
            self._set_mask(link, mask)
        if end.deadline != link.deadline:
            link.deadline = end.deadline
            self._timers.set(link.id, link.deadline)
            if end.is_handshaken:  # which gave it another deadline
                self._admission.handshakes.end(link.id)
        return None

    def _drop(self, link: _Link) -> None:
        link.end.end()
        self._forget_socket(link)
        for links in (self._links, self._dirty, self._writing, self._unread):
            links.pop(link.id, None)
        self._without_memory.pop(link.end.account, None)
        self._admission.handshakes.end(link.id)
        self._timers.set(link.id, None)

    def _forget_socket(self, link: _Link) -> None:
        if link.sock is not None:
            if link.mask:
                self._set_mask(link, 0)
            link.sock.close()
            link.sock = None

    def _set_mask(self, link: _Link, mask: int) -> None:
        assert link.sock is not None
        if not link.mask:
            self._selector.register(link.sock, mask, link)
        elif mask:
            self._selector.modify(link.sock, mask, link)
        else:
            self._selector.unregister(link.sock)
        link.mask = mask

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _timeout(self, deadline: float | None) -> float:
        deadlines = (deadline, self._timers.next(), self._admission.paused_until)
        first = min((one for one in deadlines if one is not None), default=None)
        return IDLE_WAIT_S if first is None else min(max(first - self._clock(), 0.0), IDLE_WAIT_S)

    def _expire(self, now: float) -> None:
        self._admission.resume(now)
        self._listen_or_rest()
        for link in [self._links[key] for key in self._timers.expired(now)]:
            link.deadline = None
            if link.end.state is EndpointState.DIALLING:
                self._dial_next(link)
            else:
                link.end.expired(now)
                self._touched(link, now)

    def _drain_waker(self) -> None:
        self._waker.drain()
        self.has_read_only = False
