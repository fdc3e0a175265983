"""What an engine is: something that runs functions on the nodes of a cluster which others keep, behind three functions.

    held = engine.hold(payload)                    # a chunk is put where its nodes can read it
    engine.start(ticket, held, task, assets)       # one of them computes the task, some time
    for ended in engine.ended(timeout_s): ...      # what came of tasks, in any order

Whoever adds one writes a module with these, and a function `connect(address, plugins)` that returns it; and names the
module in `moviola.engines`. On a node, `moviola.engines.work.work` does the work and returns plain data. What
an engine need not know stands in `moviola.engines.run`: how much is on its way at a time, whether a result is what was
made, what follows where a filter fails or a node is lost.
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
    """Neither a result nor a failure of the task came back.

    Attributes:
        reason: why, for people.
        is_deadly: the task's own process ended, as often as the engine tried it: the task may be to blame.
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
    """What a cluster has now: how many tasks it can compute at a time, and bytes for payloads; 0 if not known."""

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
