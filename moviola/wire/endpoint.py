"""One end of a connection, without its socket: what it sends, whether it is read, and by when it must go on.

A transport owns the socket. It tells an endpoint what happened, calls `settle`, and does what the endpoint has decided
by then: it reads while `is_reading`, sends what is in the `outbox`, calls `expired` at the `deadline`, and closes the
socket when the state is CLOSED. Messages, and the end of the connection, are reported as events.

    for each turn in which bytes have come              for each turn in which bytes can leave
        left = endpoint.parse(share.messages, now)          send from endpoint.outbox
        receive into endpoint.buffer()                      endpoint.written()
        endpoint.received(count)                            endpoint.settle(now)
        endpoint.parse(left, now)
        endpoint.settle(now)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from moviola.base.vocabulary import ErrorCode
from moviola.wire import limits
from moviola.wire.budget import Account, Budget
from moviola.wire.connection import Connection, HandshakeState, Incoming
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.events import ConnectionId, Damaged, Lost, NetworkEvent, Received, Unsent
from moviola.wire.framing import Buffer, checksum
from moviola.wire.messages import CHECKS_WHAT_IS_SENT, Error, Message
from moviola.wire.outbox import FileSlice, Outbox
from moviola.wire.transitions import changed


class EndpointState(Enum):
    """What becomes of a connection at this end. All states but OPEN and CLOSED have a deadline."""

    DIALLING = "dialling"  # one address after the other, until one answers
    HANDSHAKING = "handshaking"
    OPEN = "open"  # between two messages, or not read at present
    RECEIVING = "receiving"  # a message has begun, and the rest of it must come in time
    FAVOURED = "favoured"  # the same, in memory beyond the budget (see budget.py), so in less time
    CLOSING = "closing"  # the outbox is still sent, and nothing is read; the program knows that it is over
    CLOSED = "closed"


_OPEN, _CLOSING, _HANDSHAKEN = EndpointState.OPEN, EndpointState.CLOSING, HandshakeState.OPEN
"""Looked up once: these are asked for every message."""

_END: Final = (EndpointState.CLOSING, EndpointState.CLOSED)
_UNREAD: Final = (EndpointState.DIALLING, *_END)

TRANSITIONS: Final[dict[EndpointState, frozenset[EndpointState]]] = {
    EndpointState.DIALLING: frozenset({EndpointState.HANDSHAKING, EndpointState.CLOSED}),
    EndpointState.HANDSHAKING: frozenset({EndpointState.OPEN, *_END}),
    EndpointState.OPEN: frozenset({EndpointState.RECEIVING, EndpointState.FAVOURED, *_END}),
    EndpointState.RECEIVING: frozenset({EndpointState.OPEN, EndpointState.FAVOURED, *_END}),
    EndpointState.FAVOURED: frozenset({EndpointState.OPEN, EndpointState.RECEIVING, *_END}),
    EndpointState.CLOSING: frozenset({EndpointState.CLOSED}),
    EndpointState.CLOSED: frozenset(),
}
"""Which state may follow which."""


class Share(NamedTuple):
    """How much one connection may read in one turn of its transport."""

    messages: int
    size: int  # bytes

    @classmethod
    def of(cls, count: int) -> Share:
        """Return the share of each of `count` connections that have something to read."""
        each = max(count, 1)
        return cls(
            max(1, min(limits.MESSAGES_EACH, limits.MESSAGES_PER_TURN // each)),
            max(limits.RECEIVE_BUFFER, min(limits.READ_EACH, limits.READ_PER_TURN // each)),
        )


class Endpoint:
    """One end of a connection.

    Args:
        connection: its id; events carry it.
        protocol: its handshake and frames.
        budget: the memory for messages in progress, which it shares with the transport's other connections.
        report: called with each event.
        now: monotonic seconds, here and in all methods.
    """

    def __init__(
        self,
        connection: ConnectionId,
        protocol: Connection,
        budget: Budget,
        report: Callable[[NetworkEvent], None],
        now: float,
    ) -> None:
        self.id, self.protocol = connection, protocol
        self.outbox = Outbox()
        self.state = EndpointState.DIALLING if protocol.is_dialled else EndpointState.HANDSHAKING
        self.deadline: float | None = now + limits.HANDSHAKE_TIMEOUT_S
        self.is_reading = not protocol.is_dialled
        self.waits_for_memory = False  # for the rest of a message: it is not read until there is some
        self._budget, self._report = budget, report
        self._progress = 0  # bytes of the message in progress since its deadline was set
        self._held: list[Received] = []  # messages that wait until the other side has read its answers
        self._last_error: Error | None = None
        self.outbox.put(protocol.begin())

    # ── what a program does ──────────────────────────────────────────────────────────────────────────────────────

    def send(self, message: Message, payload: Buffer | FileSlice, xxh3: int | None) -> None:
        """Queue a message; report Unsent if it breaks its schema or a limit.

        A connection on which too much waits to be sent is ended.

        Args:
            message: the message.
            payload: its payload; empty for most messages.
            xxh3: the payload's checksum; required for a FileSlice, computed for other payloads if it is missing.
        """
        if self.state in _END:
            return _release(payload)
        size = payload.size if isinstance(payload, FileSlice) else len(payload)
        if xxh3 is None:
            assert not isinstance(payload, FileSlice)
            xxh3 = checksum(payload)
        try:
            framed = Connection.framed(message, size, xxh3)
        except Unsendable as error:
            return self._unsent(message, payload, error)
        self.outbox.put(framed)
        if isinstance(payload, FileSlice):
            self.outbox.put_slice(payload)
        elif size:
            self.outbox.put(payload)
        if self.outbox.is_beyond_bounds:
            self.lose("it reads too slowly: too much waits to be sent to it")
        return None

    def _unsent(self, message: Message, payload: Buffer | FileSlice, error: Unsendable) -> None:
        """Report a message that cannot be sent; raise instead if CHECKS_WHAT_IS_SENT."""
        _release(payload)
        if CHECKS_WHAT_IS_SENT:
            raise error
        self._report(Unsent(self.id, message, str(error)))

    def close(self, now: float, code: str = "", text: str = "", job: str = "") -> None:
        """Close the connection once its outbox was sent. No Lost event follows.

        Args:
            code: if not empty, an Error with this code is sent last.
            text: the Error's reason, for people.
            job: the id of the job whose message was refused, for the Error.
        """
        if self.state in _END:
            return None
        if self.state is EndpointState.DIALLING:
            return self.end()  # nothing was said yet, and nothing shall be
        if code:
            self.outbox.put(Connection.framed(Error(code=code, text=text, job=job)))
        self._change(EndpointState.CLOSING)
        self._forget_incoming()
        self.deadline = now + limits.HANDSHAKE_TIMEOUT_S
        return None

    def hold(self, event: Received) -> bool:
        """Return True if a message was kept, to be reported again later, because its sender has not read enough
        answers."""
        if not self._held and not self.outbox.is_high:
            return False
        self._held.append(event)
        return True

    # ── what a transport tells ───────────────────────────────────────────────────────────────────────────────────

    def dialling(self, now: float) -> None:
        """The transport has begun to connect to an address."""
        self.deadline = now + limits.CONNECT_TIMEOUT_S

    def connected(self, now: float) -> None:
        """An address has answered: the handshake begins."""
        self._change(EndpointState.HANDSHAKING)
        self.deadline = now + limits.HANDSHAKE_TIMEOUT_S
        self.is_reading = True

    def buffer(self) -> memoryview:
        """Return the memory to receive into, to be released before `received`; empty if there is none now."""
        buffer = self.protocol.reader.buffer()
        self.waits_for_memory = not len(buffer)
        return buffer

    def received(self, count: int) -> None:
        """Take `count` bytes that were received into `buffer()`; `parse` reports what they contain."""
        self._progress += count
        self.protocol.feed(count)

    def parse(self, most: int, now: float) -> int:
        """Report at most `most` messages; return how many more may be reported in this turn.

        If 0 are left, receive nothing more in this turn. What the peer did wrong ends the connection.
        """
        left = most
        try:
            for item in self.protocol.unparsed():
                self._take(item)
                left -= 1
                if not left:
                    self.protocol.reader.keep()
                    break
        except ProtocolError as error:
            self._refuse(error, now)
            return 0
        return left

    def ended(self) -> None:
        """The other side has closed the connection."""
        torn = " in the middle of a message" if self.is_amid_message else ""
        self.lose(f"the other side closed the connection{torn}")

    def written(self) -> None:
        """The transport has sent from the outbox what the other side takes at present."""
        if self.state is _CLOSING and not self.outbox:
            self.end()
        elif self._held and self.outbox.is_low:
            for event in self._held:
                self._report(event)
            self._held = []

    def expired(self, now: float) -> None:
        """The deadline has come. In the state DIALLING the transport tries the next address instead."""
        if self.state is EndpointState.CLOSING:
            self.end()
        elif self.state in (EndpointState.RECEIVING, EndpointState.FAVOURED):
            self._message_expired(now)
        else:
            self.lose("the handshake took too long")

    def lose(self, reason: str) -> None:
        """End the connection, and report it as lost."""
        self._report_lost(reason)
        self.end()

    def end(self) -> None:
        """End the connection and report nothing. What waits in the outbox is dropped."""
        if self.state is not EndpointState.CLOSED:
            self._change(EndpointState.CLOSED)
            self._forget_incoming()
            self.deadline, self._held = None, []
            self.outbox.clear()

    # ── what an endpoint decides ─────────────────────────────────────────────────────────────────────────────────

    @property
    def account(self) -> Account:
        """Return the account of the memory for the message in progress."""
        return self.protocol.reader.account

    @property
    def is_handshaken(self) -> bool:
        """Return True if each side knows who the other one is."""
        return self.protocol.state is _HANDSHAKEN

    @property
    def is_amid_message(self) -> bool:
        """Return True if a part of a message has come, but not its end."""
        return not self.protocol.reader.idle

    @property
    def has_unparsed(self) -> bool:
        """Return True if `parse` has more to report, without another byte."""
        return self.protocol.reader.has_unparsed

    def settle(self, now: float) -> None:
        """Decide whether the connection is read from now on, and by when the message in progress must go on.

        Nothing is read while the other side leaves its answers unread, or while there is no memory for more. A message
        that waits for this side has no deadline.
        """
        if not self.is_reading and self.state in _UNREAD:
            return
        may_ask = not self.outbox.is_high if self.is_reading else self.outbox.is_low
        self.is_reading = may_ask and not self.waits_for_memory
        if not self.is_handshaken:
            return
        reader = self.protocol.reader
        if reader.idle or reader.has_unparsed or not self.is_reading:
            self.deadline = None
            if self.state is not _OPEN:
                self._change(_OPEN)
            return
        wanted = EndpointState.FAVOURED if self.account.is_favoured else EndpointState.RECEIVING
        has_progress = wanted is EndpointState.RECEIVING and self._progress >= limits.FRAME_PROGRESS
        if self.state is not wanted or has_progress:
            self._begin_timing(wanted, now)

    def _begin_timing(self, state: EndpointState, now: float) -> None:
        self._change(state)
        self._progress = 0
        self.deadline = now + (limits.FAVOUR_TIMEOUT_S if state is EndpointState.FAVOURED else limits.FRAME_TIMEOUT_S)

    def _message_expired(self, now: float) -> None:
        if self.account.is_favoured and not self._budget.is_contended and self._progress >= limits.FRAME_PROGRESS:
            return self._begin_timing(EndpointState.FAVOURED, now)  # nobody waits for its memory
        text = "a message stopped in its middle: the rest of it did not come in time"
        return self._refuse(ProtocolError(ErrorCode.SILENT, text), now)

    def _take(self, item: Incoming | bytes) -> None:
        if self.state is not _OPEN and (self.state is not EndpointState.HANDSHAKING or self.is_handshaken):
            self._change(_OPEN)  # the deadline was that of the message that has ended here
        if isinstance(item, bytes):
            self.outbox.put(item)
        elif isinstance(item.message, Error) and item.message.fatal:
            self._last_error = item.message
        elif item.is_damaged:
            self._report(Damaged(self.id, item.message))
        else:
            self._report(Received(self.id, item.message, item.payload, item.xxh3))

    def _refuse(self, error: ProtocolError, now: float) -> None:
        """Close the connection because of a fault of its peer, and send the peer the reason."""
        self._report_lost(f"{error.code}: {error.text}", error.job)
        self.close(now, error.code, error.text, error.job)

    def _report_lost(self, reason: str, job: str = "") -> None:
        """Report a Lost event, unless the program closed the connection itself or never knew of it."""
        was_heard_of = self.protocol.peer is not None or self.protocol.is_dialled
        if was_heard_of and self.state not in _END:
            last = self._last_error
            self._report(Lost(self.id, last.text if last else reason, last, last.job if last else job))

    def _forget_incoming(self) -> None:
        self.protocol.reader.close()
        self.waits_for_memory = self.is_reading = False

    def _change(self, state: EndpointState) -> None:
        self.state = changed(TRANSITIONS, self.state, state)


def _release(payload: Buffer | FileSlice) -> None:
    """Give up a payload that will never be sent."""
    if isinstance(payload, FileSlice):
        payload.release()
