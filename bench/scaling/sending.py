"""What the client's brain costs: CPU time of a chunk, by jobs and chunks.

A chunk is: it is read from the source, sent within the window, and accepted; the middleware's record that accepts comes
once for so many chunks. Jobs are sent at the same time, each a session.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict
from typing import Any

from bench.scaling.farm import CHUNK_BYTES, CHUNK_FRAMES
from bench.scaling.lives import Shape
from moviola.filters.chain import Step
from moviola.media.material import Chunk, Encoder, Output, Source
from moviola.session.events import ClusterMessage, Exhausted, Pulled, ServerRole, Start, Welcomed
from moviola.session.order import Order, Submission
from moviola.session.submit import SubmitSession
from moviola.wire.messages import Job

PAYLOAD = bytes(CHUNK_BYTES)
SEND_WINDOW_BYTES = 1 << 26


class Upload:
    """A real session that is sending, and the middleware's answers to it."""

    def __init__(self, number: int) -> None:
        source = Source("video", "clip.mp4", "f" * 32, {}, {}, {}, 1)
        order = Order((Output("out", (Step("blur"),), Encoder()),))
        self._session = SubmitSession(Submission(str(number), source, order), "localhost:5000")
        self._job = f"job-{number}"
        self._accepted = 0
        for event in (Start(), Welcomed(ServerRole.MIDDLEWARE)):
            self._session.handle(event, 0.0)
        self._answer(0, have=[b""])

    def pull(self, index: int) -> None:
        """Give the session the source's next chunk."""
        self._session.handle(Pulled(Chunk(0, index, CHUNK_FRAMES, PAYLOAD)), 0.0)

    def accept(self, accepted: int) -> None:
        """Tell the session that `accepted` chunks are in the middleware's ledger."""
        self._answer(accepted)

    def end(self) -> None:
        """Tell the session that the source has no more chunks. Raises RuntimeError if not all were sent."""
        self._session.handle(Exhausted(), 0.0)
        if self._session.phase.value != "waiting":
            raise RuntimeError(f"a session that has sent everything is {self._session.phase.value}")

    def _answer(self, accepted: int, have: list[bytes] | None = None) -> None:
        record = Job(
            self._job, "clip.mp4", "running", accepted=accepted, send_window_bytes=SEND_WINDOW_BYTES, have=have
        )
        self._session.handle(ClusterMessage(ServerRole.MIDDLEWARE, record), 0.0)


def measure(jobs: int, chunks: int, lives_per_tick: int = 16) -> dict[str, Any]:
    """Return a row's figures from one run, in which the jobs send their chunks in turn."""
    shape = Shape(jobs, 0, chunks)
    uploads = deque(Upload(number) for number in range(jobs))
    began = time.process_time()
    for first in range(0, chunks, lives_per_tick):
        last = min(first + lives_per_tick, chunks)
        for upload in uploads:
            for index in range(first, last):
                upload.pull(index)
            upload.accept(last)
    seconds = time.process_time() - began
    for upload in uploads:
        upload.end()
    return {
        **asdict(shape),
        "lives_per_tick": lives_per_tick,
        "us_per_task": seconds / shape.tasks * 1e6,
        "tasks": shape.tasks,
        "lives": shape.tasks,
    }
