"""A user who takes all that it can get, and meddles with the jobs of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from moviola.base.details import Policy
from moviola.wire.addresses import Address
from moviola.wire.events import Received
from moviola.wire.messages import (
    VERSIONS,
    Chunk,
    Control,
    End,
    Fetch,
    FetchedResult,
    FetchResult,
    File,
    Hello,
    Job,
    Message,
    Submit,
    Watch,
    Welcome,
)
from tests.simulation.aggregators import Aggregator
from tests.simulation.clients import Client
from tests.simulation.middlewares import Middleware
from tests.simulation.network import SimLoop
from tests.simulation.program import MIDDLEWARE, Program

USER = "greedy"
STAY_S = 6.0
"""How long one connection lasts, at most."""

SUBMITS = 25
CHUNKS = 200
MAX_CHUNK = 30
"""Bytes of the largest chunk that it sends."""

VERBS = ("cancel", "pause", "resume", "retry", "forget")


class Greedy(Program):
    """Joins for a while, says all at once that its user may not, and leaves everything behind."""

    def spree(self, middleware: Middleware, clients: Sequence[Client]) -> None:
        """Submits more jobs than one may have, sends more chunks, and wishes things for the jobs of others."""
        jobs = list(middleware.server.dispatcher.cluster.jobs) if middleware.server is not None else []
        random = self.world.random
        said: list[Message] = [Watch(topics=["jobs"])]
        said += [Watch(job) for job in jobs]
        said += [Control(job, random.choice(VERBS)) for job in jobs]
        submission = random.choice(clients).submission
        outputs = [output.to_wire() for output in submission.order.outputs]
        theirs = Submit(submission.key, submission.source.to_wire(), outputs, Policy())
        nobodys: Any = {**outputs[0], "chain": [{"name": "nobodys", "parameters": {}}]}
        said += [replace(theirs, outputs=[nobodys])]  # its key is another's as well
        said += [
            replace(theirs, key=f"{self.lives} {number} {random.random()}", outputs=[nobodys])
            for number in range(SUBMITS)
        ]
        self._call(MIDDLEWARE, said)

    def steal(self, aggregator: Aggregator, clients: Sequence[Client], jobs: Sequence[str]) -> None:
        """Asks an aggregator for the files and the results of others."""
        files = [f"{output.name}.txt" for client in clients for output in client.submission.order.outputs]
        said: list[Message] = [Fetch(job, file, 0, 100) for job in jobs for file in set(files)]
        self._call(aggregator.address, said + [FetchResult(job, 0, 0) for job in jobs])

    def _call(self, address: Address, said: Sequence[Message]) -> None:
        self.world.see("greedy", f"{self.name} joins {address} and says {len(said)} things")
        loop = SimLoop(self.name, self.network, lambda: self.world.later(0.0, hear))
        sends = self.world.random.random() < 0.5
        payload = bytes(self.world.random.choice((0, 0, 10, MAX_CHUNK)))
        link = loop.dial([address], Hello("client", self.name, "session", list(VERSIONS), user=USER))
        fed: set[str] = set()

        def hear() -> None:
            for event in loop.turn():
                if not isinstance(event, Received):
                    continue
                message = event.message
                if isinstance(message, Welcome):
                    for one in said:
                        loop.send(link, one)
                elif isinstance(message, File | FetchedResult):
                    raise AssertionError(f"{USER} is given what is another's: {message}")
                elif isinstance(message, Job):
                    assert message.user == USER, f"{USER} is told of {message.job}, which is {message.user}'s"
                    if message.have is not None and sends and not fed:
                        fed.add(message.job)
                        for index in range(CHUNKS):
                            loop.send(link, Chunk(message.job, 0, index, 1), payload)
                        loop.send(link, End(message.job, [CHUNKS + 1, *[0] * (len(message.have) - 1)]))
            loop.flush()

        self.world.later(self.world.random.uniform(0.5, STAY_S), loop.shut)
