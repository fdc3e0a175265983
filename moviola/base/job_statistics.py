"""What the middleware tells an aggregator of a job that is to be finished: when and how often its tasks were handed
out."""

from __future__ import annotations

from dataclasses import field

from moviola.base.failures import Failure
from moviola.base.mapped import Float32s, Mapped
from moviola.base.records import record


@record
class Retried(Mapped):
    """A task that was handed out again.

    Attributes:
        chunk: its index.
        times (hand-outs): after the first one.
    """

    chunk: int
    times: int


@record
class JobStatistics(Mapped):
    """What only the middleware knows of a job. Lists have an entry a track: the outputs, then the other streams.

    Attributes:
        seconds (s): since the job was submitted.
        retries (tasks): hand-outs of a task after it failed or was lost.
        losses (tasks): those of them after it was lost.
        latencies_ms (ms): from a task's first hand-out until its result was stored; of many tasks some, evenly spaced.
        failures: of whole tasks, in any output.
        retried: tasks that were handed out again after they failed or were lost; in each track the first 1024.
    """

    seconds: float = 0.0
    retries: list[int] = field(default_factory=list)
    losses: list[int] = field(default_factory=list)
    latencies_ms: list[Float32s] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    retried: list[list[Retried]] = field(default_factory=list)
