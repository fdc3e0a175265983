"""The protocol of one connection, without its socket: bytes in, messages out, and which message may come when.

The accepting side speaks first. Both sides run the same class with another table:

    accepting   awaiting-hello ── Hello ──▶ open ──▶ closed
    dialling    awaiting-greeting ── Greeting ──▶ awaiting-welcome ── Welcome ──▶ open ──▶ closed
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from moviola.base.vocabulary import ErrorCode
from moviola.wire.budget import Budget
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.framing import Frame, FrameReader, prefix
from moviola.wire.limits import MAX_GREETING_HEADER, MAX_HEADER, MAX_PAYLOAD
from moviola.wire.messages import (
    MAX_PAYLOADS,
    ROLES,
    VERSIONS,
    Error,
    Greeting,
    Hello,
    Message,
    Welcome,
    decode,
    encode,
)
from moviola.wire.transitions import changed


class HandshakeState(Enum):
    """How far the handshake of a connection is; the module's drawing shows the order."""

    AWAITING_HELLO = "awaiting-hello"
    AWAITING_GREETING = "awaiting-greeting"
    AWAITING_WELCOME = "awaiting-welcome"
    OPEN = "open"
    CLOSED = "closed"  # the other side has sent a fatal Error


TRANSITIONS: Final[dict[HandshakeState, frozenset[HandshakeState]]] = {
    HandshakeState.AWAITING_HELLO: frozenset({HandshakeState.OPEN}),
    HandshakeState.AWAITING_GREETING: frozenset({HandshakeState.AWAITING_WELCOME, HandshakeState.CLOSED}),
    HandshakeState.AWAITING_WELCOME: frozenset({HandshakeState.OPEN, HandshakeState.CLOSED}),
    HandshakeState.OPEN: frozenset({HandshakeState.CLOSED}),
    HandshakeState.CLOSED: frozenset(),
}
"""Which state may follow which."""

ALLOWED: Final[dict[HandshakeState, tuple[type[Message], ...]]] = {
    HandshakeState.AWAITING_HELLO: (Hello,),
    HandshakeState.AWAITING_GREETING: (Greeting, Error),
    HandshakeState.AWAITING_WELCOME: (Welcome, Error),
    HandshakeState.OPEN: (Message,),
    HandshakeState.CLOSED: (),
}
"""The messages that the other side may send in each state."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A received message with its payload.

    Attributes:
        message: the message.
        payload: its payload; empty for most messages.
        xxh3: the payload's checksum.
        is_damaged: the payload did not match its checksum and was dropped.
    """

    message: Message
    payload: bytes | bytearray = b""
    xxh3: int = 0
    is_damaged: bool = False


def proof(secret: bytes, nonce: bytes, hello: Hello) -> bytes:
    """Return the proof that a dialling peer knows the cluster's secret.

    It is the HMAC-SHA-256 of nonce, role, name and session under the secret.

    Args:
        secret: the cluster's secret; if it is empty, the proof is empty.
        nonce: the random bytes of the Greeting.
        hello: the Hello that the proof goes into.
    """
    if not secret:
        return b""
    parts = (nonce, hello.role.encode(), hello.name.encode(), hello.session.encode())
    material = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(secret, material, hashlib.sha256).digest()


class Connection:
    """The protocol of one connection.

    Args:
        role: the role of this program; the Greeting of an accepted connection carries it.
        hello: the Hello to send; None for an accepted connection.
        secret: the cluster's shared secret; empty if there is none.
        scratch: the receive buffer shared by the loop's connections.
        budget: the memory for messages in progress, shared by the loop's connections.
    """

    def __init__(
        self,
        *,
        role: str,
        hello: Hello | None = None,
        secret: bytes = b"",
        scratch: bytearray | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.state = HandshakeState.AWAITING_GREETING if hello else HandshakeState.AWAITING_HELLO
        self.reader = FrameReader(
            max_header=MAX_GREETING_HEADER, payload_limit=self._begun, scratch=scratch, budget=budget
        )
        self._coming: Message | None = None  # of the frame in progress
        self._max_payloads: dict[type[Message], int] = {}  # of what the other side may say
        self.peer: Hello | None = None
        self._hello = hello
        self._secret = secret
        self._nonce = b"" if hello else secrets.token_bytes(16)
        self._role = hello.role if hello else role
        self._greeted_by = ""

    @property
    def is_dialled(self) -> bool:
        """Return True if this side made the connection."""
        return self._hello is not None

    def begin(self) -> bytes:
        """Return the bytes to send as soon as the socket is connected: a Greeting, or nothing if this side dialled."""
        if self._hello is not None:
            return b""
        return self.framed(Greeting(versions=list(VERSIONS), nonce=self._nonce, role=self._role))

    @staticmethod
    def framed(message: Message, payload_size: int = 0, payload_xxh3: int = 0) -> bytes:
        """Return prefix and header of a message; the caller sends the payload, if any, right behind them.

        Args:
            message: the message.
            payload_size: bytes of its payload.
            payload_xxh3: checksum of its payload.

        Raises:
            Unsendable: the message breaks its schema, or the message or payload is too large.
        """
        if payload_size > MAX_PAYLOAD:
            raise Unsendable(
                f"{type(message).__name__} has a payload of {payload_size} bytes; at most {MAX_PAYLOAD} are allowed"
            )
        return prefix(encode(message), payload_size, payload_xxh3)

    def feed(self, count: int) -> None:
        """Take `count` more bytes, which were received into `reader.buffer()`."""
        self.reader.received(count)

    def unparsed(self) -> Iterator[Incoming | bytes]:
        """Yield what the received bytes contain: messages for the program, and bytes to send back.

        A caller that stops early must call `reader.keep` before more is received.

        Raises:
            ProtocolError: the peer broke the protocol; send `framed(Error(…))` and close.
        """
        for frame in self.reader.frames():
            yield from self._take(frame)

    def _begun(self, header: bytes) -> int:
        """Decode a complete header; return how many bytes of payload may follow.

        A message that may not come now is refused here, before its payload takes any memory.
        """
        self._coming = message = decode(header)
        if not isinstance(message, ALLOWED[self.state]):
            raise ProtocolError(
                ErrorCode.OUT_OF_ORDER, f"{type(message).__name__} may not come in the state {self.state.value}"
            )
        return self._max_payloads.get(type(message), 0)

    def _take(self, frame: Frame) -> Iterator[Incoming | bytes]:
        message = self._coming
        assert message is not None
        if frame.is_damaged and type(message) not in self._max_payloads:
            raise ProtocolError(
                ErrorCode.CORRUPT, f"{type(message).__name__} came with a checksum, but may have no payload here"
            )
        if isinstance(message, Error) and message.fatal:
            self._change(HandshakeState.CLOSED)
        elif self.state is HandshakeState.AWAITING_HELLO:
            assert isinstance(message, Hello)
            self._check_hello(message)
            self.peer = message
            self._open(message.role)
        elif self.state is HandshakeState.AWAITING_GREETING and isinstance(message, Greeting):
            answer = self._answer(message)
            self._change(HandshakeState.AWAITING_WELCOME)
            self._greeted_by = message.role
            yield answer
            return
        elif self.state is HandshakeState.AWAITING_WELCOME:
            self._open(self._greeted_by)
        elif isinstance(message, Greeting | Hello | Welcome):
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"{type(message).__name__} may come only once")
        yield Incoming(message, frame.payload, frame.xxh3, frame.is_damaged)

    def _change(self, state: HandshakeState) -> None:
        self.state = changed(TRANSITIONS, self.state, state)

    def _open(self, peer_role: str) -> None:
        self._change(HandshakeState.OPEN)
        self.reader.max_header = MAX_HEADER
        self._max_payloads = MAX_PAYLOADS.get((self._role, peer_role), {})

    def _answer(self, greeting: Greeting) -> bytes:
        assert self._hello is not None
        if not set(greeting.versions) & set(VERSIONS):
            raise ProtocolError(
                ErrorCode.VERSION, f"the other side speaks {greeting.versions}, we speak {list(VERSIONS)}"
            )
        return self.framed(replace(self._hello, proof=proof(self._secret, greeting.nonce, self._hello)))

    def _check_hello(self, hello: Hello) -> None:
        if not set(hello.versions) & set(VERSIONS):
            raise ProtocolError(ErrorCode.VERSION, f"we speak {list(VERSIONS)}, {hello.name!r} speaks {hello.versions}")
        if hello.role not in ROLES:
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"the role {hello.role!r} is unknown; the roles are {', '.join(ROLES)}"
            )
        if self._secret and not hmac.compare_digest(hello.proof, proof(self._secret, self._nonce, hello)):
            text = (
                f"{hello.name!r} does not know this cluster's secret; copy the secret from the cluster's state folder"
            )
            raise ProtocolError(ErrorCode.FORBIDDEN, f"{text} and name the copy with --secret-file")
