"""A middleware and an aggregator that only a test moves: real sockets on loopback, no rules of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from moviola.wire.addresses import Address
from moviola.wire.events import ConnectionId, Lost, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Hello,
    LeaseBeat,
    Limits,
    Message,
    Result,
    Stored,
    Task,
    Welcome,
    WorkerDetails,
)
from moviola.wire.schema import Lease
from tests.ports import free_port
from tests.waiting import PATIENCE_S, until

LIMITS = Limits(beat_interval_s=0.05, worker_timeout_s=60.0, stall_timeout_s=60.0, credit=2)
OUTPUT = {"name": "out", "chain": [], "codec": "ffv1", "crf": 20, "preset": "veryfast", "on_error": "original"}

M = TypeVar("M", bound=Message)


class Side:
    """An accepting program: welcomes all who come, keeps all they say."""

    def __init__(self, role: str, port: int | None = None) -> None:
        self.loop = Loop(role)
        self.port = self.loop.listen("localhost", free_port() if port is None else port)
        self.epoch = 1
        self.heard: list[Received] = []
        self.connections: dict[str, ConnectionId] = {}  # by the worker's name
        self.lost: list[str] = []

    def turn(self) -> None:
        for event in self.loop.turn(time.monotonic() + 0.002):
            if isinstance(event, Lost):
                self.lost += [name for name, one in self.connections.items() if one == event.connection]
                self.connections = {name: one for name, one in self.connections.items() if one != event.connection}
            elif isinstance(event, Received):
                self.heard.append(event)
                if isinstance(event.message, Hello):
                    self.connections[event.message.name] = event.connection
                    self.loop.send(event.connection, Welcome(version=3, epoch=self.epoch, limits=LIMITS))
        self.loop.flush()

    def all(self, kind: type[M]) -> list[M]:
        return [event.message for event in self.heard if isinstance(event.message, kind)]

    def heard_beats(self, lease: Lease) -> list[LeaseBeat]:
        """What was told of a lease while it was computed, once its thread has taken a step: before, a process that is
        killed has not written down what it is at."""
        beats = [beat for message in self.all(Beat) for beat in message.leases]
        return [beat for beat in beats if beat.lease == lease and beat.phase == "computing" and beat.steps]

    def details(self) -> list[WorkerDetails]:
        """What each worker told of itself in its Hello, in the order in which they came."""
        return [WorkerDetails.from_wire(hello.details) for hello in self.all(Hello)]


class Cluster:
    """Both, and the test's way to wait: it turns their loops until something is so."""

    def __init__(self) -> None:
        self.middleware = Side("middleware")
        self.aggregator = Side("aggregator")
        self._sequence = 0

    def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        return until(condition, self._heard_last, timeout_s, turn=self._turn)

    def _turn(self) -> None:
        self.middleware.turn()
        self.aggregator.turn()

    def _heard_last(self) -> object:
        return self.middleware.heard[-5:], self.aggregator.heard[-5:]

    def joined(self, name: str) -> None:
        self.until(lambda: name in self.middleware.connections)

    def announce(self, name: str, store: str = "store") -> None:
        where = [Address("127.0.0.1", self.aggregator.port)]
        self.tell(name, Aggregator(store=store, name="aggregator", addresses=where))

    def tell(self, name: str, message: Message, payload: bytes = b"") -> None:
        self.middleware.loop.send(self.middleware.connections[name], message, payload)

    def task(self, name: str, payload: bytes, store: str = "store") -> Lease:
        """Hands out a task of the kind "fake" (see tests/worker/fake_kind.py)."""
        self._sequence += 1
        lease = Lease(self.middleware.epoch, self._sequence)
        self.tell(name, task(lease, owner=store), payload)
        return lease

    def results(self) -> dict[Lease, bytes]:
        return {
            event.message.lease: bytes(event.payload)
            for event in self.aggregator.heard
            if isinstance(event.message, Result)
        }

    def verdict(self, lease: Lease, verdict: str = "kept") -> None:
        """On the Result of this lease that came last."""
        event = [e for e in self.aggregator.heard if isinstance(e.message, Result) and e.message.lease == lease][-1]
        assert isinstance(event.message, Result)
        message = event.message
        stored = Stored(message.job, message.track, message.index, verdict, lease)
        self.aggregator.loop.send(event.connection, stored)

    def shut(self) -> None:
        self.middleware.loop.shut()
        self.aggregator.loop.shut()


def task(lease: Lease, *, owner: str = "store", index: int | None = None) -> Task:
    index = lease.sequence if index is None else index
    return Task(lease, "job", 0, index, {"kind": "fake"}, OUTPUT, owner, owner_epoch=1, tag=b"tag")
