"""Random sequences of well-formed messages of a hostile middleware and hostile stores: a worker's session raises
nothing, validates, and ends for its own reasons only."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest

from moviola.media import material
from moviola.wire.addresses import Address
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import MESSAGES, Cause, Drain, Welcome
from tests.fuzz.play import play
from tests.fuzz.vocabulary import Vocabulary
from worker.events import (
    MIDDLEWARE,
    Abandon,
    Compute,
    Computed,
    Dial,
    Event,
    Exit,
    Failed,
    HangUp,
    Lost,
    Opened,
    Progressed,
    Send,
    ServerMessage,
    Stopped,
    Tick,
)
from worker.held_task import Identity
from worker.session import Session

STEPS: Final = 200
SAYS: Final = ("Task", "Task", "Task", "Revoke", "Stored", "Aggregator", "Error", "Job")


class World:
    """One worker's session; whom it dials answers anything."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.words = Vocabulary(random)
        for name, values in {
            "lease": [[1, number] for number in range(4)], "owner": ("s1", "s2", ""), "store": ("s1", "s2", ""),
            "job": ("j1", "j2"),
        }.items():  # fmt: skip
            for value in values:
                self.words.remember(name, value)
        identity = Identity("w", "s", ({"name": "blur"},), ("video",), "f", "host", 1, "token")
        self.session = Session(identity, (Address("middleware", 5000),), random.random)
        self.dialled: set[str] = set()
        self.open: set[str] = set()
        self.computing: Any = None
        self.is_abandoned = False
        self.now = 100.0
        self.story: list[str] = []

    def play(self) -> None:
        self._feed(Tick())
        for _ in range(STEPS):
            self._step()
            if self.session.is_exiting:
                is_due = self.session.computation.is_stuck or self.session.is_dismissed
                assert is_due, "it ends though nothing is stuck, and nobody wished it"
                return

    def _step(self) -> None:
        random = self.random
        roll = random.random()
        if roll < 0.2 and self.dialled:
            peer = random.choice(sorted(self.dialled))
            self.dialled.discard(peer)
            if random.random() < 0.8:
                self.open.add(peer)
                welcome = Welcome.from_wire(self.words.record(Welcome, 0.3))
                self._feed(Opened(peer, welcome))
            else:
                self._feed(Lost(peer, "refused", random.choice(("", "name-taken", "superseded", "forbidden"))))
        elif roll < 0.25 and self.open:
            peer = random.choice(sorted(self.open))
            self.open.discard(peer)
            self._feed(Lost(peer, "gone", random.choice(("", "superseded", "silent"))))
        elif roll < 0.4:
            self.now += random.choice((0.1, 1.0, 1.0, 5.0, 30.0))
            self._feed(Tick())
        elif roll < 0.403 and MIDDLEWARE in self.open:
            self._feed(ServerMessage(MIDDLEWARE, Drain(random.random() < 0.5)))
        elif roll < 0.6 and self.computing is not None:
            self._compute()
        elif self.open:
            peer = random.choice(sorted(self.open))
            self._say(peer, self.words.message(SAYS, random.choice((0.0, 0.05, 0.3))))

    def _compute(self) -> None:
        lease = self.computing
        if self.random.random() < 0.3 and not self.is_abandoned:
            return self._feed(Progressed(lease, self.random.randrange(10), self.random.randrange(10)))
        result = material.Result(b"result", "f", 1, 1, 0, 0, 0, 7)
        endings: list[Event] = [Computed(lease, result), Failed(lease, Cause(text="x"))]
        if self.is_abandoned:
            endings.append(Stopped(lease))
        self.computing, self.is_abandoned = None, False
        return self._feed(self.random.choice(endings))

    def _say(self, peer: str, header: dict[str, Any]) -> None:
        try:
            message = MESSAGES[header["type"]].from_wire(header)
        except ProtocolError:
            return
        self._feed(ServerMessage(peer, message, b"chunk"))

    def _feed(self, event: Event) -> None:
        self.story.append(f"{self.now:9.2f} {event!r:.2000}")
        commands = self.session.handle(event, self.now)
        for command in commands:
            match command:
                case Dial(peer=peer):
                    self.dialled.add(peer)
                case HangUp(peer=peer):
                    self.dialled.discard(peer)
                    self.open.discard(peer)
                case Compute(task=task):
                    assert self.computing is None
                    self.computing, self.is_abandoned = task.lease, False
                case Abandon(lease=lease):
                    assert lease == self.computing
                    self.is_abandoned = True
                case Send(peer=peer, message=message):
                    assert peer in self.open, f"{message} to {peer!r}, which is not open"
                    MESSAGES[type(message).__name__].from_wire(message.to_wire())
                case Exit():
                    return
        self.session.validate()


@pytest.mark.parametrize("batch", range(4))
def test_a_workers_session_takes_any_sequence_of_messages(batch: int, worlds: int) -> None:
    play(World, range(batch * worlds, (batch + 1) * worlds))
