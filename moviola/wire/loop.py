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
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from moviola.base.vocabulary import ErrorCode
from moviola.wire import descriptors, limits
from moviola.wire.addresses import Address
from moviola.wire.admission import Admission
from moviola.wire.budget import Account, Budget
from moviola.wire.connection import Connection, Incoming, State
from moviola.wire.dialling import Candidate, Dialling
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.events import ConnectionId, Damaged, Lost, NetworkEvent, Readable, Received, Unsent
from moviola.wire.framing import Buffer, checksum
from moviola.wire.messages import CHECKS_WHAT_IS_SENT, Error, Hello, Message
from moviola.wire.outbox import FileSlice, Outbox
from moviola.wire.sockets import listen, peer_host, resolve, tune
from moviola.wire.timers import Timers

IDLE_WAIT_S: Final = 60.0
"""The longest wait of a turn in seconds, so that a lost wake-up cannot block the loop for ever."""


@dataclass(slots=True)
class _Link:
    """A connection and its socket."""

    id: ConnectionId
    protocol: Connection
    sock: socket.socket | None
    host: str
    outbox: Outbox
    dialling: Dialling
    family: socket.AddressFamily  # to which names are looked up
    connecting: bool = False
    closing: bool = False
    told: bool = False  # the program knows that it is over
    waits_for_memory: bool = False  # for the rest of a message: it is not read until there is some
    frame_timeout_s: float | None = None  # by which the deadline of the message in progress was set; None: it has none
    progress: int = 0  # bytes of that message since its deadline was set
    held: list[Received] = field(default_factory=list)  # messages that wait until it has read its answers
    mask: int = 0
    last_error: Error | None = None


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
        self._admission = Admission(descriptors.for_connections(), descriptors.share(limits.MAX_HANDSHAKES))
        self._dirty: dict[ConnectionId, _Link] = {}
        self._writing: dict[ConnectionId, _Link] = {}  # had something left to write when that was tried last
        self._timers: Timers[ConnectionId] = (
            Timers()
        )  # of handshakes, of addresses being dialled, of messages in progress
        self._budget = Budget()
        self._without_memory: dict[Account, _Link] = {}
        self._unread: dict[ConnectionId, _Link] = {}  # have more to say than fitted in a turn
        self._messages_each, self._bytes_each = limits.MESSAGES_EACH, limits.READ_PER_TURN
        self._pending: list[NetworkEvent] = []
        self._arriving: set[ConnectionId] = set()
        self._next_id = 1
        self.has_read_only = False  # the last turn: nobody took what had waited for it, and nobody woke the loop
        self._scratch = bytearray(limits.RECEIVE_BUFFER)
        self._listeners: list[socket.socket] = []
        self._is_accepting = True
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._woken = False  # a plain flag: a signal handler must not meet a lock that its own thread holds
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._drain_wake)

    # ── what a shell calls ───────────────────────────────────────────────────────────────────────────────────────

    def listen(self, bind: str, port: int) -> int:
        """Accept connections from now on; return the port.

        Args:
            bind: where to listen, as for `moviola.wire.addresses.listen`.
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
        link = self._new_link(Dialling(addresses), hello, family)
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
        if link is None or link.closing:
            if isinstance(payload, FileSlice):
                payload.release()
            return
        size = payload.size if isinstance(payload, FileSlice) else len(payload)
        if xxh3 is None:
            assert not isinstance(payload, FileSlice)
            xxh3 = checksum(payload)
        try:
            framed = Connection.framed(message, size, xxh3)
        except Unsendable as error:
            return self._unsent(link, message, payload, error)
        self._queue(link, framed)
        if isinstance(payload, FileSlice):
            link.outbox.put_slice(payload)
        elif size:
            self._queue(link, payload)
        if link.outbox.is_beyond_bounds:
            self._lose(link, "it reads too slowly: too much waits to be sent to it")
        return None

    def _unsent(self, link: _Link, message: Message, payload: Buffer | FileSlice, error: Unsendable) -> None:
        """Report a message that cannot be sent; raise instead if CHECKS_WHAT_IS_SENT."""
        if isinstance(payload, FileSlice):
            payload.release()
        if CHECKS_WHAT_IS_SENT:
            raise error
        self._pending.append(Unsent(link.id, message, str(error)))

    def close(self, connection: ConnectionId, code: str = "", text: str = "", job: str = "") -> None:
        """Close a connection once everything queued for it was sent. No Lost event follows.

        Args:
            connection: which one; nothing happens if it is gone.
            code: if not empty, an Error with this code is sent last.
            text: the Error's reason, for people.
            job: the id of the job whose message was refused, for the Error.
        """
        link = self._links.get(connection)
        if link is None or link.closing:
            return None
        if link.connecting:
            return self._drop(link)  # nothing was said yet, and nothing shall be
        if code:
            self._queue(link, Connection.framed(Error(code=code, text=text, job=job)))
        link.closing = link.told = True
        self._forget_incoming(link)
        self._set_deadline(link, limits.HANDSHAKE_TIMEOUT_S)
        self._dirty[link.id] = link
        return None

    def backlog(self, connection: ConnectionId) -> int:
        """Return how many bytes are queued for a connection and not sent yet."""
        link = self._links.get(connection)
        return link.outbox.size if link else 0

    def behind(self, size: int) -> frozenset[ConnectionId]:
        """Return the connections with a backlog of more than `size` bytes."""
        return frozenset(link.id for link in self._writing.values() if link.outbox.size > size)

    def peer_host(self, connection: ConnectionId) -> str:
        """Return the IP address of the other side; "" if the connection is gone."""
        link = self._links.get(connection)
        return link.host if link else ""

    def watch(self, fd: int) -> None:
        """Report Readable(fd) in every turn in which the file descriptor `fd` can be read, until `unwatch`."""
        self._selector.register(fd, selectors.EVENT_READ, lambda _mask: self._pending.append(Readable(fd)))

    def unwatch(self, fd: int) -> None:
        """Stop watching a file descriptor. Raises KeyError if it is not watched."""
        self._selector.unregister(fd)

    def wake(self) -> None:
        """End the wait of the current turn. This is the only method that other threads and signal handlers may call."""
        if not self._woken:
            self._woken = True
            try:
                self._wake_writer.send(b"\0")
            except BlockingIOError:
                pass  # enough wake-ups are waiting already

    def holds(self, event: NetworkEvent) -> bool:
        """Return True if the program should not handle a message yet, because its sender has not read enough answers.

        The loop keeps the message and reports it again later. This bounds the memory for answers to a peer that asks
        for much in one turn.
        """
        link = self._links.get(event.connection) if isinstance(event, Received) else None
        if link is None or not (link.held or link.outbox.is_high):
            return False
        assert isinstance(event, Received)
        link.held.append(event)
        return True

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
                key.data(mask)
            elif self._is_readable(key.data, mask):
                ready[key.data.id] = key.data
        self._read_all(ready)
        self._expire(self._clock())
        events, self._pending = self._pending, []
        return events

    def flush(self) -> None:
        """Send what was queued, as far as the sockets take it."""
        dirty, self._dirty = self._dirty, {}
        for link in dirty.values():
            if link.id in self._links and not link.connecting:
                self._write(link)

    def shut(self) -> None:
        """Close all sockets at once, without sending what is queued."""
        for link in list(self._links.values()):
            self._drop(link)
        for sock in [*self._listeners, self._wake_reader, self._wake_writer]:
            sock.close()
        self._selector.close()

    # ── accepting and dialling ───────────────────────────────────────────────────────────────────────────────────

    def _new_link(
        self, dialling: Dialling, hello: Hello | None = None, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> _Link:
        protocol = Connection(
            role=self._role, hello=hello, secret=self._secret, scratch=self._scratch, budget=self._budget
        )
        link = _Link(self._next_id, protocol, None, "", Outbox(), dialling, family)
        self._next_id += 1
        self._links[link.id] = link
        self._set_deadline(link, limits.HANDSHAKE_TIMEOUT_S)
        return link

    def _register(self, listener: socket.socket) -> None:
        self._selector.register(listener, selectors.EVENT_READ, lambda _mask: self._accept(listener))

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
        link = self._new_link(Dialling(()))
        self._adopt(link, sock)
        self._queue(link, link.protocol.begin())
        self._admission.handshakes.begin(link.id, link.host, self._clock())
        while (surplus := self._admission.surplus(link.host, self._clock())) is not None:
            self._drop(self._links[surplus])

    def _listen_or_rest(self) -> None:
        """Let the selector watch the listening sockets, unless accepting pauses."""
        is_accepting = self._admission.paused_until is None
        if is_accepting != self._is_accepting:
            self._is_accepting = is_accepting
            for listener in self._listeners:
                if is_accepting:
                    self._register(listener)
                else:
                    self._selector.unregister(listener)

    def _adopt(self, link: _Link, sock: socket.socket) -> None:
        sock.setblocking(False)
        tune(sock)
        link.sock = sock
        try:
            link.host = peer_host(sock)
        except OSError:
            link.host = ""  # it is gone already; reading will tell
        self._set_mask(link, selectors.EVENT_READ)

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
        return self._lose(link, link.dialling.reason)

    def _connect(self, link: _Link, candidate: Candidate) -> None:
        """Begin to connect. Raises OSError if that has failed, or if the system does not know that address family."""
        link.sock, link.connecting = socket.socket(candidate.family, socket.SOCK_STREAM), True
        link.sock.setblocking(False)
        code = link.sock.connect_ex(candidate.sockaddr)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        self._set_deadline(link, limits.CONNECT_TIMEOUT_S)
        self._set_mask(link, selectors.EVENT_WRITE)

    def _connected(self, link: _Link) -> None:
        assert link.sock is not None
        code = link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            link.dialling.failed(os.strerror(code))
            self._dial_next(link)
            return
        link.connecting = False
        self._set_deadline(link, limits.HANDSHAKE_TIMEOUT_S)
        self._adopt(link, link.sock)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_readable(self, link: _Link, mask: int) -> bool:
        """Write what can be written; return True if there is something to read."""
        if link.connecting:
            self._connected(link)
            return False
        if mask & selectors.EVENT_WRITE:
            self._dirty[link.id] = link
            self._write(link)
            self.has_read_only = False
        return bool(mask & selectors.EVENT_READ)

    def _read_all(self, ready: dict[ConnectionId, _Link]) -> None:
        """Read from each connection its share of what one turn of the loop may read."""
        each = max(len(ready), 1)
        self._messages_each = max(1, min(limits.MESSAGES_EACH, limits.MESSAGES_PER_TURN // each))
        self._bytes_each = max(limits.RECEIVE_BUFFER, min(limits.READ_EACH, limits.READ_PER_TURN // each))
        for link in ready.values():
            if link.id in self._links and link.mask & selectors.EVENT_READ and not link.closing:
                self._read(link)
        self._resume()

    def _read(self, link: _Link) -> None:
        try:
            reason = self._receive(link)
            if reason:
                return self._lose(link, reason)
        except BlockingIOError:
            pass
        except ProtocolError as error:
            self._refuse(link, error.code, error.text, error.job)
        except OSError as error:
            return self._lose(link, error.strerror or str(error))
        if not link.protocol.reader.idle:
            self._arriving.add(link.id)
        return self._time_frame(link)

    def _receive(self, link: _Link) -> str:
        """Take messages until there are no more, or as many as fit in a turn.

        Return why the connection has ended; "" if it has not.
        """
        assert link.sock is not None
        protocol, reader = link.protocol, link.protocol.reader
        messages, quota = self._messages_each, self._bytes_each
        has_more = True
        while True:
            for item in protocol.unparsed():
                link.frame_timeout_s = None  # the deadline was that of the message that has ended here
                self._take(link, item)
                messages -= 1
                if not messages:
                    reader.keep()
                    self._unread[link.id] = link
                    return ""
            if quota <= 0 or not has_more:
                return ""  # the next select says whether the kernel has more
            with reader.buffer() as buffer:
                size = len(buffer)
                if not size:
                    self._wait_for_memory(link)
                    return ""
                count = link.sock.recv_into(buffer)
            if count == 0:
                torn = "" if reader.idle else " in the middle of a message"
                return f"the other side closed the connection{torn}"
            has_more = count == size
            quota -= count
            link.progress += count
            protocol.feed(count)

    def _refuse(self, link: _Link, code: str, text: str, job: str = "") -> None:
        """Close a connection because of a fault of its peer, and send the peer the reason."""
        self._report_lost(link, f"{code}: {text}", job)
        self.close(link.id, code, text, job)

    # ── messages in progress ─────────────────────────────────────────────────────────────────────────────────────

    def _time_frame(self, link: _Link) -> None:
        """Set the deadline of the message in progress; there is none while the message waits for this program."""
        if link.protocol.state is not State.OPEN or link.closing:
            return
        self._admission.handshakes.end(link.id)
        reader = link.protocol.reader
        if reader.idle or reader.has_unparsed or not link.mask & selectors.EVENT_READ:
            link.frame_timeout_s = None
            self._set_deadline(link, None)
            return
        is_favoured = reader.account.is_favoured
        timeout_s = limits.FAVOUR_TIMEOUT_S if is_favoured else limits.FRAME_TIMEOUT_S
        has_progress = not is_favoured and link.progress >= limits.FRAME_PROGRESS
        if link.frame_timeout_s != timeout_s or has_progress:
            self._begin_timing(link, timeout_s)

    def _begin_timing(self, link: _Link, timeout_s: float) -> None:
        link.frame_timeout_s, link.progress = timeout_s, 0
        self._set_deadline(link, timeout_s)

    def _frame_expired(self, link: _Link) -> None:
        is_favoured = link.protocol.reader.account.is_favoured
        if is_favoured and not self._budget.is_contended and link.progress >= limits.FRAME_PROGRESS:
            return self._begin_timing(link, limits.FAVOUR_TIMEOUT_S)  # nobody waits for its memory
        return self._refuse(
            link, ErrorCode.SILENT, "a message stopped in its middle: the rest of it did not come in time"
        )

    def _wait_for_memory(self, link: _Link) -> None:
        link.waits_for_memory = True
        self._without_memory[link.protocol.reader.account] = link
        self._set_mask(link, link.mask & ~selectors.EVENT_READ)

    def _resume(self) -> None:
        """Read again from the connections that were granted memory."""
        for account in self._budget.resumed():
            link = self._without_memory.pop(account)
            link.waits_for_memory = False
            self._set_mask(link, self._wanted_mask(link))

    def _forget_incoming(self, link: _Link) -> None:
        self._without_memory.pop(link.protocol.reader.account, None)
        self._unread.pop(link.id, None)
        link.protocol.reader.close()
        link.waits_for_memory, link.frame_timeout_s = False, None

    def _take(self, link: _Link, item: Incoming | bytes) -> None:
        if isinstance(item, bytes):
            self._queue(link, item)
            return
        if isinstance(item.message, Error) and item.message.fatal:
            link.last_error = item.message
        elif link.closing:
            return
        elif item.is_damaged:
            self._pending.append(Damaged(link.id, item.message))
        else:
            self._pending.append(Received(link.id, item.message, item.payload, item.xxh3))

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _queue(self, link: _Link, data: Buffer) -> None:
        link.outbox.put(data)
        self._dirty[link.id] = link

    def _write(self, link: _Link) -> None:
        assert link.sock is not None
        try:
            while (part := link.outbox.first) is not None:
                if isinstance(part, FileSlice):
                    self._send_slice(link.sock, link.outbox, part)
                elif not link.outbox.batch_sent(link.sock.sendmsg(link.outbox.batch())):
                    break
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose(link, error.strerror or str(error))
            return
        if not link.outbox:
            self._writing.pop(link.id, None)
            if link.closing:
                return self._drop(link)
        else:
            self._writing[link.id] = link
        if link.held and link.outbox.is_low:
            self._pending += link.held
            link.held = []
        self._set_mask(link, self._wanted_mask(link))

    @staticmethod
    def _send_slice(sock: socket.socket, outbox: Outbox, part: FileSlice) -> None:
        """Send some bytes of a file, or zeros in their place if they cannot be read."""
        try:
            descriptor = part.descriptor()
        except OSError as error:
            if error.errno in descriptors.OUT_OF_ROOM:
                raise  # it is there, and cannot be opened now
            return outbox.slice_unreadable()
        try:
            sent = os.sendfile(sock.fileno(), descriptor, part.offset, part.size)
        except OSError as error:
            if error.errno == errno.EIO:
                return outbox.slice_unreadable()
            raise
        if not sent:  # the file is shorter than it was
            return outbox.slice_unreadable()
        return outbox.slice_sent(sent)

    @staticmethod
    def _wanted_mask(link: _Link) -> int:
        reading = not link.outbox.is_high if link.mask & selectors.EVENT_READ else link.outbox.is_low
        mask = selectors.EVENT_READ if reading and not link.closing and not link.waits_for_memory else 0
        return mask | (selectors.EVENT_WRITE if link.outbox else 0)

    # ── closing, time, bookkeeping ───────────────────────────────────────────────────────────────────────────────

    def _lose(self, link: _Link, reason: str) -> None:
        self._report_lost(link, reason)
        self._drop(link)

    def _report_lost(self, link: _Link, reason: str, job: str = "") -> None:
        """Report a Lost event, unless the program closed the connection itself or never knew of it."""
        was_heard_of = link.protocol.peer is not None or link.protocol.is_dialled
        if was_heard_of and not link.told:
            link.told = True
            text = link.last_error.text if link.last_error else reason
            self._pending.append(Lost(link.id, text, link.last_error, link.last_error.job if link.last_error else job))

    def _drop(self, link: _Link) -> None:
        self._links.pop(link.id, None)
        self._dirty.pop(link.id, None)
        self._writing.pop(link.id, None)
        self._timers.set(link.id, None)
        self._admission.handshakes.end(link.id)
        self._forget_incoming(link)
        self._forget_socket(link)
        link.outbox.clear()

    def _forget_socket(self, link: _Link) -> None:
        if link.sock is not None:
            self._set_mask(link, 0)
            link.sock.close()
            link.sock = None

    def _set_mask(self, link: _Link, mask: int) -> None:
        if mask == link.mask or link.sock is None:
            return
        if not link.mask:
            self._selector.register(link.sock, mask, link)
        elif mask:
            self._selector.modify(link.sock, mask, link)
        else:
            self._selector.unregister(link.sock)
        if mask & selectors.EVENT_READ and link.protocol.reader.has_unparsed:
            self._unread[link.id] = link  # no select would tell
        was, link.mask = link.mask, mask
        if (was ^ mask) & selectors.EVENT_READ:
            self._time_frame(link)

    def _timeout(self, deadline: float | None) -> float:
        deadlines = (deadline, self._timers.next(), self._admission.paused_until)
        first = min((one for one in deadlines if one is not None), default=None)
        return IDLE_WAIT_S if first is None else min(max(first - self._clock(), 0.0), IDLE_WAIT_S)

    def _set_deadline(self, link: _Link, delay_s: float | None) -> None:
        self._timers.set(link.id, None if delay_s is None else self._clock() + delay_s)

    def _expire(self, now: float) -> None:
        self._admission.resume(now)
        self._listen_or_rest()
        for link in [self._links[key] for key in self._timers.expired(now)]:
            if link.connecting:
                self._dial_next(link)
            elif link.closing:
                self._drop(link)
            elif link.frame_timeout_s is not None:
                self._frame_expired(link)
            else:
                self._lose(link, "the handshake took too long")

    def _drain_wake(self, _mask: int) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except BlockingIOError:
            pass
        self.has_read_only = False
        self._woken = False  # only now: a wake-up that came meanwhile ends with this turn, none may be swallowed later
