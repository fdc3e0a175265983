"""What the middleware tells an aggregator of a job that is to be finished: when and how often its tasks were handed
out."""

from __future__ import annotations

from dataclasses import field
from typing import Self

from moviola.base.mapped import Malformed, Mapped
from moviola.base.output_summary import Failure
from moviola.base.records import record


@record
class JobStatistics(Mapped):
    """What only the middleware knows of a job. Lists have an entry a track: the outputs, then the other streams.

    Attributes:
        seconds (s): since the job was submitted.
        retries: hand-outs of a task after it failed or was lost.
        losses: those of them after it was lost.
        latencies_ms: little-endian float32 values, one a chunk: from its first hand-out until its result was stored.
        failures: of whole tasks, in any output.
    """

    seconds: float = 0.0
    retries: list[int] = field(default_factory=list)
    losses: list[int] = field(default_factory=list)
    latencies_ms: list[bytes] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @classmethod
    def told(cls, data: object) -> Self:
        """Return what was told; nothing, where that is odd: no job fails for what only its metrics show."""
        try:
            return cls.from_wire(data)
        except Malformed:
            return cls()
