"""What is idle costs nothing: no turn looks at jobs and workers to which nothing happens."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Final

import pytest

from middleware.events import ForgetJob, Tick
from middleware.model.ended_job import EndedJob
from middleware.model.fleet import WorkerRecord
from middleware.model.job import Job
from middleware.model.journal import MAX_EVENTS
from middleware.model.rules import Rules
from middleware.model.stories import MAX_LINES
from middleware.model.stream import Stream
from middleware.model.task_queue import TaskQueue
from middleware.model.track import Track
from middleware.model.users import QUOTAS, Quota, Resource
from middleware.turns import SCAN_INTERVAL_S
from moviola.base.vocabulary import EventKind
from moviola.wire.messages import Control
from tests.middleware.script import ROOM, Script
from tests.touching import touched

IDLE: Final = 200
KINDS: Final = (Job, EndedJob, Track, TaskQueue, Stream, WorkerRecord)
MANY: Final = Quota(10 * IDLE, 10 * IDLE, 0)


class Quiet(Script):
    """A script that does not prove after each event that all indexes agree, which looks at everything."""

    def prove(self) -> None:
        self.dispatcher.validate()

    def _take(self, commands: list[object], payload: tuple[int, int] = (0, 0)) -> None:  # type: ignore[override]
        self.dispatcher.validate = lambda: None  # type: ignore[method-assign]
        super()._take(commands, payload)  # type: ignore[arg-type]


def crowd() -> Script:
    """Many idle workers, and as many idle jobs of all sorts together: none that can go on, and none that is due."""
    quotas = {**QUOTAS, Resource.OPEN_JOBS: MANY, Resource.CONNECTIONS: MANY}
    rules = Rules(worker_timeout_s=3600, max_workers=10 * IDLE, max_clients=10 * IDLE, quotas=quotas, history=MANY)
    script = Quiet(rules=rules)
    script.aggregator(9)
    script.client(1)
    for number in range(IDLE):
        script.worker(10_000 + number, filters=("sharpen",))
    for number in range(IDLE // 5):
        script.now += 1
        script.submit(1, key=f"nobody {number}", filters=("nobody",), chunks=2)
        script.submit(1, key=f"sending {number}", filters=("nobody",), chunks=1, end=False)
        paused = script.submit(1, key=f"paused {number}", filters=("nobody",), chunks=2)
        script.tell(1, Control(paused, "pause"))
        over = script.submit(1, key=f"over {number}", filters=("nobody",), chunks=1)
        script.tell(1, Control(over, "cancel"))
        script.client(2000 + number)
        script.submit(2000 + number, key=f"left {number}", filters=("nobody",), chunks=1, end=False)
        script.leave(2000 + number)
    script.tick(30)  # all is told
    return script


def test_a_turn_looks_at_nothing_that_is_idle() -> None:
    script = crowd()
    script.worker(11, filters=("blur",))
    mine = script.submit(1, key="mine", chunks=20)
    script.tick(20)  # all are told what the new worker offers, and what room the new job leaves
    cluster = script.dispatcher.cluster
    job, worker = cluster.open[mine], cluster.fleet.by_name["w11"]
    ours = {id(one) for one in (job, worker, *job.tracks, *job.streams, *(track.queue for track in job.tracks))}
    with touched(*KINDS) as seen:
        for _ in range(8):
            script.deliver(11)
            script.now += SCAN_INTERVAL_S / 2
            script.dispatcher.handle(Tick(ROOM), script.now)
            script.dispatcher.next_deadline()
    assert len(seen) > 100
    others = [one for one in seen if id(one) not in ours]
    assert not others, f"a turn looks at what is idle: {others[0]!r}"


def test_an_ended_job_is_a_line_in_memory() -> None:
    """It was 10 KB. A long run in which the history is full keeps its size."""
    script = Quiet(rules=Rules(history=Quota(200, 200, 0)))
    script.aggregator(9)
    script.client(1)
    script.worker(11)

    def run(count: int, first: int) -> None:
        for number in range(first, first + count):
            script.now += 1
            script.submit(1, key=f"job {number}", chunks=2)
            script.deliver(11, 0)
            script.deliver(11, 1)
            script.finish()
            for forgotten in (one.job for one in script.commands if isinstance(one, ForgetJob)):
                script.jobs.pop(forgotten, None)
            script.commands.clear()
            script.jobs.clear()  # they are on disk

    run(20, 0)
    for number in range(MAX_LINES):  # as many as there are ever
        script.dispatcher.cluster.stories.tell(float(number), "another job", 0, number, f"lent to w{number}")
    tracemalloc.start()
    try:
        for number in range(MAX_EVENTS):  # as many as there are ever: what takes their place is no growth
            job = f"clip-{number:06}"
            script.dispatcher.cluster.note(EventKind.JOB_STARTED, f"job {job} has started", job)
        script.tick()
        script.commands.clear()
        before = _held()
        run(150, 20)
        after = _held()
        each = (after - before) / 150
        run(400, 170)
        full = _held()
    finally:
        tracemalloc.stop()
    assert each < 2000, f"{each:.0f} bytes for each job that is over"
    assert full - before < 250 * 2000, "the history is full, and memory grows"


def _held() -> int:
    """The bytes that are still in use; what only waits for the collector, of this test or of others, is not."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("verb", ["retry", "forget"])
def test_a_row_that_is_damaged_is_said(verb: str) -> None:
    script = Script()
    script.aggregator(9)
    script.client(1)
    job = script.submit(1, chunks=1)
    script.tell(1, Control(job, "cancel"))
    script.jobs.pop(job)
    script.tell(1, Control(job, verb))
    refused = [one for one in script.commands if "damaged or gone" in str(one)]
    assert bool(refused) == (verb == "retry")
    assert (job in script.dispatcher.cluster.jobs) == (verb == "retry")
