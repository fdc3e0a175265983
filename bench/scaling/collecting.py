"""What the aggregator's brain costs: CPU time of a result, by jobs, workers and chunks; and memory of an ended job.

A result is: it comes with its tag, is judged, kept, and answered to its worker and to the middleware; a turn of the
loop ends after so many. Tags are made before anything is measured, the messages within it, as the loop makes them.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from aggregator.assembler import Assembler
from aggregator.events import MIDDLEWARE, Command, Event, Keep, Kept, PeerMessage, Splice, Spliced, Tick
from bench.scaling.farm import BUILD, CHUNK_BYTES, CHUNK_FRAMES, TURN_S
from bench.scaling.lives import Shape
from bench.scaling.memory import WARM_UP
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.lease_tags import tag_of
from moviola.wire.messages import VERSIONS, Finish, Hello, Limits, Message, Own, Result, Welcome
from moviola.wire.schema import Lease

KEY: Final = b"k" * 32
SOURCE: Final[dict[str, Any]] = {"kind": "video", "stream_count": 1}
OUTPUTS: Final[list[dict[str, Any]]] = [{"name": "out", "chain": [{"name": "blur", "parameters": {}}]}]


class Store:
    """A real assembler with a scripted middleware and scripted workers around it; what it asks to keep is kept."""

    def __init__(self, workers: int) -> None:
        self.brain = Assembler(epoch=1)
        self.now = 100.0
        self.feed(Tick())
        self.hear(MIDDLEWARE, Welcome(VERSIONS[-1], 1, Limits(beat_interval_s=0.5)))
        for peer in range(1, workers + 1):
            self.hear(peer, Hello("worker", f"w{peer}", f"s{peer}", [*VERSIONS], token=f"w{peer}"))

    def feed(self, event: Event) -> None:
        """Give the brain an event, and carry out what it commands."""
        self._take(self.brain.handle(event, self.now))

    def hear(self, peer: int, message: Message, size: int = 0) -> None:
        """Give the brain a message of a peer."""
        self.feed(PeerMessage(peer, message, size, 7))

    def turn(self) -> None:
        """Let time pass, and end a turn of the loop."""
        self.now += TURN_S
        self.feed(Tick())

    def own(self, job: str) -> None:
        """Have the middleware give this aggregator a job."""
        self.hear(MIDDLEWARE, Own(job, "clip.mp4", 1, SOURCE, OUTPUTS, KEY))

    def _take(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Keep):
                self.feed(Kept(command))
            elif isinstance(command, Splice):
                files: list[FinishedFile] = [FinishedFile("out.mp4", 1, "0" * 16)]
                self.feed(Spliced(command.job, [OutputSummary("out", JobState.DONE, digest="d" * 32)], files))


def result(job: str, index: int, worker: int, lease: Lease) -> Result:
    """Return the result of a chunk, with the tag that proves it was lent to the worker of this number."""
    return _result(job, index, lease, _tag(job, index, worker, lease))


def measure(jobs: int, workers: int, chunks: int, lives_per_tick: int = 16) -> dict[str, Any]:
    """Return a row's figures from one run: half of all results, spread over the jobs."""
    shape = Shape(jobs, workers, chunks)
    store = Store(workers)
    names = [f"job-{number}" for number in range(jobs)]
    for name in names:
        store.own(name)
    wanted = max(shape.tasks // 2, 1)
    places = islice(((name, index) for index in range(chunks) for name in names), wanted)
    leased = [(1 + number % workers, name, index, Lease(1, number + 1)) for number, (name, index) in enumerate(places)]
    tagged = [(peer, name, index, lease, _tag(name, index, peer, lease)) for peer, name, index, lease in leased]
    began = time.process_time()
    for number, (peer, name, index, lease, tag) in enumerate(tagged, start=1):
        store.hear(peer, _result(name, index, lease, tag), CHUNK_BYTES)
        if number % lives_per_tick == 0:
            store.turn()
    seconds = time.process_time() - began
    return {
        **asdict(shape),
        "lives_per_tick": lives_per_tick,
        "us_per_task": seconds / len(tagged) * 1e6,
        "tasks": shape.tasks,
        "lives": len(tagged),
    }


def ended_job(count: int, chunks: int = 4) -> dict[str, Any]:
    """Return the bytes that each of `count` jobs takes that are over and whose files can still be fetched."""
    store = Store(1)
    _run_jobs(store, 0, WARM_UP, chunks)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    _run_jobs(store, WARM_UP, count, chunks)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"program": "aggregator", "thing": "ended job", "count": count, "bytes_each": (after - before) / count}


def _run_jobs(store: Store, first: int, count: int, chunks: int) -> None:
    for number in range(first, first + count):
        name = f"job-{number}"
        store.own(name)
        for index in range(chunks):
            lease = Lease(1, number * chunks + index + 1)
            store.hear(1, result(name, index, 1, lease), CHUNK_BYTES)
        store.hear(MIDDLEWARE, Finish(name, 1, [chunks], JobStatistics(retries=[0])))
        store.turn()


def _tag(job: str, index: int, worker: int, lease: Lease) -> bytes:
    return tag_of(_result(job, index, lease, b""), KEY, f"w{worker}")


def _result(job: str, index: int, lease: Lease, tag: bytes) -> Result:
    return Result(lease, job, 0, index, 1, BUILD, CHUNK_FRAMES, CHUNK_FRAMES, content=11, tag=tag)
