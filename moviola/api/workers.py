"""A worker process of a cluster: what is known of it, and how it is drained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from moviola.api.errors import translated
from moviola.base.vocabulary import WorkerVerb
from moviola.session.rpc import control_worker
from moviola.session.target import Target, as_sentence
from moviola.wire.messages import Worker


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process of a cluster, as it was when it was asked for.

    Attributes:
        name: of the worker.
        state: "ready", "full" (has as many tasks as it may), "draining" (gets no more, and leaves) or "lost".
        host: the machine's name.
        process_id: on that machine.
        filters: the names of those that it is given tasks for.
        chunks: that it has done.
        frames: that it has done.
        frames_per_second: over the last seconds.
        tasks: that it holds.
        failures: tasks that failed on it.
        cpu_percent: of one core.
        memory: bytes that its process has.
        labels: that it was started with.
    """

    name: str
    state: str
    host: str
    process_id: int
    filters: tuple[str, ...]
    chunks: int
    frames: int
    frames_per_second: float
    tasks: int
    failures: int
    cpu_percent: float
    memory: int
    labels: tuple[str, ...]
    _target: Target = field(repr=False, compare=False)

    @classmethod
    def of(cls, record: Worker, target: Target) -> Self:
        """Return what a record of the wire tells of a worker of the cluster at `target`."""
        facts = record.facts
        return cls(
            name=record.name,
            state=record.state,
            host=facts.host,
            process_id=facts.process_id,
            filters=tuple(facts.filters),
            chunks=facts.chunks,
            frames=facts.frames,
            frames_per_second=facts.frames_per_s,
            tasks=facts.in_flight,
            failures=facts.failures,
            cpu_percent=facts.cpu_percent,
            memory=facts.memory_bytes,
            labels=tuple(facts.labels),
            _target=target,
        )

    def drain(self) -> str:
        """Have the worker finish what it has in work, within 15 s, give the rest back, and leave. It stays away until
        its program is started again. Return what the cluster says to it.

        Raises:
            Refused: it is not connected, or only the cluster's admins may.
        """
        return self._control(WorkerVerb.DRAIN)

    def resume(self) -> str:
        """Have a worker that drains go on after all. Return what the cluster says to it.

        Raises:
            Refused: it does not drain, or has left, or only the cluster's admins may.
        """
        return self._control(WorkerVerb.RESUME)

    def _control(self, verb: WorkerVerb) -> str:
        with translated():
            return as_sentence(control_worker(self._target, self.name, verb))
