"""What things take in memory: a queued task, an idle worker, and a job that is over.

Bytes that Python holds (tracemalloc), each measured in a fresh process as the difference between many and few.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

from bench.scaling.farm import Farm, rules_for, user_of

WARM_UP: Final = 100
"""How many of each thing are made before anything is counted, so that what is made only once is not charged to it."""


def queued_task(count: int) -> dict[str, Any]:
    """Return the bytes that each of `count` tasks of one job takes while it waits."""
    farm = Farm(rules_for(1))
    farm.submit(WARM_UP, user="warm-up")
    farm.tick()

    def queue() -> None:
        farm.submit(count, user="one")
        farm.tick()

    return _grown("middleware", "queued task", count, queue)


def idle_worker(count: int) -> dict[str, Any]:
    """Return the bytes that each of `count` workers takes while there is nothing to do."""
    farm = Farm()
    farm.join_workers(WARM_UP)
    farm.tick()

    def join() -> None:
        farm.join_workers(count)
        farm.tick()

    return _grown("middleware", "idle worker", count, join)


def ended_job(count: int, chunks: int = 4) -> dict[str, Any]:
    """Return the bytes that each of `count` jobs takes that are over."""
    farm = Farm(rules_for(count + WARM_UP))
    farm.join_workers(2)
    _run_jobs(farm, 0, WARM_UP, chunks)
    return _grown("middleware", "ended job", count, lambda: _run_jobs(farm, WARM_UP, count, chunks))


def _run_jobs(farm: Farm, first: int, count: int, chunks: int) -> None:
    """Submit jobs one after the other, and bring each of them to its end."""
    for number in range(first, first + count):
        job = farm.submit(chunks, user=user_of(number))
        farm.tick()
        for _ in range(chunks):
            peer, task = farm.lent.popleft()
            farm.store(peer, task)
            farm.release(peer, task.lease)
            farm.turn()
        farm.answer_finishes()
        farm.turn(1.0)
        farm.beat()
        if farm.states.pop(job) != "done":
            raise RuntimeError(f"job {job} was to be over, and is not")
        del farm.saved[job]  # which lies on disk


def _grown(program: str, thing: str, count: int, make: Callable[[], None]) -> dict[str, Any]:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    make()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"program": program, "thing": thing, "count": count, "bytes_each": (after - before) / count}
