"""One connection without its socket: bytes in, events out; which message may come when.

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


class State(Enum):
    AWAITING_HELLO = "awaiting-hello"
    AWAITING_GREETING = "awaiting-greeting"
    AWAITING_WELCOME = "awaiting-welcome"
    OPEN = "open"
    CLOSED = "closed"


ALLOWED: Final[dict[State, tuple[type[Message], ...]]] = {
    State.AWAITING_HELLO: (Hello,),
    State.AWAITING_GREETING: (Greeting, Error),
    State.AWAITING_WELCOME: (Welcome, Error),
    State.OPEN: (Message,),
    State.CLOSED: (),
}
"""What the other side may say in each state."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message with its payload (empty for most) and that payload's checksum; `is_damaged`: without it, for what came
    did not match the checksum."""

    message: Message
    payload: bytes | bytearray = b""
    xxh3: int = 0
    is_damaged: bool = False


def proof(secret: bytes, nonce: bytes, hello: Hello) -> bytes:
    """HMAC-SHA-256 under `secret` of nonce, role, name and session; empty where there is no secret."""
    if not secret:
        return b""
    parts = (nonce, hello.role.encode(), hello.name.encode(), hello.session.encode())
    material = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(secret, material, hashlib.sha256).digest()


class Connection:
    """The protocol of one connection.

    Args:
        hello: what to say of ourselves; a connection without it is an accepted one.
        role: our role where it is an accepted one, for the Greeting.
        secret: the peers' shared secret, or empty.
        scratch, budget: receive memory shared with the loop's other connections.
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
        self.state = State.AWAITING_GREETING if hello else State.AWAITING_HELLO
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
        return self._hello is not None

    def begin(self) -> bytes:
        """What to send as soon as the socket is connected."""
        if self._hello is not None:
            return b""
        return self.framed(Greeting(versions=list(VERSIONS), nonce=self._nonce, role=self._role))

    @staticmethod
    def framed(message: Message, payload_size: int = 0, payload_xxh3: int = 0) -> bytes:
        """Return prefix and header of a message; its payload, if any, is sent right behind. Raises Unsendable."""
        if payload_size > MAX_PAYLOAD:
            raise Unsendable(
                f"a payload of {payload_size} bytes with {type(message).__name__}; {MAX_PAYLOAD} are the most"
            )
        return prefix(encode(message), payload_size, payload_xxh3)

    def feed(self, count: int) -> None:
        """Takes `count` bytes more that came into `reader.buffer()`."""
        self.reader.received(count)

    def unparsed(self) -> Iterator[Incoming | bytes]:
        """What has come and was not taken yet means: messages for the program, and bytes to send back. Whoever stops
        in the midst calls `reader.keep` before more is received.

        Raises:
            ProtocolError: the peer broke the protocol; send `framed(Error(…))` and close.
        """
        for frame in self.reader.frames():
            yield from self._take(frame)

    def _begun(self, header: bytes) -> int:
        """A header is whole: refuse what may not come, before its payload costs anything."""
        self._coming = message = decode(header)
        if not isinstance(message, ALLOWED[self.state]):
            raise ProtocolError(
                ErrorCode.OUT_OF_ORDER, f"{type(message).__name__} may not come while {self.state.value}"
            )
        return self._max_payloads.get(type(message), 0)

    def _take(self, frame: Frame) -> Iterator[Incoming | bytes]:
        message = self._coming
        assert message is not None
        if frame.is_damaged and type(message) not in self._max_payloads:
            raise ProtocolError(
                ErrorCode.CORRUPT, f"{type(message).__name__} has no payload here, and a checksum of one"
            )
        if isinstance(message, Error) and message.fatal:
            self.state = State.CLOSED
        elif self.state is State.AWAITING_HELLO:
            assert isinstance(message, Hello)
            self._check_hello(message)
            self.peer = message
            self._open(message.role)
        elif self.state is State.AWAITING_GREETING and isinstance(message, Greeting):
            yield self._answer(message)
            self.state = State.AWAITING_WELCOME
            self._greeted_by = message.role
            return
        elif self.state is State.AWAITING_WELCOME:
            self._open(self._greeted_by)
        elif isinstance(message, Greeting | Hello | Welcome):
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"{type(message).__name__} may come only once")
        yield Incoming(message, frame.payload, frame.xxh3, frame.is_damaged)

    def _open(self, peer_role: str) -> None:
        self.state = State.OPEN
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
                ErrorCode.BAD_MESSAGE, f"no role is called {hello.role!r}; there are {', '.join(ROLES)}"
            )
        if self._secret and not hmac.compare_digest(hello.proof, proof(self._secret, self._nonce, hello)):
            text = f"{hello.name!r} does not know this cluster's secret; --secret-file names a copy of the one"
            raise ProtocolError(ErrorCode.FORBIDDEN, f"{text} in the state folder of the cluster")
