"""Two loops with real sockets on loopback, driven in turn by the test."""

from __future__ import annotations

import time
from collections.abc import Callable

from moviola.wire.addresses import Address
from moviola.wire.events import NetworkEvent, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import VERSIONS, HandOn, Hello, Task, Welcome
from moviola.wire.schema import Lease
from tests.waiting import until

HELLO = Hello(role="worker", name="tester", session="s1", versions=list(VERSIONS))


HANDED = HandOn(Lease(1, 1), "j", 0, 0)


TASK = Task(Lease(1, 1), "j", 0, 0, {}, {}, "o", 1)


class Pair:
    """An accepting loop, a dialling loop, and all events of both."""

    def __init__(self, **options: bytes) -> None:
        self.server = Loop("middleware", **options)  # type: ignore[arg-type]
        self.client = Loop("worker", **options)  # type: ignore[arg-type]
        self.port = self.server.listen("localhost", 0)
        self.at_server: list[NetworkEvent] = []
        self.at_client: list[NetworkEvent] = []

    def until(self, condition: Callable[[], object]) -> None:
        until(condition, lambda: (self.at_server, self.at_client), turn=self._turn)

    def _turn(self) -> None:
        for loop, events in ((self.server, self.at_server), (self.client, self.at_client)):
            events += loop.turn(time.monotonic() + 0.005)
            loop.flush()

    def opened(self, host: str = "127.0.0.1") -> tuple[int, int]:
        """Connection ids at the client and at the server, handshake done."""
        here = self.client.dial([Address(host, self.port)], HELLO)
        self.until(lambda: self.at_server)
        first = self.at_server.pop()
        assert isinstance(first, Received)
        assert isinstance(first.message, Hello)
        self.server.send(first.connection, Welcome(version=3, epoch=7))
        self.until(lambda: self.at_client)
        welcome = self.at_client.pop()
        assert isinstance(welcome, Received)
        assert welcome.message == Welcome(version=3, epoch=7)
        return here, first.connection
