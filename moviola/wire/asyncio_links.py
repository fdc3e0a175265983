"""Connections of an asyncio program: the counterpart of `moviola.wire.loop.Loop` for one that serves others by asyncio.

It does for each `Endpoint` what the loop does: an endpoint decides when a connection is read and when it ends, and
knows no socket. What a turn of the loop returns is given to a function here, in the event loop's thread, as it comes.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from moviola.wire import limits
from moviola.wire.addresses import Address
from moviola.wire.budget import Account, Budget
from moviola.wire.connection import Connection
from moviola.wire.dialling import Candidate, Dialling
from moviola.wire.endpoint import Endpoint, EndpointState
from moviola.wire.errors import Unsendable
from moviola.wire.events import ConnectionId, Lost, NetworkEvent, Readable, Unsent
from moviola.wire.framing import Buffer
from moviola.wire.messages import Hello, Message
from moviola.wire.sockets import tune

PIECE_SIZE: Final = 256 * limits.KIB
"""Bytes that are given to asyncio at a time: it copies what the system does not take at once."""

ALL: Final = limits.RECEIVE_BUFFER
"""Messages that `parse` may report of what was received at once: no limit, because each has at least one byte. Other
connections have their turn between two calls of asyncio's."""


class ReceiveMemory:
    """What the connections of a process share while they receive: a buffer, and a budget for messages in progress.

    Args:
        limit_bytes: of the budget; by default that of a loop.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self.scratch = bytearray(limits.RECEIVE_BUFFER)
        self.budget = Budget(limit_bytes)
        self._waiting: dict[Account, _Link] = {}

    def wait(self, account: Account, link: _Link) -> None:
        """Note that a connection is not read until there is memory for the rest of its message."""
        self._waiting[account] = link

    def resume(self) -> None:
        """Read on from the connections that were granted memory since the last call."""
        for account in self.budget.resumed():
            if (link := self._waiting.pop(account, None)) is not None:
                link.granted()

    def forget(self, account: Account) -> None:
        """Forget that a connection waits for memory, because it is closed."""
        self._waiting.pop(account, None)


class AsyncioLinks:
    """The connections that one part of an asyncio program has dialled.

    Args:
        deliver: takes each event, in the event loop's thread.
        secret: the cluster's secret; empty if there is none.
        memory: shared with the other connections of the process.
    """

    def __init__(self, deliver: Callable[[NetworkEvent], None], secret: bytes, memory: ReceiveMemory) -> None:
        self._deliver, self._secret, self._memory = deliver, secret, memory
        self._links: dict[ConnectionId, _Link] = {}
        self._next_id = 1

    def dial(
        self, addresses: Iterable[Address], hello: Hello, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> ConnectionId:
        """Start to connect to the first of several addresses that answers; return the connection's id.

        When the handshake is done, its Welcome comes as Received; a failure comes as Lost.
        """
        link = _Link(self._next_id, hello, self._secret, self._memory, self._take)
        self._next_id += 1
        self._links[link.id] = link
        link.begin(list(addresses), family)
        return link.id

    def send(self, connection: ConnectionId, message: Message, payload: Buffer = b"") -> None:
        """Send a message. On a connection that is gone this does nothing: its Lost event is on the way.

        Raises:
            Unsendable: the message breaks its schema or a limit.
        """
        link = self._links.get(connection)
        if link is not None:
            link.send(message, payload)

    def close(self, connection: ConnectionId) -> None:
        """Close a connection once everything written to it was sent. No Lost event follows."""
        link = self._links.pop(connection, None)
        if link is not None:
            link.close()

    def shut(self) -> None:
        """Close all connections at once, without sending what is left."""
        links, self._links = list(self._links.values()), {}
        for link in links:
            link.abort()

    def _take(self, event: NetworkEvent) -> None:
        if isinstance(event, Readable) or event.connection not in self._links:
            return  # the program has closed it
        if isinstance(event, Lost):
            del self._links[event.connection]
        self._deliver(event)


class _Link(asyncio.BufferedProtocol):
    """An endpoint and its transport: asyncio writes what comes into the endpoint's own buffer."""

    def __init__(
        self,
        number: ConnectionId,
        hello: Hello,
        secret: bytes,
        memory: ReceiveMemory,
        deliver: Callable[[NetworkEvent], None],
    ) -> None:
        self.id = number
        self._loop = asyncio.get_running_loop()
        protocol = Connection(role=hello.role, hello=hello, secret=secret, scratch=memory.scratch, budget=memory.budget)
        self._happened: list[NetworkEvent] = []
        self._end = Endpoint(number, protocol, memory.budget, self._happened.append, self._loop.time())
        self._memory, self._deliver = memory, deliver
        self._transport: asyncio.Transport | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None  # what the timer has
        self._view: memoryview | None = None  # what asyncio is writing into
        self._may_write = True  # asyncio keeps nothing

    # ── what a program does ──────────────────────────────────────────────────────────────────────────────────────

    def send(self, message: Message, payload: Buffer) -> None:
        """Send a message, if the connection is open. Raises Unsendable."""
        if self._end.state is EndpointState.DIALLING:
            return
        self._end.send(message, payload, None)
        match self._happened:
            case [*_, Unsent(reason=reason)]:
                self._happened.pop()
                raise Unsendable(reason)
        self._settle()

    def close(self) -> None:
        """Close it once everything was sent; nothing more is told of it."""
        self._end.close(self._loop.time())
        self._settle()

    def abort(self) -> None:
        """Close it at once; nothing more is told of it."""
        self._end.end()
        self._settle()

    def granted(self) -> None:
        """Go on: there is memory for the rest of the message."""
        self._end.waits_for_memory = False
        self._settle()

    # ── dialling ─────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, addresses: list[Address], family: socket.AddressFamily) -> None:
        """Start to connect."""
        self._dialling = self._loop.create_task(self._dial(addresses, family))

    async def _dial(self, addresses: list[Address], family: socket.AddressFamily) -> None:
        dialling = Dialling(addresses)
        while (tried := dialling.next()) is not None:
            try:
                if isinstance(tried, Candidate):
                    return await self._connect(tried)
                found = await self._loop.getaddrinfo(tried.host, tried.port, family=family, type=socket.SOCK_STREAM)
                dialling.resolved(dict.fromkeys((entry[0], entry[4]) for entry in found))
            except TimeoutError:
                continue  # Dialling says so
            except (OSError, UnicodeError) as error:
                dialling.failed(_words(error))
        self._end.lose(dialling.reason)
        return self._settle()

    async def _connect(self, candidate: Candidate) -> None:
        """Connect to one address. Raises OSError, of which TimeoutError is one."""
        sock = socket.socket(candidate.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
                await self._loop.sock_connect(sock, cast(Any, candidate.sockaddr))
            tune(sock)
            await self._loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    # ── asyncio's callbacks ──────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the other side's greeting."""
        self._transport = cast(asyncio.Transport, transport)
        if self._end.state is EndpointState.CLOSED:
            return self._settle()  # it was closed in the moment in which it came about
        self._transport.set_write_buffer_limits(high=0)
        self._end.connected(self._loop.time())
        return self._settle()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go. It is never empty: a connection without memory is not read."""
        self._view = self._end.buffer()
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        assert self._view is not None
        self._view.release()  # the reader may need to extend the memory behind it
        self._end.received(nbytes)
        self._end.parse(ALL, self._loop.time())
        self._end.buffer().release()  # asks for memory, if the message in progress needs some
        self._settle()

    def pause_writing(self) -> None:
        """Write nothing while asyncio keeps something."""
        self._may_write = False

    def resume_writing(self) -> None:
        """Go on writing, or close the connection, but only after this call: asyncio's transport cannot bear to be
        written to or closed inside of it."""
        self._may_write = True
        self._loop.call_soon(self._settle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the endpoint that the connection is gone; it reports that unless the connection was closed here."""
        if exc is None:
            self._end.ended()
        else:
            self._end.lose(_words(exc))
        self._settle()

    # ── what an endpoint has decided ─────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        """Do what the endpoint has decided, and tell the program what has happened."""
        end, transport = self._end, self._transport
        if transport is not None:
            self._write(transport)
        end.settle(self._loop.time())
        if end.state is EndpointState.CLOSED:
            self._let_go()
        elif transport is not None:
            if end.waits_for_memory:
                self._memory.wait(end.account, self)
            if end.is_reading:
                transport.resume_reading()  # does nothing where it reads
            else:
                transport.pause_reading()
            self._set_timer(end.deadline)
        happened = self._happened.copy()
        self._happened.clear()
        for event in happened:
            self._deliver(event)
        self._memory.resume()

    def _write(self, transport: asyncio.Transport) -> None:
        """Write what waits, as much as asyncio takes without keeping it: it copies what it keeps."""
        outbox = self._end.outbox
        while outbox and self._may_write:
            piece = outbox.batch()[0][:PIECE_SIZE]
            transport.write(piece)
            outbox.batch_sent(len(piece))
        if self._may_write:
            self._end.written()

    def _let_go(self) -> None:
        """End what belongs to a connection that is closed."""
        self._set_timer(None)
        if self._dialling is not None and self._dialling is not asyncio.current_task():
            self._dialling.cancel()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._memory.forget(self._end.account)

    def _set_timer(self, deadline: float | None) -> None:
        if deadline == self._deadline:
            return
        self._deadline = deadline
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._expired)

    def _expired(self) -> None:
        self._deadline = self._timer = None
        self._end.expired(self._loop.time())
        self._settle()


def _words(error: Exception) -> str:
    """Return what the system says of an error: asyncio writes its own text into some."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error)
