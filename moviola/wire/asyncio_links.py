"""Connections of an asyncio program: the counterpart of `moviola.wire.loop.Loop` for one that serves others by asyncio.

The protocol is the same `Connection`, which knows no socket. What a turn of the loop returns is given to a function
here, in the event loop's thread, as it comes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from moviola.wire import limits
from moviola.wire.addresses import Address
from moviola.wire.budget import Account, Budget
from moviola.wire.connection import Connection, HandshakeState, Incoming
from moviola.wire.dialling import Candidate, Dialling
from moviola.wire.errors import ProtocolError
from moviola.wire.events import ConnectionId, Damaged, Lost, NetworkEvent, Received
from moviola.wire.framing import Buffer, checksum
from moviola.wire.messages import Error, Hello, Message
from moviola.wire.outbox import Outbox
from moviola.wire.sockets import tune

PIECE_SIZE: Final = 256 * limits.KIB
"""What is given to asyncio at a time: it copies what the system does not take at once, and keeps that much."""


class ReceiveMemory:
    """What the connections of a process share while they receive: a buffer, and a budget for messages in progress.

    Args:
        limit_bytes: of the budget; by default that of a loop.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self.scratch = bytearray(limits.RECEIVE_BUFFER)
        self.budget = Budget(limit_bytes)
        self._waiting: dict[Account, asyncio.Transport] = {}

    def wait(self, account: Account, transport: asyncio.Transport) -> None:
        """Read nothing from a connection until there is memory for the rest of its message."""
        transport.pause_reading()
        self._waiting[account] = transport

    def resume(self) -> None:
        """Read again from the connections that were granted memory."""
        for account in self.budget.resumed():
            if (transport := self._waiting.pop(account, None)) is not None:
                transport.resume_reading()

    def forget(self, account: Account) -> None:
        """Let a connection go that is closed."""
        self._waiting.pop(account, None)
        self.resume()


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
        for link in list(self._links.values()):
            link.abort()
        self._links.clear()

    def _take(self, event: NetworkEvent) -> None:
        if isinstance(event, Lost):
            self._links.pop(event.connection, None)
        self._deliver(event)


class _Link(asyncio.BufferedProtocol):
    """One connection: asyncio writes what comes into the protocol's own buffer."""

    def __init__(
        self,
        number: ConnectionId,
        hello: Hello,
        secret: bytes,
        memory: ReceiveMemory,
        deliver: Callable[[NetworkEvent], None],
    ) -> None:
        self.id = number
        self._protocol = Connection(
            role=hello.role, hello=hello, secret=secret, scratch=memory.scratch, budget=memory.budget
        )
        self._memory, self._deliver = memory, deliver
        self._transport: asyncio.Transport | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None  # of the handshake, and of a close
        self._view: memoryview | None = None  # what asyncio is writing into
        self._last_error: Error | None = None
        self._outbox = Outbox()
        self._may_write = True  # asyncio has room
        self._is_told = False  # the program knows that it is over

    # ── dialling ─────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, addresses: list[Address], family: socket.AddressFamily) -> None:
        """Start to connect."""
        self._dialling = asyncio.get_running_loop().create_task(self._dial(addresses, family))

    async def _dial(self, addresses: list[Address], family: socket.AddressFamily) -> None:
        loop, dialling = asyncio.get_running_loop(), Dialling(addresses)
        while (tried := dialling.next()) is not None:
            try:
                if isinstance(tried, Candidate):
                    return await self._connect(tried)
                found = await loop.getaddrinfo(tried.host, tried.port, family=family, type=socket.SOCK_STREAM)
                dialling.resolved(dict.fromkeys((entry[0], entry[4]) for entry in found))
            except TimeoutError:
                continue  # Dialling says so
            except (OSError, UnicodeError) as error:
                dialling.failed(getattr(error, "strerror", None) or str(error))
        return self._lose(dialling.reason)

    async def _connect(self, candidate: Candidate) -> None:
        """Connect to one address. Raises OSError, of which TimeoutError is one."""
        loop = asyncio.get_running_loop()
        sock = socket.socket(candidate.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
                await loop.sock_connect(sock, cast(Any, candidate.sockaddr))
            tune(sock)
            await loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    # ── asyncio's callbacks ──────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the other side's greeting."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=PIECE_SIZE)
        self._set_timer(lambda: self._lose(f"the handshake took more than {limits.HANDSHAKE_TIMEOUT_S:.0f} s"))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go. It is never empty: a connection without memory is not read."""
        self._view = self._protocol.reader.buffer()
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        assert self._view is not None
        self._view.release()  # the reader may need to extend the memory behind it
        self._protocol.feed(nbytes)
        try:
            for item in self._protocol.unparsed():
                self._take(item)
        except ProtocolError as error:
            return self._refuse(error)
        if self._transport is None or self._is_told:
            return None
        with self._protocol.reader.buffer() as room:
            has_room = len(room) > 0
        if not has_room:
            self._memory.wait(self._protocol.reader.account, self._transport)
        return self._memory.resume()

    def pause_writing(self) -> None:
        """Write nothing while asyncio keeps enough."""
        self._may_write = False

    def resume_writing(self) -> None:
        """Write on."""
        self._may_write = True
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the program that the connection is gone, unless it closed it."""
        reason = "the other side closed the connection"
        if exc is not None:
            reason = getattr(exc, "strerror", None) or str(exc)
        elif not self._protocol.reader.idle:
            reason = f"{reason} in the middle of a message"
        self._lose(reason)

    # ── what a link does ─────────────────────────────────────────────────────────────────────────────────────────

    def send(self, message: Message, payload: Buffer) -> None:
        """Send a message, if the connection is open. Raises Unsendable."""
        framed = Connection.framed(message, len(payload), checksum(payload))
        if self._transport is None or self._is_told:
            return
        self._outbox.put(framed)
        self._outbox.put(payload)
        self._write()
        if self._outbox.is_beyond_bounds:
            self._lose("it reads too slowly: too much waits to be sent to it")

    def close(self) -> None:
        """Close it once everything was sent; nothing more is told of it."""
        self._is_told = True
        if self._transport is None:
            return self.abort()
        self._set_timer(self.abort)
        return self._write()

    def _write(self) -> None:
        """Write what waits, as much as asyncio takes without keeping it: it copies what it keeps."""
        transport = self._transport
        if transport is None:
            return
        while self._outbox and self._may_write:
            piece = self._outbox.batch()[0][:PIECE_SIZE]
            transport.write(piece)
            self._outbox.batch_sent(len(piece))
        if self._is_told and not self._outbox:
            transport.close()

    def abort(self) -> None:
        """Close it at once; nothing more is told of it."""
        self._is_told = True
        self._end()

    def _take(self, item: Incoming | bytes) -> None:
        if isinstance(item, bytes):
            self._outbox.put(item)
            return self._write()
        if isinstance(item.message, Error) and item.message.fatal:
            self._last_error = item.message
        elif self._is_told:
            return None
        elif item.is_damaged:
            self._deliver(Damaged(self.id, item.message))
        else:
            if self._timer is not None and self._protocol.state is HandshakeState.OPEN:
                self._timer.cancel()
                self._timer = None
            self._deliver(Received(self.id, item.message, item.payload, item.xxh3))
        return None

    def _refuse(self, error: ProtocolError) -> None:
        """Close the connection because of a fault of its peer, and send the peer the reason."""
        if self._transport is not None and not self._is_told:
            self._outbox.put(Connection.framed(Error(code=error.code, text=error.text, job=error.job)))
        if not self._is_told:
            self._is_told = True
            self._deliver(Lost(self.id, f"{error.code}: {error.text}", None, error.job))
        self.close()

    def _lose(self, reason: str) -> None:
        is_news, self._is_told = not self._is_told, True
        self._end()
        if is_news:
            error = self._last_error
            self._deliver(Lost(self.id, error.text if error else reason, error, error.job if error else ""))

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dialling is not None and self._dialling is not asyncio.current_task():
            self._dialling.cancel()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._outbox.clear()
        self._protocol.reader.close()
        self._memory.forget(self._protocol.reader.account)

    def _set_timer(self, expired: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(limits.HANDSHAKE_TIMEOUT_S, expired)
