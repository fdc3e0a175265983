"""What is told of a worker to those who watch a cluster."""

from __future__ import annotations

from dataclasses import field

from moviola.base.labels import Label
from moviola.base.mapped import Map, Mapped
from moviola.base.records import record
from moviola.base.texts import Name


@record
class HeldTask(Mapped):
    """A task that a worker holds.

    Attributes:
        job: the job's id.
        track: the output's number.
        index: the chunk's.
        phase: `waiting`, `computing` or `delivering`.
        frames (frames): how many are done.
    """

    job: Name
    track: int
    index: int
    phase: Name
    frames: int


@record
class WorkerFacts(Mapped):
    """What a worker is, and what it has done.

    Attributes:
        filters: the names of those that it is given tasks for.
        kinds: of material that it can process.
        slots (threads): how many tasks it computes at once.
        host: the machine's name.
        process_id: on that machine.
        chunks (chunks): that it has done.
        frames (frames): that it has done, with those in work.
        frames_per_s (frames/s): over the last seconds.
        in_flight (tasks): that it holds.
        failures (tasks): that failed on it.
        losses (tasks): that were lost with it.
        cpu_percent (%): of one core.
        memory_bytes (bytes): that its process has resident.
        heard_s (s): since it was last heard.
        tasks: that it holds.
        schemas: of all filters that it has; only in the first record of its session, else empty.
        drained: once it is lost: it had been told to end, or to leave, and held nothing any more.
        labels: that it was started with.
    """

    filters: list[Name] = field(default_factory=list)
    kinds: list[Name] = field(default_factory=list)
    slots: int = 0
    host: Name = ""
    process_id: int = 0
    chunks: int = 0
    frames: int = 0
    frames_per_s: float = 0.0
    in_flight: int = 0
    failures: int = 0
    losses: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    heard_s: float = 0.0
    tasks: list[HeldTask] = field(default_factory=list)
    schemas: list[Map] = field(default_factory=list)
    drained: bool = False
    labels: list[Label] = field(default_factory=list)
