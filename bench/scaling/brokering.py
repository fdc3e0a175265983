"""What a task costs in the real middleware, payload and all: program, sockets, spool and ledger.

One process plays a client, an aggregator and the workers. Measured is the CPU time of the middleware's process for each
chunk that it accepts, for each task that it hands out and gets back, and for each sign of life.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.scaling.farm import BUILD, CHUNK_FRAMES
from bench.scaling.programs import Peers, Program
from moviola.base.details import Policy
from moviola.wire.addresses import Address
from moviola.wire.events import ConnectionId
from moviola.wire.framing import checksum
from moviola.wire.limits import MIB
from moviola.wire.messages import (
    AggregatorDetails,
    Beat,
    Chunk,
    End,
    Error,
    Finish,
    Holdings,
    Job,
    Message,
    Own,
    Released,
    Stored,
    Submit,
    Task,
    Watch,
    WorkerDetails,
)

MOST_BYTES: Final = 768 * MIB
"""The most bytes of all chunks of one run, because they lie in the spool and in the page cache."""

BEATS: Final = 100
"""Signs of life of each worker in one run."""

BEAT_INTERVAL_S: Final = 0.02


STORE_BEAT_S: Final = 1.0
"""How often the aggregator gives a sign of life while it has nothing else to say."""


class Broker:
    """Plays all peers of one middleware: a client, an aggregator and the workers, and answers its messages for each."""

    def __init__(self, program: Program, workers: int, chunk_bytes: int) -> None:
        self._program, self._peers = program, Peers()
        self._payload = os.urandom(chunk_bytes)
        self._xxh3 = checksum(self._payload)
        details = AggregatorDetails("store", [Address("", 5001)]).to_wire()
        self._store = self._peers.dial(program.port, "aggregator", "store", details)
        self._client = self._peers.dial(program.port, "client", "client")
        self._workers: dict[ConnectionId, str] = {}
        self._worker_count = workers
        self._job = ""
        self._send_window_bytes, self._accepted, self._sent = 0, 0, 0
        self._done: set[tuple[str, int, int]] = set()
        self._is_finished = False
        self._answers = 0

    def upload(self, chunks: int) -> float:
        """Submit a job and send all of it. Returns the middleware's CPU seconds from the first chunk to the last
        acknowledgement."""
        source = {"kind": "video", "name": "clip", "stream_count": 1, "process": {"codec": "h264"}, "fingerprint": "f"}
        outputs = [{"name": "out", "chain": [{"name": "blur", "parameters": {}}]}]
        loop = self._peers.loop
        loop.send(self._client, Submit("key", source, outputs, Policy()))
        self._peers.play(self._take, lambda: bool(self._job and self._send_window_bytes))
        before = self._program.cpu_seconds()
        beat_at = 0.0
        while self._accepted < chunks:
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + STORE_BEAT_S
                loop.send(self._store, Beat())
            self._send_what_fits(chunks)
            wanted = self._accepted
            self._peers.play(self._take, lambda: self._accepted > wanted)  # noqa: B023 - called at once
        loop.send(self._client, End(self._job, [chunks]))
        return self._program.cpu_seconds() - before

    def live(self, chunks: int) -> float:
        """Let the workers come and take all tasks. Returns the middleware's CPU seconds until all are stored."""
        details = WorkerDetails([{"name": "blur"}], ["video"], 1, BUILD).to_wire()
        for number in range(self._worker_count):
            name = f"w{number}"
            self._workers[self._peers.dial(self._program.port, "worker", name, details)] = name
        before = self._program.cpu_seconds()
        self._peers.play(self._take, lambda: self._is_finished)
        if len(self._done) != chunks:
            raise RuntimeError(f"{len(self._done)} tasks were done of {chunks}")
        return self._program.cpu_seconds() - before

    def beat(self) -> float:
        """Let all workers give signs of life, so far apart that each is read by itself. Returns the middleware's CPU
        seconds for BEATS of each."""
        before = self._program.cpu_seconds()
        for _ in range(BEATS):
            beat_at = time.monotonic() + BEAT_INTERVAL_S
            for worker in self._workers:
                self._peers.loop.send(worker, Beat())
            self._peers.play(self._take, lambda: time.monotonic() >= beat_at, beat_at)  # noqa: B023 - called at once
        self._peers.loop.send(self._client, Watch(self._job))  # is answered after all that was said before
        asked = self._answers
        self._peers.play(self._take, lambda: self._answers > asked)
        return self._program.cpu_seconds() - before

    def close(self) -> None:
        """Close all connections."""
        self._peers.close()

    def _send_what_fits(self, chunks: int) -> None:
        while self._sent < chunks:
            on_their_way = (self._sent - self._accepted) * len(self._payload)
            if on_their_way and on_their_way + len(self._payload) > self._send_window_bytes:
                return
            message = Chunk(self._job, 0, self._sent, CHUNK_FRAMES)
            self._peers.loop.send(self._client, message, self._payload, self._xxh3)
            self._sent += 1

    def _take(self, connection: ConnectionId, message: Message) -> None:
        loop = self._peers.loop
        if isinstance(message, Task):
            name = self._workers.get(connection, "")
            place = (message.job, message.track, message.index)
            verdict = "duplicate" if place in self._done else "kept"  # of a task that was slow there may be a copy
            loop.send(self._store, Stored(*place, verdict, message.lease, name, CHUNK_FRAMES))
            loop.send(connection, Released(message.lease, "stored" if verdict == "kept" else verdict))
            self._done.add(place)
        elif isinstance(message, Own):
            loop.send(self._store, Holdings(message.job, message.owner_epoch, [b""]))
        elif isinstance(message, Finish):
            self._is_finished = True
        elif isinstance(message, Job):
            self._job, self._send_window_bytes, self._accepted = (
                message.job,
                message.send_window_bytes,
                message.accepted,
            )
            self._answers += 1
        elif isinstance(message, Error):
            raise RuntimeError(f"the middleware says: {message.text}")


def measure(chunk_bytes: int, workers: int = 64, tasks: int = 4_000) -> dict[str, Any]:
    """Return the microseconds of CPU that one chunk, one task's life and one sign of life cost a middleware.

    Args:
        chunk_bytes: of each chunk's payload.
        tasks: at most; fewer where they would have more than MOST_BYTES.
    """
    chunks = max(workers, min(tasks, MOST_BYTES // chunk_bytes))
    with tempfile.TemporaryDirectory() as name, Program("middleware", Path(name)) as program:
        broker = Broker(program, workers, chunk_bytes)
        try:
            upload_s, life_s, beat_s = broker.upload(chunks), broker.live(chunks), broker.beat()
        finally:
            broker.close()
    return {
        "chunk_bytes": chunk_bytes,
        "workers": workers,
        "chunks": chunks,
        "us_per_chunk": upload_s / chunks * 1e6,
        "us_per_life": life_s / chunks * 1e6,
        "us_per_beat": beat_s / (BEATS * workers) * 1e6,
    }
