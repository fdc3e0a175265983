"""Random worlds of peers that say anything well-formed, in any order: the dispatcher raises nothing, and validates.

`--worlds N` plays more of them, from `--first-world S` on; each is replayed by its number.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest

from middleware.events import Close, Send, SendChunk, SendStage
from middleware.model.rules import Rules
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import (
    MESSAGES,
    AggregatorDetails,
    Chunk,
    Finish,
    Finished,
    HandOn,
    Holdings,
    Job,
    Message,
    Own,
    Pass,
    Released,
    Stored,
    Task,
    WorkerDetails,
)
from tests.fuzz.play import play
from tests.fuzz.vocabulary import TEMPLATES, Vocabulary
from tests.middleware.script import Script, bits

STEPS: Final = 120
"""Events of one world: enough for several jobs to be sent, done, failed, retried and forgotten."""

ROLES: Final = ("client", "worker", "worker", "aggregator")
SAYS: Final[dict[str, tuple[str, ...]]] = {
    "client": (
        "Submit",
        "Submit",
        "Chunk",
        "Chunk",
        "Chunk",
        "End",
        "Control",
        "Control",
        "ControlWorker",
        "Watch",
        "Subscribe",
    ),
    "worker": ("Beat", "Beat", "Released", "Released", "HandOn"),
    "aggregator": ("Stored", "Stored", "Holdings", "Finished", "Beat"),
}
"""What each role usually says to a middleware."""


class World:
    """One middleware, and peers that come, say things, answer rightly now and then, and leave."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.words = Vocabulary(self.random)
        rules = Rules(
            max_losses=3, upload_timeout_s=20.0, renew_after_s=5.0, stage_bytes=self.random.choice((10, 1 << 20))
        )
        self.script = Script(rules=rules)
        self.peers: dict[int, str] = {}
        self.owed: list[tuple[int, Message]] = []  # what an honest peer would still answer
        self.story: list[str] = []
        self._numbers = 0
        self._heard = 0

    def play(self) -> None:
        for role in ("aggregator", "worker", "worker", "client"):
            self._join(role)
            self._listen()
        for _ in range(STEPS):
            self._step()
            self._listen()

    def _step(self) -> None:
        random = self.random
        roll = random.random()
        if roll < 0.10 or not self.peers:
            self._join()
        elif roll < 0.14:
            peer = random.choice(list(self.peers))
            self._tell(f"{peer} leaves")
            del self.peers[peer]
            self.script.leave(peer)
        elif roll < 0.32:
            self._pass_time()
        elif roll < 0.34:
            self.script.disk_is_full = not self.script.disk_is_full
        elif roll < 0.35:
            self._tell("the middleware begins anew")
            self.script = self.script.restarted(self.script.dispatcher.cluster.epoch + 1)
            self.peers, self.owed, self._heard = {}, [], 0
        elif roll < 0.38:
            self._submit()
        elif roll < 0.68 and self.owed:
            self._answer(*self.owed.pop(random.randrange(len(self.owed))))
        else:
            peer = random.choice(list(self.peers))
            self._say(peer, self.words.message(SAYS[self.peers[peer]], random.choice((0.0, 0.05, 0.3))))

    def _pass_time(self) -> None:
        [seconds] = self.random.choices((0.2, 1.0, 3.0, 12.0, 70.0), (20, 4, 2, 2, 1))
        room = self.random.choice((1 << 30, 1 << 30, 1000, 0))
        self._tell(f"{seconds} s pass, room for {room}")
        if self.random.random() < 0.8:
            self.script.wait(seconds)
        self.script.tick(min(seconds, 1.0), room)

    def _join(self, role: str = "") -> None:
        random = self.random
        role = role or random.choice(ROLES)
        self._numbers += 1
        peer = self._numbers
        name = random.choice(("a", "b", "c"))
        hello: dict[str, Any] = {
            "type": "Hello", "role": role, "name": name, "session": random.choice(("s1", "s2")), "versions": [3],
            "token": random.choice(("t1", "t1", "t1", "t2", "")), "user": random.choice(("", "u", "v")),
        }  # fmt: skip
        if role == "worker":
            details = self.words.record(WorkerDetails, 0.05)
            if random.random() < 0.9:
                names = random.choice((["blur"], ["blur", "edges"], ["edges"]))
                details["filters"] = [{"name": one} for one in names]
                details["kinds"] = ["video"]
                details["fingerprint"] = random.choice(("f", "f", "g"))
                details["death"] = self._death()
            hello["details"] = details
        elif role == "aggregator":
            details = self.words.record(AggregatorDetails, 0.05)
            details["store"] = random.choice(("store a", "store b"))
            hello["details"] = details
        if "details" in hello and random.random() < 0.1:
            hello["details"] = self.words.mutated(hello["details"])
        self.peers[peer] = role
        self._say(peer, hello)

    def _death(self) -> dict[str, Any] | None:
        """As a parent tells of a child's, of a lease that was heard of."""
        if self.random.random() < 0.7:
            return None
        leases = [asked.lease for _, asked in self.owed if isinstance(asked, Task)]
        lease = self.random.choice(leases) if leases else None
        return {"lease": lease, "kind": self.random.choice(("crash", "memory", "killed")), "text": "it died"}

    def _submit(self) -> None:
        """A job that could be done."""
        clients = [peer for peer, role in self.peers.items() if role == "client"]
        if clients:
            source, outputs = self.random.choice(TEMPLATES["source"]), self.random.choice(TEMPLATES["outputs"][:3])
            policy = self.random.choice(TEMPLATES["policy"])
            key = self.random.choice(("k1", "k2", "k3"))
            submit = {"type": "Submit", "key": key, "source": source, "outputs": outputs, "policy": policy}
            self._say(self.random.choice(clients), submit)

    def _say(self, peer: int, header: dict[str, Any], *, size: int = 1000) -> None:
        try:
            message = MESSAGES[header["type"]].from_wire(header)
        except ProtocolError:
            return  # the connection would refuse it
        self._tell(f"{peer} ({self.peers[peer]}) says {message!r:.2000}")
        self.script.tell(peer, message, size=size, xxh3=self.random.choice((1, 1, 2)))

    def _answer(self, peer: int, asked: Message) -> None:
        """As an honest peer would."""
        if peer not in self.peers:
            return
        random = self.random
        match asked:
            case Own():
                counts = random.choice(((), (), (0,)))
                tracks = [bits(*counts)] * (len(asked.outputs) + asked.source["stream_count"] - 1)
                answer: Message = Holdings(asked.job, asked.owner_epoch, tracks)
            case Task() if asked.stage and asked.stage[-1] < len(asked.output["chain"]):
                answer = HandOn(asked.lease, asked.job, asked.track, asked.index)
                self.owed.append((peer, Stored(asked.job, asked.track, asked.index, "kept", asked.lease)))
            case Task():
                answer = Released(asked.lease, random.choice(("stored", "stored", "failed", "unwanted")))
                for store in [one for one, role in self.peers.items() if role == "aggregator"]:
                    stored = Stored(asked.job, asked.track, asked.index, "kept", asked.lease, "a", 10)
                    self._say(store, {"type": "Stored", **stored.to_wire()})
            case Stored():
                answer = Released(asked.lease or random.choice([(1, 1)]), "stored")  # type: ignore[arg-type]
            case Pass():
                answer = Stored(asked.job, asked.track, asked.index, "kept")
            case Job() if asked.have is not None:
                self._upload(peer, asked)
                return
            case Finish():
                answer = Finished(asked.job, asked.owner_epoch, random.choice(("done", "partial", "failed")))
            case _:
                return
        if peer in self.peers:
            self._say(peer, {"type": type(answer).__name__, **answer.to_wire()})

    def _upload(self, peer: int, job: Job) -> None:
        assert job.have is not None
        count = self.random.choice((1, 2, 3))
        for stream in range(len(job.have)):
            for index in range(count):
                chunk = Chunk(job.job, stream, index, 10)
                self._say(peer, {"type": "Chunk", **chunk.to_wire()})
        self._say(peer, {"type": "End", "job": job.job, "chunk_counts": [count] * len(job.have)})

    def _listen(self) -> None:
        """Learns from what the middleware commanded, and remembers what should be answered."""
        commands = self.script.commands
        for command in commands:
            if isinstance(command, Close):
                self.peers.pop(command.peer, None)
            elif isinstance(command, Send | SendChunk | SendStage):
                MESSAGES[type(command.message).__name__].from_wire(command.message.to_wire())
                self.words.learn(command.message)
                if isinstance(command.message, Own | Task | Pass | Finish | Job):
                    self.owed.append((command.peer, command.message))
        commands.clear()

    def _tell(self, text: str) -> None:
        self.story.append(f"{self.script.now:9.2f} {text}")


@pytest.mark.parametrize("batch", range(4))
def test_the_dispatcher_takes_any_sequence_of_messages(batch: int, worlds: int) -> None:
    play(World, range(batch * worlds, (batch + 1) * worlds))
