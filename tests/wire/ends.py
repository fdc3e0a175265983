"""An accepting and a dialling endpoint without sockets: the test carries the bytes, and moves the clock."""

from __future__ import annotations

from moviola.wire.budget import Budget
from moviola.wire.connection import Connection
from moviola.wire.endpoint import Endpoint, Share
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.framing import checksum, prefix
from moviola.wire.messages import VERSIONS, Hello, Message, Welcome, encode


class End:
    """An endpoint, its clock, and what it has reported.

    Args:
        hello: what it dials with; None for an accepting one.
        budget: shared with other ends; one of its own by default.
        connection: its id.
    """

    def __init__(self, hello: Hello | None = None, budget: Budget | None = None, connection: int = 1) -> None:
        self.now = 1000.0
        self.budget = budget if budget is not None else Budget()
        self.events: list[NetworkEvent] = []
        protocol = Connection(role="middleware", hello=hello, budget=self.budget)
        self.end = Endpoint(connection, protocol, self.budget, self.events.append, self.now)

    def come(self, data: bytes, share: Share | None = None) -> int:
        """Let bytes come in one turn; return how many were taken."""
        left, taken = (share or Share.of(1)).messages, 0
        while (left := self.end.parse(left, self.now)) and taken < len(data):
            with self.end.buffer() as buffer:
                part = data[taken : taken + len(buffer)]
                if not part:
                    break  # there is no memory for more
                buffer[: len(part)] = part
            taken += len(part)
            self.end.received(len(part))
        self.end.settle(self.now)
        return taken

    def leave(self, most: int | None = None) -> bytes:
        """Let so many bytes leave, by default all; return them."""
        sent = b"".join(self.end.outbox.batch())[:most]
        self.end.outbox.batch_sent(len(sent))
        self.end.written()
        self.end.settle(self.now)
        return sent

    def messages(self) -> list[Message]:
        """Return the messages that were reported since this was asked last."""
        found = [event.message for event in self.events if isinstance(event, Received)]
        self.events.clear()
        return found

    def lost(self) -> list[str]:
        """Return why it was reported as lost."""
        return [event.reason for event in self.events if isinstance(event, Lost)]

    def later(self, seconds: float) -> None:
        """Let time pass; a deadline within it comes."""
        self.now += seconds
        if self.end.deadline is not None and self.end.deadline <= self.now:
            self.end.expired(self.now)

    @property
    def state(self) -> str:
        return self.end.state.value

    @property
    def seconds_left(self) -> float | None:
        return None if self.end.deadline is None else self.end.deadline - self.now


def frame(message: Message, payload: bytes = b"", size: int | None = None) -> bytes:
    """A message on the wire; with `size`, of a payload of which this is only the beginning."""
    whole = payload if size is None else payload + bytes(size - len(payload))
    return prefix(encode(message), len(whole), checksum(whole)) + payload


def opened(budget: Budget | None = None, role: str = "client", connection: int = 1) -> End:
    """An accepting end whose peer has said who it is."""
    made = End(budget=budget, connection=connection)
    made.come(frame(Hello(role, "peer", "s", list(VERSIONS))))
    made.end.send(Welcome(version=3, epoch=7), b"", None)
    made.leave()
    made.events.clear()
    return made
