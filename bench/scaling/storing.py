"""What a result costs in the real aggregator, payload and all: program, sockets, spool and ledger.

One process plays the middleware and the workers. Measured is the CPU time of the aggregator's process for each result
that it keeps, from its arrival to both answers.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.scaling.collecting import KEY, OUTPUTS, SOURCE, result
from bench.scaling.lives import Shape
from bench.scaling.programs import Peers, Program
from moviola.wire.events import ConnectionId
from moviola.wire.framing import checksum
from moviola.wire.messages import VERSIONS, Error, Hello, Holdings, Limits, Message, Own, Stored, Welcome
from moviola.wire.schema import Lease

MOST_RESULTS: Final = 20_000
"""The most results of one run: enough for a measurement of some seconds."""

CREDIT: Final = 2
"""Results of one worker that are on their way at once."""


class Collection:
    """Plays all peers of one aggregator: the middleware that it dials, and the workers."""

    def __init__(self, program: Program, peers: Peers, shape: Shape, payload_bytes: int) -> None:
        self._program, self._peers, self._shape = program, peers, shape
        self._payload = os.urandom(payload_bytes)
        self._xxh3 = checksum(self._payload)
        self._jobs = [f"job-{number}" for number in range(shape.jobs)]
        self._aggregator: ConnectionId | None = None
        self._owned = 0
        self._stored = 0
        self._idle: deque[tuple[ConnectionId, int]] = deque()  # worker and its number
        self._numbers: dict[ConnectionId, int] = {}

    def begin(self) -> None:
        """Wait for the aggregator, give it all jobs, and let the workers come."""
        self._peers.play(self._take, lambda: self._aggregator is not None)
        assert self._aggregator is not None
        for job in self._jobs:
            self._peers.loop.send(self._aggregator, Own(job, "clip.mp4", 1, SOURCE, OUTPUTS, KEY))
        self._peers.play(self._take, lambda: self._owned == len(self._jobs))
        for number in range(1, self._shape.workers + 1):
            worker = self._peers.dial(self._program.port, "worker", f"w{number}")
            self._numbers[worker] = number
            self._idle.extend([(worker, number)] * CREDIT)

    def deliver(self, results: int) -> float:
        """Let the workers send so many results. Returns the aggregator's CPU seconds until all are stored."""
        before = self._program.cpu_seconds()
        sent = 0
        while self._stored < results:
            while self._idle and sent < results:
                worker, number = self._idle.popleft()
                job, index = self._jobs[sent % len(self._jobs)], sent // len(self._jobs)
                sent += 1
                message = result(job, index, number, Lease(1, sent))
                self._peers.loop.send(worker, message, self._payload, self._xxh3)
            stored = self._stored
            self._peers.play(self._take, lambda: self._stored > stored)  # noqa: B023 - called at once
        return self._program.cpu_seconds() - before

    def _take(self, connection: ConnectionId, message: Message) -> None:
        if isinstance(message, Hello):
            self._aggregator = connection
            self._peers.loop.send(connection, Welcome(VERSIONS[-1], 1, Limits(beat_interval_s=0.5)))
        elif isinstance(message, Holdings):
            self._owned += 1
        elif isinstance(message, Stored) and connection in self._numbers:
            if message.verdict != "kept":
                raise RuntimeError(f"result {message.index} of {message.job} is {message.verdict}: {message.text}")
            self._stored += 1
            self._idle.append((connection, self._numbers[connection]))
        elif isinstance(message, Error):
            raise RuntimeError(f"the aggregator says: {message.text}")


def measure(jobs: int, workers: int, chunks: int, payload_bytes: int) -> dict[str, Any]:
    """Return a row's figures from one run: half of all results, MOST_RESULTS at most, spread over the jobs."""
    shape = Shape(jobs, workers, chunks)
    results = max(1, min(shape.tasks // 2, MOST_RESULTS))
    peers = Peers("middleware")
    port = peers.loop.listen("localhost", 0)
    with tempfile.TemporaryDirectory() as name:
        arguments = ("--host", "localhost", "--middleware-port", str(port), "--results", str(Path(name) / "results"))
        with Program("aggregator", Path(name), arguments) as program:
            collection = Collection(program, peers, shape, payload_bytes)
            try:
                collection.begin()
                seconds = collection.deliver(results)
                memory_bytes = program.memory_bytes()
            finally:
                peers.close()
    return {
        **asdict(shape),
        "payload_bytes": payload_bytes,
        "us_per_task": seconds / results * 1e6,
        "tasks": shape.tasks,
        "lives": results,
        "memory_bytes": memory_bytes,
    }
