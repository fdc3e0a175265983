"""The one file that owns `selectors`: accept, dial, read, write, watermarks, and time as "the next deadline".

A program's shell is eight lines around it:

    while not stopping:
        for event in loop.turn(brain.next_deadline()):
            execute(brain.handle(event, clock()))
        execute(brain.tick(clock()))
        ledger.commit()
        loop.flush()

Nothing that was sent in a turn leaves before `flush`, so what the ledger committed comes first and every connection
is written once a turn.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from moviola.base.vocabulary import ErrorCode
from moviola.wire import descriptors, limits
from moviola.wire.addresses import Address, listen, peer_host, resolve
from moviola.wire.budget import Account, Budget
from moviola.wire.connection import Connection, Incoming, State
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.framing import Buffer, checksum
from moviola.wire.messages import CHECKS_WHAT_IS_SENT, Error, Hello, Message
from moviola.wire.places import Handshakes
from moviola.wire.timers import Timers

ConnectionId = int

MAX_BUFFERS_PER_WRITE: Final = 64
"""Buffers handed to one sendmsg; IOV_MAX is at least 1024 where we run, more than 64 gain nothing."""

IDLE_WAIT_S: Final = 60.0
"""The longest sleep of a turn without a deadline; bounded only so that a lost wake-up cannot last for ever."""

_ZEROS: Final = memoryview(bytes(limits.MIB))

OUT_OF_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""No descriptor or memory for one more connection: it waits, and select would say so again at once."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message came. `Hello` is the first of an accepted connection, `Welcome` the first of a dialled one."""

    connection: ConnectionId
    message: Message
    payload: bytes | bytearray = b""
    xxh3: int = 0


@dataclass(frozen=True, slots=True)
class Damaged:
    """A message came whose payload did not match its checksum, and is dropped. The connection lives."""

    connection: ConnectionId
    message: Message


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection is gone, or could not be made. `error` is what the other side said last, if it was an error; `job`
    the one whose message ended the connection, where either side has said so."""

    connection: ConnectionId
    reason: str
    error: Error | None = None
    job: str = ""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that was to be sent breaks its schema or a limit: nothing of it has left, and the connection lives."""

    connection: ConnectionId
    message: Message
    reason: str


@dataclass(frozen=True, slots=True)
class Readable:
    """A file descriptor given to `watch` can be read."""

    fd: int


NetworkEvent = Received | Damaged | Lost | Unsent | Readable


@dataclass(slots=True)
class FileSlice:
    """Bytes of a file, sent by sendfile. They must stay as they are until `release`, which the loop calls once: when
    they have left, or never will. The open file is asked for whenever some can leave, so that what waits needs no
    descriptor. What cannot be read leaves as zeros: their checksum tells the receiver which message is damaged, and the
    connection lives. Only where no descriptor is left it does not."""

    descriptor: Callable[[], int]
    offset: int
    size: int
    release: Callable[[], None]


@dataclass(slots=True)
class _Link:
    """A connection and its socket."""

    id: ConnectionId
    protocol: Connection
    sock: socket.socket | None
    host: str
    outgoing: deque[memoryview | FileSlice]
    addresses: deque[Address]  # to be dialled, their names not looked up yet
    family: socket.AddressFamily
    candidates: list[tuple[int, tuple[object, ...]]]
    tried: list[str]
    backlog: int = 0  # outgoing bytes in memory
    in_files: int = 0  # outgoing bytes on disk
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
    """Sockets for a program of one role.

    Args:
        role: what the Greeting of accepted connections says.
        secret: of the cluster, or empty.
        clock: monotonic seconds; a parameter so that tests may hold the time.
    """

    def __init__(self, role: str, *, secret: bytes = b"", clock: Callable[[], float] = time.monotonic) -> None:
        self._role, self._secret, self._clock = role, secret, clock
        self._selector = selectors.DefaultSelector()
        self._links: dict[ConnectionId, _Link] = {}
        self._most_connections = descriptors.for_connections()
        self._handshakes = Handshakes(descriptors.share(limits.MAX_HANDSHAKES))
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
        self._accept_at: float | None = None  # when accepting goes on; None: it is under way
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._woken = False  # a plain flag: a signal handler must not meet a lock that its own thread holds
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._drain_wake)

    # ── what a shell calls ───────────────────────────────────────────────────────────────────────────────────────

    def listen(self, bind: str, port: int) -> int:
        """Accepts connections from now on; returns the port. Raises OSError as moviola.wire.addresses.listen does."""
        for sock in listen(bind, port):
            self._listeners.append(sock)
            self._register(sock)
        return int(self._listeners[-1].getsockname()[1])

    def dial(
        self, addresses: Iterable[Address], hello: Hello, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> ConnectionId:
        """Begins to connect to the first address that answers. Its Welcome comes as Received, failure as Lost."""
        link = self._new_link(hello)
        link.addresses.extend(addresses)
        link.family = family
        self._dial_next(link)
        return link.id

    def send(
        self,
        connection: ConnectionId,
        message: Message,
        payload: Buffer | FileSlice = b"",
        xxh3: int | None = None,
    ) -> None:
        """Queues a message; `flush` lets it leave. Sending on a connection that is gone does nothing: its Lost is
        on the way. What breaks a limit comes back as Unsent. `xxh3` is needed for a FileSlice, and spares the work for
        a payload whose checksum is known."""
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
            link.outgoing.append(payload)
            link.in_files += size
        elif size:
            self._queue(link, payload)
        if link.backlog > limits.MAX_BACKLOG:
            self._lose(link, "it reads too slowly: its backlog is full")
        return None

    def _unsent(self, link: _Link, message: Message, payload: Buffer | FileSlice, error: Unsendable) -> None:
        """Tells the program what it could not say; in tests that is a fault at once."""
        if isinstance(payload, FileSlice):
            payload.release()
        if CHECKS_WHAT_IS_SENT:
            raise error
        self._pending.append(Unsent(link.id, message, str(error)))

    def close(self, connection: ConnectionId, code: str = "", text: str = "", job: str = "") -> None:
        """Closes a connection once what was queued has left, with a last Error when there is a code (which names the
        `job` whose message was wrong). No Lost comes."""
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
        """Bytes queued for a connection that have not left."""
        link = self._links.get(connection)
        return link.backlog + link.in_files if link else 0

    def behind(self, size: int) -> frozenset[ConnectionId]:
        """Connections with a backlog of more than `size` bytes."""
        return frozenset(link.id for link in self._writing.values() if link.backlog + link.in_files > size)

    def peer_host(self, connection: ConnectionId) -> str:
        """The address the other side comes from; "" when it is gone."""
        link = self._links.get(connection)
        return link.host if link else ""

    def watch(self, fd: int) -> None:
        """Reports Readable(fd) in every turn in which `fd` can be read, until `unwatch`."""
        self._selector.register(fd, selectors.EVENT_READ, lambda _mask: self._pending.append(Readable(fd)))

    def unwatch(self, fd: int) -> None:
        self._selector.unregister(fd)

    def wake(self) -> None:
        """Ends the wait of the current turn. The only method other threads (and signal handlers) may call."""
        if not self._woken:
            self._woken = True
            try:
                self._wake_writer.send(b"\0")
            except BlockingIOError:
                pass  # enough wake-ups are waiting already

    def holds(self, event: NetworkEvent) -> bool:
        """True if a message is to wait: its sender has not read the answers to those before. It comes again when it
        has. Whoever asks much in one turn cannot have all answers lie in memory."""
        link = self._links.get(event.connection) if isinstance(event, Received) else None
        if link is None or not (link.held or link.backlog >= limits.HIGH_WATERMARK):
            return False
        assert isinstance(event, Received)
        link.held.append(event)
        return True

    @property
    def arriving(self) -> frozenset[ConnectionId]:
        """Connections on which a part of a message came in the last turn, and not yet its end: a sign of life."""
        return frozenset(self._arriving)

    def turn(self, deadline: float | None = None) -> list[NetworkEvent]:
        """Waits until something happens or `deadline` (by the loop's clock) comes; returns all that has happened."""
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
        """Writes what was queued, once a connection, as far as the sockets take it."""
        dirty, self._dirty = self._dirty, {}
        for link in dirty.values():
            if link.id in self._links and not link.connecting:
                self._write(link)

    def shut(self) -> None:
        """Closes everything at once."""
        for link in list(self._links.values()):
            self._drop(link)
        for sock in [*self._listeners, self._wake_reader, self._wake_writer]:
            sock.close()
        self._selector.close()

    # ── accepting and dialling ───────────────────────────────────────────────────────────────────────────────────

    def _new_link(self, hello: Hello | None = None) -> _Link:
        protocol = Connection(
            role=self._role, hello=hello, secret=self._secret, scratch=self._scratch, budget=self._budget
        )
        link = _Link(self._next_id, protocol, None, "", deque(), deque(), socket.AF_UNSPEC, [], [])
        self._next_id += 1
        self._links[link.id] = link
        self._set_deadline(link, limits.HANDSHAKE_TIMEOUT_S)
        return link

    def _register(self, listener: socket.socket) -> None:
        self._selector.register(listener, selectors.EVENT_READ, lambda _mask: self._accept(listener))

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(limits.ACCEPTS_PER_TURN):
            if self._accept_at is not None or not self._may_accept():
                return
            try:
                sock, _ = listener.accept()
            except OSError as error:  # none waiting, it went away again, or there is no room for it
                if error.errno in OUT_OF_ROOM:
                    self._pause_accepting(self._clock() + limits.ACCEPT_PAUSE_S)
                return
            if len(self._links) >= self._most_connections:
                oldest = self._handshakes.oldest()
                assert oldest is not None
                self._drop(self._links[oldest])
            link = self._new_link()
            self._adopt(link, sock)
            self._handshakes.begin(link.id, link.host, self._clock())
            self._queue(link, link.protocol.begin())
            while (surplus := self._handshakes.surplus(link.host)) is not None and self._may_drop(surplus):
                self._drop(self._links[surplus])

    def _may_accept(self) -> bool:
        """Whether there is a place for one more. Where all are taken, the oldest unfinished handshake has to go: who
        says nothing keeps nobody out."""
        if len(self._links) < self._most_connections:
            return True
        oldest = self._handshakes.oldest()
        if oldest is not None:
            return self._may_drop(oldest)
        self._pause_accepting(self._clock() + limits.ACCEPT_PAUSE_S)
        return False

    def _may_drop(self, unfinished: ConnectionId) -> bool:
        """Whether a handshake had its time; for one that has only begun, all others wait."""
        at = self._handshakes.grace_ends_at(unfinished)
        if at > self._clock():
            self._pause_accepting(at)
        return at <= self._clock()

    def _pause_accepting(self, until: float) -> None:
        self._accept_at = until
        for listener in self._listeners:
            self._selector.unregister(listener)

    def _adopt(self, link: _Link, sock: socket.socket) -> None:
        sock.setblocking(False)
        _tune(sock)
        link.sock = sock
        try:
            link.host = peer_host(sock)
        except OSError:
            link.host = ""  # it is gone already; reading will tell
        self._set_mask(link, selectors.EVENT_READ)

    def _dial_next(self, link: _Link) -> None:
        self._forget_socket(link)
        while link.candidates or self._look_up(link):
            family, sockaddr = link.candidates.pop(0)
            link.tried.append(f"{Address(str(sockaddr[0]), int(str(sockaddr[1])))}: no answer in time")
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:  # no descriptor is left, or the system does not know that family
                self._note_failure(link, error.errno or 0)
                continue
            sock.setblocking(False)
            link.sock, link.connecting = sock, True
            self._set_deadline(link, limits.CONNECT_TIMEOUT_S)
            code = sock.connect_ex(sockaddr)
            if code in (0, errno.EINPROGRESS):
                self._set_mask(link, selectors.EVENT_WRITE)
                return
            self._note_failure(link, code)
            self._forget_socket(link)
        self._lose(link, "; ".join(link.tried) or "no address to try")

    @staticmethod
    def _look_up(link: _Link) -> bool:
        """Finds candidates behind the next name. Only when its turn has come: it may take seconds, in which the loop
        stands still."""
        while link.addresses and not link.candidates:
            address = link.addresses.popleft()
            try:
                link.candidates += resolve(address, link.family)
            except OSError as error:
                link.tried.append(f"{address}: {error.strerror or error}")
        return bool(link.candidates)

    @staticmethod
    def _note_failure(link: _Link, code: int) -> None:
        link.tried[-1] = link.tried[-1].rsplit(": ", 1)[0] + f": {os.strerror(code)}"

    def _connected(self, link: _Link) -> None:
        assert link.sock is not None
        code = link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._note_failure(link, code)
            self._dial_next(link)
            return
        link.connecting = False
        self._set_deadline(link, limits.HANDSHAKE_TIMEOUT_S)
        self._adopt(link, link.sock)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_readable(self, link: _Link, mask: int) -> bool:
        """Writes what can be written, and tells whether there is something to read."""
        if link.connecting:
            self._connected(link)
            return False
        if mask & selectors.EVENT_WRITE:
            self._dirty[link.id] = link
            self._write(link)
            self.has_read_only = False
        return bool(mask & selectors.EVENT_READ)

    def _read_all(self, ready: dict[ConnectionId, _Link]) -> None:
        """Reads from all in turn, from each its share of what one turn of the loop may take."""
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
        """Takes messages until there are no more, or as many as fit in a turn; why the connection is over, if it is."""
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
        """Ends a connection by the fault of its peer, which is told."""
        self._report_lost(link, f"{code}: {text}", job)
        self.close(link.id, code, text, job)

    # ── messages in progress ─────────────────────────────────────────────────────────────────────────────────────

    def _time_frame(self, link: _Link) -> None:
        """A message in progress must go on; one that waits for us need not."""
        if link.protocol.state is not State.OPEN or link.closing:
            return
        self._handshakes.end(link.id)
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
            return self._begin_timing(link, limits.FAVOUR_TIMEOUT_S)  # it hurts nobody
        return self._refuse(
            link, ErrorCode.SILENT, "a message stood still in its middle: only a part of it came in time"
        )

    def _wait_for_memory(self, link: _Link) -> None:
        link.waits_for_memory = True
        self._without_memory[link.protocol.reader.account] = link
        self._set_mask(link, link.mask & ~selectors.EVENT_READ)

    def _resume(self) -> None:
        """Reads again from those for whose messages there is memory now."""
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
        if len(data):
            link.outgoing.append(memoryview(data))
            link.backlog += len(data)
            self._dirty[link.id] = link

    def _write(self, link: _Link) -> None:
        assert link.sock is not None
        try:
            while link.outgoing:
                sent_all = (
                    self._write_file(link) if isinstance(link.outgoing[0], FileSlice) else self._write_memory(link)
                )
                if not sent_all:
                    break
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose(link, error.strerror or str(error))
            return
        if not link.outgoing:
            self._writing.pop(link.id, None)
            if link.closing:
                return self._drop(link)
        else:
            self._writing[link.id] = link
        if link.held and link.backlog < limits.LOW_WATERMARK:
            self._pending += link.held
            link.held = []
        self._set_mask(link, self._wanted_mask(link))

    def _write_memory(self, link: _Link) -> bool:
        assert link.sock is not None
        batch: list[memoryview] = []
        for item in link.outgoing:
            if isinstance(item, FileSlice) or len(batch) == MAX_BUFFERS_PER_WRITE:
                break
            batch.append(item)
        sent = link.sock.sendmsg(batch)
        link.backlog -= sent
        for item in batch:
            if sent < len(item):
                link.outgoing[0] = item[sent:]
                return False
            sent -= len(item)
            link.outgoing.popleft()
        return True

    def _write_file(self, link: _Link) -> bool:
        assert link.sock is not None
        part = link.outgoing[0]
        assert isinstance(part, FileSlice)
        while part.size:
            try:
                descriptor = part.descriptor()
            except OSError as error:
                if error.errno in OUT_OF_ROOM:
                    raise  # it is there, and cannot be opened now
                return self._pad(link, part)
            try:
                sent = os.sendfile(link.sock.fileno(), descriptor, part.offset, part.size)
            except OSError as error:
                if error.errno == errno.EIO:
                    return self._pad(link, part)
                raise
            if sent == 0:  # the file is shorter than it was
                return self._pad(link, part)
            part.offset += sent
            part.size -= sent
            link.in_files -= sent
        link.outgoing.popleft()
        part.release()
        return True

    @staticmethod
    def _pad(link: _Link, part: FileSlice) -> bool:
        """Puts zeros in the place of what is left of a slice and cannot be read."""
        link.outgoing.popleft()
        whole, rest = divmod(part.size, len(_ZEROS))
        link.outgoing.extendleft([_ZEROS[:rest]] * (rest > 0) + [_ZEROS] * whole)
        link.backlog += part.size
        link.in_files -= part.size
        part.size = 0
        part.release()
        return True

    @staticmethod
    def _wanted_mask(link: _Link) -> int:
        reading = link.backlog < (limits.HIGH_WATERMARK if link.mask & selectors.EVENT_READ else limits.LOW_WATERMARK)
        mask = selectors.EVENT_READ if reading and not link.closing and not link.waits_for_memory else 0
        return mask | (selectors.EVENT_WRITE if link.outgoing else 0)

    # ── closing, time, bookkeeping ───────────────────────────────────────────────────────────────────────────────

    def _lose(self, link: _Link, reason: str) -> None:
        self._report_lost(link, reason)
        self._drop(link)

    def _report_lost(self, link: _Link, reason: str, job: str = "") -> None:
        """Tells the program, unless it closed the connection itself or never heard of it."""
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
        self._handshakes.end(link.id)
        self._forget_incoming(link)
        unsent = [part for part in link.outgoing if isinstance(part, FileSlice)]
        link.outgoing.clear()
        self._forget_socket(link)
        for part in unsent:
            part.release()

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
        deadlines = (deadline, self._timers.next(), self._accept_at)
        first = min((one for one in deadlines if one is not None), default=None)
        return IDLE_WAIT_S if first is None else min(max(first - self._clock(), 0.0), IDLE_WAIT_S)

    def _set_deadline(self, link: _Link, delay_s: float | None) -> None:
        self._timers.set(link.id, None if delay_s is None else self._clock() + delay_s)

    def _expire(self, now: float) -> None:
        if self._accept_at is not None and self._accept_at <= now:
            self._accept_at = None
            for listener in self._listeners:
                self._register(listener)
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


def _tune(sock: socket.socket) -> None:
    """No Nagle delay (small messages answer each other), and a vanished host is noticed."""
    options: list[tuple[int, Any, int]] = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", None), int(limits.KEEPALIVE_S)),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPALIVE", None), int(limits.KEEPALIVE_S)),  # macOS' name of it
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", None), int(limits.KEEPALIVE_S)),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", None), int(limits.USER_TIMEOUT_S * 1000)),
    ]
    for level, option, value in options:
        if option is not None:
            try:
                sock.setsockopt(level, option, value)
            except OSError:
                pass  # an option less is no reason to lose a connection
