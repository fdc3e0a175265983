"""What the middleware's scheduler costs: CPU time of a task's life, by jobs, workers and chunks.

A life is: the task is handed out, its result is stored, its lease is given back; a turn of the loop ends after so many
lives. The messages of a life are made within the measured time, as the real loop makes them of what it reads. Signs of
life of all workers are measured beside it.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.scaling.farm import Farm, rules_for
from middleware.model.users import SUBMITS_PER_S

BEAT_INTERVAL_S: Final = 2.0
"""Simulated time between two signs of life of a worker: far below the 10 s after which it counts as lost."""

LIVES_PER_TICK: Final = (16, 2, 1)


@dataclass(frozen=True, slots=True)
class Shape:
    """One row: unfinished jobs, connected workers, and chunks of each job."""

    jobs: int
    workers: int
    chunks: int

    @property
    def tasks(self) -> int:
        """All tasks of all jobs."""
        return self.jobs * self.chunks

    @property
    def title(self) -> str:
        """The row's name for people."""
        return f"{grouped(self.jobs)} × {grouped(self.workers)}, {grouped(self.chunks)}"


SHAPES: Final = (
    Shape(1, 2, 10_000),
    Shape(1, 64, 10_000),
    Shape(100, 64, 100),
    Shape(1_000, 64, 64),
    Shape(100, 2_000, 100),
    Shape(1_000, 2_000, 64),
    Shape(1, 2, 200_000),
)


def grouped(number: float) -> str:
    """Return a number as text, in groups of three digits."""
    return f"{number:,.0f}".replace(",", " ")


def parse_shape(text: str) -> Shape:
    """Return the shape that `JOBSxWORKERSxCHUNKS` names. Raises ValueError."""
    try:
        jobs, workers, chunks = (int(part) for part in text.split("x"))
    except ValueError:
        raise ValueError(f"a row is JOBSxWORKERSxCHUNKS, such as 100x64x100, not {text!r}") from None
    if min(jobs, workers, chunks) < 1:
        raise ValueError(f"a row has at least one job, one worker and one chunk; {text} has not")
    return Shape(jobs, workers, chunks)


def measure(
    jobs: int, workers: int, chunks: int, lives_per_tick: int, lives: int | None = None, clients: int = 1
) -> dict[str, Any]:
    """Return a row's figures from one run.

    Args:
        clients: each of another user, that are connected and told of their jobs, which they share.
        lives: how many are measured; half of all tasks by default, so that the queue is never empty.

    Raises:
        RuntimeError: fewer tasks are in flight than it takes to go on.
    """
    shape = Shape(jobs, workers, chunks)
    farm = filled(shape, clients)
    wanted = min(lives or shape.tasks, max(shape.tasks // 2, 1))
    beats = done = 0
    beats_s = 0.0
    beat_at = farm.now + BEAT_INTERVAL_S
    began = time.process_time()
    while done < wanted:
        count = min(lives_per_tick, wanted - done, len(farm.lent))
        if not count:
            raise RuntimeError(f"{shape.title}: nothing is in flight after {done} lives of {wanted}")
        for _ in range(count):
            peer, task = farm.lent.popleft()
            farm.store(peer, task)
            farm.release(peer, task.lease)
        done += count
        farm.turn()
        if farm.now >= beat_at:
            beat_at += BEAT_INTERVAL_S
            before = time.process_time()
            farm.beat()
            beats_s += time.process_time() - before
            beats += workers + 1  # and the store
    lives_s = time.process_time() - began - beats_s
    return {
        **asdict(shape),
        "clients": clients,
        "lives_per_tick": lives_per_tick,
        "us_per_task": lives_s / done * 1e6,
        "us_per_beat": beats_s / beats * 1e6 if beats else None,
        "tasks": shape.tasks,
        "lives": done,
    }


def filled(shape: Shape, clients: int = 1) -> Farm:
    """Return a farm whose jobs are all submitted and sent, and whose workers hold all that they may."""
    farm = Farm(rules_for(shape.jobs))
    for number in range(shape.jobs):
        farm.now += 1 / SUBMITS_PER_S
        farm.submit(shape.chunks, user=f"user {number % clients}")
    farm.tick()
    farm.join_workers(shape.workers)
    farm.tick()
    return farm
