"""A middleware in the test's process, on real sockets and files, and the peers that a test drives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from middleware.ledger import MiddlewareLedger
from middleware.model.rules import Rules
from middleware.server import Server
from moviola.storage.spool import Spool
from moviola.wire.addresses import Address
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.limits import MIB
from moviola.wire.loop import Loop
from moviola.wire.messages import (
    VERSIONS,
    AggregatorDetails,
    Hello,
    Holdings,
    Job,
    Message,
    Own,
    Submit,
    Welcome,
    WorkerDetails,
)
from tests.waiting import until

M = TypeVar("M", bound=Message)


class MiddlewarePeer:
    """One connection to the middleware, and all that came on it."""

    def __init__(self, port: int, role: str, details: dict[str, Any] | None = None, name: str = "") -> None:
        self.loop = Loop(role)
        token = f"token of {role}"
        hello = Hello(role, name or f"a {role}", "session", list(VERSIONS), details=details or {}, token=token)
        self.link = self.loop.dial([Address("127.0.0.1", port)], hello)
        self.events: list[NetworkEvent] = []

    def say(self, message: Message, payload: bytes = b"") -> None:
        self.loop.send(self.link, message, payload)

    def turn(self) -> None:
        self.loop.flush()
        self.events += self.loop.turn(time.monotonic() + 0.002)
        self.loop.flush()

    def heard(self, kind: type[M]) -> list[M]:
        return [one.message for one in self.events if isinstance(one, Received) and isinstance(one.message, kind)]

    @property
    def is_lost(self) -> bool:
        return any(isinstance(event, Lost) for event in self.events)


class Cluster:
    """A middleware in this process, with its state in `folder`, and peers that are driven by the test."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop("middleware")
        self.port = self.loop.listen("127.0.0.1", 0)
        self.spool = Spool(folder / "spool", limit_bytes=1024 * MIB)
        self.ledger = MiddlewareLedger(folder / "ledger.sqlite")
        self.server = Server(Rules(), self.loop, self.ledger, self.spool)
        self.peers: list[MiddlewarePeer] = []

    def join(self, role: str, details: dict[str, Any] | None = None, name: str = "") -> MiddlewarePeer:
        peer = MiddlewarePeer(self.port, role, details, name)
        self.peers.append(peer)
        self.until(lambda: peer.heard(Welcome), peer)
        return peer

    def until(self, condition: Callable[[], object], *reading: MiddlewarePeer) -> None:
        """Turns of the middleware and of those peers, the others stand still."""

        def turn() -> None:
            self.loop.wake()
            self.server.turn()
            for peer in reading:
                peer.turn()

        until(condition, lambda: [peer.events[-3:] for peer in self.peers], turn=turn)

    def submit(self, client: MiddlewarePeer, aggregator: MiddlewarePeer, key: str, streams: int = 1) -> str:
        source = {"kind": "video", "name": f"{key}.mkv", "stream_count": streams, "process": {}}
        known = {one.job for one in client.heard(Job)}
        client.say(Submit(key, source, [{"name": "o", "chain": [{"name": "blur"}]}], new=True))
        self.until(lambda: {one.job for one in client.heard(Job)} - known, client, aggregator)
        [job] = {one.job for one in client.heard(Job)} - known
        self.until(lambda: [one for one in aggregator.heard(Own) if one.job == job], client, aggregator)
        aggregator.say(Holdings(job, aggregator.heard(Own)[-1].owner_epoch, [b""] * streams))
        aggregator.turn()
        return job

    def close(self) -> None:
        """As kill -9 leaves it."""
        for loop in (self.loop, *(peer.loop for peer in self.peers)):
            loop.shut()
        self.spool.close()
        self.ledger.close()


AGGREGATOR = AggregatorDetails("store", [Address("", 5)]).to_wire()


WORKER = WorkerDetails([{"name": "blur"}], ["video"], 1, "build").to_wire()
