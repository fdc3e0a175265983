"""A worker's session for scripts: its clock, what it is told and what it commands."""

from __future__ import annotations

from typing import Any

from moviola.media import material
from moviola.wire.addresses import Address
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Cause,
    Hello,
    Limits,
    Message,
    Released,
    Stored,
    Welcome,
    WorkerDetails,
)
from moviola.wire.schema import Lease
from moviola.wire.tokens import for_store
from worker.events import (
    MIDDLEWARE,
    Command,
    Dial,
    Event,
    Log,
    Opened,
    Send,
    ServerMessage,
    Tick,
)
from worker.held_task import Identity
from worker.session import Session

HERE = Address("middle", 5000)


A, B, C = Lease(1, 1), Lease(1, 2), Lease(1, 3)


WELCOME = Welcome(version=3, epoch=1, limits=Limits(beat_interval_s=1.0, credit=2))


RESULT = material.Result(b"result", "av18", 30, 30, 1, 0, 2, 7)


class Script:
    """A session, its clock, and what it was made to say. Every step validates it."""

    def __init__(self, **options: Any) -> None:
        identity = Identity("host-1", "s1", ({"name": "blur"},), ("video",), "av18", "host", 7, "token")
        self.session = Session(identity, (HERE,), jitter=lambda: 1.0, **options)
        self.now = 0.0

    def after(self, event: Event) -> list[Command]:
        """What the session commands upon an event, log lines and beats left out."""
        commands = self.session.handle(event, self.now)
        self.session.validate()
        self.logged = [one.text for one in commands if isinstance(one, Log)]
        self.beats = [one.message for one in commands if isinstance(one, Send) and isinstance(one.message, Beat)]
        return [
            one
            for one in commands
            if not isinstance(one, Log) and not (isinstance(one, Send) and isinstance(one.message, Beat))
        ]

    def wait(self, seconds: float) -> list[Command]:
        self.now += seconds
        return self.after(Tick())

    def told(self, message: Message, payload: bytes = b"") -> list[Command]:
        return self.after(ServerMessage(MIDDLEWARE, message, payload))

    def stored(self, lease: Lease, verdict: str = "kept", store: str = "store") -> list[Command]:
        return self.after(ServerMessage(store, Stored("job", 0, lease.sequence, verdict, lease)))

    def connect(self) -> Script:
        """Up to a welcome, with the store's address known."""
        self.after(Tick())
        self.after(Opened(MIDDLEWARE, WELCOME))
        self.told(aggregator(9000))
        return self

    def connect_store(self) -> Script:
        self.after(Opened("store", Welcome(version=3, epoch=1)))
        return self


def aggregator(port: int, store: str = "store") -> Aggregator:
    return Aggregator(store=store, name="agg", addresses=[Address("there", port)])


def dial_store(port: int) -> Dial:
    hello = Hello(role="worker", name="host-1", session="s1", versions=[3], token=for_store("token", "store"))
    return Dial("store", (Address("there", port),), hello)


def released(lease: Lease, outcome: str, cause: Cause | None = None) -> Send:
    return Send(MIDDLEWARE, Released(lease, outcome, cause))


def held(command: Command) -> list[tuple[Lease, str]]:
    assert isinstance(command, Dial)
    return [(one.lease, one.phase) for one in WorkerDetails.from_wire(command.hello.details).held]
