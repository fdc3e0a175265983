"""The protocol of an engine, which runs functions on the nodes of a cluster that others run. Its three main functions:

    held = engine.hold(payload)                    # a chunk is put where its nodes can read it
    engine.start(ticket, held, task, assets)       # one of them computes the task, some time
    for ended in engine.ended(timeout_s): ...      # what came of tasks, in any order

To add an engine, write a module with a class that has these functions and a function `connect(address, plugins)` that
returns an object of it, and name the module in `moviola.engines`. On a node, `moviola.engines.work.work` does the work
and returns plain data. `moviola.engines.run` does what an engine need not know: how much is on its way at a time,
whether a result is what was made, and what follows if a filter fails or a node is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from moviola.media.computing import Task
from moviola.media.failing import TaskFailure

Held = Any
"""A payload that an engine has, as only that engine knows it."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One try of a task.

    Attributes:
        job: a number that no other job of this process has.
        output: the number of the output.
        index: of the chunk.
        attempt: which try, from 1.
    """

    job: int
    output: int
    index: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Made:
    """A result.

    Attributes:
        payload: of the result.
        xxh3: xxh3_64 of the payload, computed where it was made.
        fingerprint: which build made it (moviola.media.fingerprint).
    """

    payload: bytes | memoryview
    xxh3: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A try of which neither a result nor a failure of the task came back.

    Attributes:
        reason: why, for people.
        is_deadly: the process that computed the task ended, at each of the engine's own tries, so the task may be to
            blame.
    """

    reason: str
    is_deadly: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of one try; `worker` is the node it was on, as people call it, or empty where that is not known."""

    ticket: Ticket
    worker: str
    outcome: Made | TaskFailure | Lost


@dataclass(frozen=True, slots=True)
class Capacity:
    """The capacity of a cluster at present: how many tasks it can compute at a time, and how many bytes it has for
    payloads, 0 if that is not known."""

    slots: int
    store_size: int = 0


class Engine(Protocol):
    """A cluster that is connected to; `with` leaves it, with all that was started."""

    @property
    def name(self) -> str:
        """What people call it, with where it is."""
        ...

    @property
    def build(self) -> str:
        """The fingerprint that all its nodes have."""
        ...

    @property
    def capacity(self) -> Capacity:
        """What it has now; nodes come and go."""
        ...

    def hold(self, payload: bytes | memoryview) -> Held:
        """Put a payload where nodes can read it, for as long as the returned object is there. Raise EngineFailed."""
        ...

    def start(self, ticket: Ticket, chunk: Held, task: Task, assets: Mapping[str, Held]) -> None:
        """Have a task computed as soon as a node can.

        Args:
            ticket: comes back with what came of it.
            chunk: the payload of the task, which `task` itself is without.
            task: what to do.
            assets: the files that filters of its chain name, by the value that stands for each.

        Raises:
            EngineFailed: the cluster is lost.
        """
        ...

    def ended(self, timeout_s: float) -> Iterator[Ended]:
        """Yield what came of tasks since the last call, after waiting so long for the first. Raise EngineFailed."""
        ...

    def cancel(self) -> None:
        """Give up all that was started and has not ended."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
