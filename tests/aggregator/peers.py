"""A middleware, workers and clients for one aggregator, played by the test over loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aggregator.server import Server
from aggregator.settings import Settings
from aggregator.splice_processes import PROGRAM
from moviola.wire.addresses import Address
from moviola.wire.events import Lost, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import VERSIONS, Hello, Limits, Message, Welcome
from moviola.wire.schema import Lease
from tests.waiting import until

M = TypeVar("M", bound=Message)
DEADLINE_S = 30.0


class Cast:
    """Everyone but the aggregator, in one loop. Connections have numbers, `middleware` is the one it dialled."""

    def __init__(self) -> None:
        self.loop = Loop("middleware")
        self.port = self.loop.listen("localhost", 0)
        self.middleware = 0
        self.hello: Hello | None = None  # the aggregator's
        self.heard: list[Received] = []  # not yet expected
        self.lost: list[Lost] = []

    def turn(self, wait_s: float = 0.02) -> None:
        for event in self.loop.turn(time.monotonic() + wait_s):
            if isinstance(event, Received) and isinstance(event.message, Hello):
                self.middleware, self.hello = event.connection, event.message
                self.loop.send(event.connection, Welcome(version=3, epoch=1, limits=Limits(beat_interval_s=0.2)))
            elif isinstance(event, Received):
                self.heard.append(event)
            elif isinstance(event, Lost):
                self.lost.append(event)
                self.middleware = 0 if event.connection == self.middleware else self.middleware
        self.loop.flush()

    def until(self, condition: Callable[[], object]) -> None:
        until(condition, lambda: ([type(one.message).__name__ for one in self.heard], self.lost), turn=self.turn)

    def joined(self) -> None:
        """Waits until the aggregator is (again) there."""
        self.until(lambda: self.middleware)

    def say(self, message: Message, payload: bytes = b"", to: int = 0) -> None:
        self.loop.send(to or self.middleware, message, payload)
        self.loop.flush()

    def expect(self, kind: type[M], at: int = 0, **fields: object) -> M:
        """The next message of this kind, with these fields, that came to one connection."""
        return self.expect_with_payload(kind, at, **fields)[0]

    def expect_with_payload(self, kind: type[M], at: int = 0, **fields: object) -> tuple[M, bytes]:
        def fits(message: Message) -> bool:
            return isinstance(message, kind) and all(getattr(message, name) == fields[name] for name in fields)

        def found() -> Received | None:
            where = at or self.middleware
            return next((one for one in self.heard if one.connection == where and fits(one.message)), None)

        self.until(found)
        received = found()
        assert received is not None
        self.heard.remove(received)
        assert isinstance(received.message, kind)
        return received.message, bytes(received.payload)

    def dial(self, port: int, role: str, name: str) -> int:
        """A worker or client of the aggregator; returns its connection, welcomed."""
        hello = Hello(role=role, name=name, session="session", versions=list(VERSIONS))
        connection = self.loop.dial([Address("localhost", port)], hello)
        self.expect(Welcome, connection)
        return connection


def settings(folder: Path, cast: Cast, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "name": "splicer",
        "bind": "localhost",
        "port": 0,
        "host": "localhost",
        "middleware_port": cast.port,
        "state": folder / "state",
        "results": folder / "results",
        "spool_limit": 2**30,
        **changes,
    }
    return Settings(**values)


@contextmanager
def running(told: Settings, splicing_program: Sequence[str] = PROGRAM) -> Iterator[Server]:
    """An aggregator in a thread, stopped gracefully at the end."""
    server = Server.opened(told, b"", splicing_program)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def lease(index: int) -> Lease:
    return Lease(1, index)
