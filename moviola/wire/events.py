"""What a program is told of its connections: messages that came, connections that are gone.

A transport returns these events (`moviola/wire/loop.py` does, for sockets); there are no sockets in this module.
"""

from __future__ import annotations

from dataclasses import dataclass

from moviola.wire.messages import Error, Message

ConnectionId = int
"""The number of a connection in its transport; none is used twice."""


@dataclass(frozen=True, slots=True)
class Received:
    """Event: a message was received. The first is `Hello` on an accepted connection, `Welcome` on a dialled one.

    Attributes:
        connection: where it came from.
        message: the message.
        payload: its payload; empty for most messages.
        xxh3: the payload's checksum.
    """

    connection: ConnectionId
    message: Message
    payload: bytes | bytearray = b""
    xxh3: int = 0


@dataclass(frozen=True, slots=True)
class Damaged:
    """Event: a message was received whose payload did not match its checksum. The payload is dropped; the connection
    stays open."""

    connection: ConnectionId
    message: Message


@dataclass(frozen=True, slots=True)
class Lost:
    """Event: a connection was lost, or could not be made.

    Attributes:
        connection: which one.
        reason: why, for people.
        error: the other side's last message, if it was a fatal Error.
        job: the id of the job whose message ended the connection; empty if that is not known.
    """

    connection: ConnectionId
    reason: str
    error: Error | None = None
    job: str = ""


@dataclass(frozen=True, slots=True)
class Unsent:
    """Event: a message was not sent because it breaks its schema or a limit. The connection stays open."""

    connection: ConnectionId
    message: Message
    reason: str


@dataclass(frozen=True, slots=True)
class Readable:
    """Event: a file descriptor given to `Loop.watch` can be read."""

    fd: int


NetworkEvent = Received | Damaged | Lost | Unsent | Readable
"""What a transport tells a program."""
