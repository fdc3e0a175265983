"""Has the chunks of one job computed by an engine: what is on its way, and what follows from what comes back.

It knows no engine's library, opens no file and reads no clock but the one it is given, so tests play every order of
events to it.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final

import xxhash

from moviola.base.failures import MAX_FAILURES_OF_JOB, Failure, fault_of
from moviola.base.vocabulary import CauseKind, Fault, Mode, OnError
from moviola.engines.engine import Ended, Engine, Held, Lost, Made, Ticket
from moviola.engines.errors import EngineFailed
from moviola.media.computing import AHEAD, Computed, Task
from moviola.media.failing import TaskFailure
from moviola.media.manifest.records import Maker

MIB: Final = 1024 * 1024

MIN_AHEAD_SIZE: Final = 48 * MIB
"""Bytes of chunks that may be on their way whatever the cluster is: some hundred usual chunks, and little enough for
the driver, whose memory all of them pass through, to stay below 200 MB."""

AHEAD_SIZE: Final = MIB
"""Bytes of chunks that may be on their way for each task that the cluster can compute at a time, if that is more than
MIN_AHEAD_SIZE in all: a usual chunk has some hundred KB."""

STORE_SHARE: Final = 4
"""Chunks on their way take at most one part in so many of the cluster's own memory for payloads, because results need
room as well."""

MAX_FAILURES: Final = 3
"""A task that has failed so often is treated as its output's `on_error` says, as a whole chunk. Our own middleware does
the same."""

MAX_LOSSES: Final = 20
"""When a task has been lost with its node so often, its job fails, as in our own middleware. Tries that an engine
repeats by itself do not count."""

MAX_REFUSED: Final = 3
"""When so many results of one task were refused, because they were damaged or of another build, its job fails."""

WAIT_S: Final = 0.5
"""How long to wait for the next result at a time. After that progress is shown, and Ctrl-C is noticed."""

SILENCE_S: Final = 60.0
"""Time without any result after which the user is told so: a cluster whose processors are all taken by others looks as
if it hung."""

_jobs: Final = itertools.count()


@dataclass(slots=True)
class Counts:
    """What happened to the tasks of one output: `latencies_ms` are from the first start of each to its result."""

    retries: int = 0
    losses: int = 0
    duplicates: int = 0
    latencies_ms: array[float] = field(default_factory=lambda: array("f"))


@dataclass(slots=True)
class _Flight:
    """A task that is on its way."""

    task: Task  # without its payload
    chunk: Held
    size: int
    began_at: float
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    refused: int = 0

    @property
    def what(self) -> str:
        """For people."""
        first, last = self.task.first_frame, self.task.first_frame + self.task.frame_count - 1
        return f"chunk {self.task.index} ({first}-{last}) of {self.task.output.name}"


class Run:
    """A way to compute tasks (moviola.media.computing.Computing).

    Args:
        engine: what computes them.
        counts: of each output, kept up to date.
        assets: the files that filters name, by the value that stands for each.
        note: takes each failure of a whole task.
        say: takes a sentence for whoever waits.
        clock: monotonic seconds.

    Attributes:
        waiting: called after each wait for results, whether or not any came; what it raises ends the run.
    """

    def __init__(
        self,
        engine: Engine,
        counts: Sequence[Counts],
        *,
        assets: Mapping[str, bytes] | None = None,
        note: Callable[[Failure], None] = lambda _failure: None,
        say: Callable[[str], None] = lambda _sentence: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._engine, self._counts, self._assets = engine, counts, assets or {}
        self._note, self._say, self._clock = note, say, clock
        self.waiting: Callable[[], None] = lambda: None
        self._job = next(_jobs)
        self._flights: dict[Ticket, _Flight] = {}
        self._size = 0  # of their chunks
        self._next: Task | None = None  # was read, and has to wait
        self._held: tuple[int, Held] | None = None  # of the chunk read last, by its index: its outputs share it
        self._noted = 0
        self._heard_at: float | None = clock()  # None: that there is silence was said
        self._assets_held: dict[str, Held] = {}

    def results(self, tasks: Iterable[Task]) -> Iterator[Computed]:
        """Compute tasks and yield their results, as Computing does, in the order in which they come.

        Raise EngineFailed, and whatever is raised by the iterator of tasks or by `waiting`.
        """
        self._assets_held = {value: self._engine.hold(content) for value, content in self._assets.items()}
        waiting = iter(tasks)
        while self._fill(waiting):
            for ended in self._engine.ended(WAIT_S):
                self._heard_at = self._clock()
                computed = self._judged(ended)
                if computed is not None:
                    yield computed
            self._break_silence()
            self.waiting()

    @property
    def in_work(self) -> int:
        """How many tasks are on their way."""
        return len(self._flights)

    def cancel(self) -> None:
        """Give up what is on its way."""
        if self._flights:
            self._flights.clear()
            self._engine.cancel()

    def _break_silence(self) -> None:
        """If nothing has come back for SILENCE_S, tell the user so, once until something comes."""
        if self._heard_at is not None and self._clock() - self._heard_at >= SILENCE_S:
            self._heard_at = None
            self._say(f"nothing has come back from {self._engine.name} for {SILENCE_S:.0f} s; {self._state()}")

    def _state(self) -> str:
        slots = self._engine.capacity.slots
        if not slots:
            return "it has no processor for tasks: add nodes, or end this with Ctrl-C"
        return f"{len(self._flights)} chunks wait for one of its {slots} processors, or are computed"

    # ── what is on its way ───────────────────────────────────────────────────────────────────────────────────────

    def _fill(self, tasks: Iterator[Task]) -> bool:
        """Start tasks for which there is room. Return False when all have ended."""
        capacity = self._engine.capacity
        count = max(1, AHEAD * capacity.slots)
        size = max(MIN_AHEAD_SIZE, AHEAD_SIZE * capacity.slots)
        if capacity.store_size:
            size = min(size, capacity.store_size // STORE_SHARE)
        while True:
            if self._next is None:
                self._next = next(tasks, None)
            if self._next is None:
                return bool(self._flights)
            is_full = len(self._flights) >= count or self._size + len(self._next.payload) > size
            if self._flights and is_full:  # a chunk that is larger than all room goes alone
                return True
            self._begin(self._next)
            self._next = None  # and with it the chunk, before the next one is read

    def _begin(self, task: Task) -> None:
        if self._held is None or self._held[0] != task.index:
            self._held = task.index, self._engine.hold(task.payload)
        size = len(task.payload)
        self._size += size
        self._start(_Flight(replace(task, payload=b""), self._held[1], size, self._clock()))

    def _start(self, flight: _Flight) -> None:
        flight.attempt += 1
        ticket = Ticket(self._job, flight.task.number, flight.task.index, flight.attempt)
        self._flights[ticket] = flight
        self._engine.start(ticket, flight.chunk, flight.task, self._assets_held)

    def _again(self, flight: _Flight) -> None:
        self._counts[flight.task.number].retries += 1
        self._start(flight)

    # ── what comes back ──────────────────────────────────────────────────────────────────────────────────────────

    def _judged(self, ended: Ended) -> Computed | None:
        """Return a result that is to be kept. Raise EngineFailed where the job cannot go on."""
        ticket = ended.ticket
        if ticket.job != self._job:
            return None
        flight = self._flights.pop(ticket, None)
        if flight is None:
            self._counts[ticket.output].duplicates += isinstance(ended.outcome, Made)
            return None
        match ended.outcome:
            case Made() as made:
                return self._made(flight, ended.worker, made)
            case TaskFailure() as failure:
                self._failed(flight, ended.worker, failure)
            case Lost() as lost:
                self._lost(flight, ended.worker, lost)
        return None

    def _made(self, flight: _Flight, worker: str, made: Made) -> Computed | None:
        if complaint := self._complaint(made):
            flight.refused += 1
            if flight.refused >= MAX_REFUSED:
                raise EngineFailed(f"{flight.what}, made by {worker}, {complaint}")
            self._again(flight)
            return None
        self._size -= flight.size
        task = flight.task
        self._counts[task.number].latencies_ms.append((self._clock() - flight.began_at) * 1000)
        maker = Maker(worker, flight.attempt)
        return Computed(task.number, task.index, task.frame_count, made.payload, made.fingerprint, maker)

    def _complaint(self, made: Made) -> str:
        """Return why a result is refused, as the end of a sentence; empty if it is taken."""
        if xxhash.xxh3_64_intdigest(made.payload) != made.xxh3:
            return "arrived damaged: look at the memory and the network of that machine"
        if made.fingerprint != self._engine.build:
            return (
                f"is of the build {made.fingerprint}, and the others are of {self._engine.build}: results of both do "
                "not go together; give all nodes the same libraries on the same kind of processor"
            )
        return ""

    def _lost(self, flight: _Flight, worker: str, lost: Lost) -> None:
        self._counts[flight.task.number].losses += 1
        if lost.is_deadly:
            flight.failures = MAX_FAILURES - 1  # the engine has tried it often enough
            self._failed(flight, worker, TaskFailure(CauseKind.CRASH, lost.reason))
            return
        flight.losses += 1
        if flight.losses >= MAX_LOSSES:
            raise EngineFailed(f"{flight.what} was lost {flight.losses} times, the last time because {lost.reason}")
        self._again(flight)

    def _failed(self, flight: _Flight, worker: str, failure: TaskFailure) -> None:
        """Try a task that has failed again; after MAX_FAILURES failures without its filters, as its output's policy
        says. Raise EngineFailed if that policy is FAIL, or if it fails without filters too."""
        task, output = flight.task, flight.task.output
        flight.failures += 1
        if self._noted < MAX_FAILURES_OF_JOB:
            self._noted += 1
            self._note(_told(task, worker, failure))
        on_worker = f" on {worker}" if worker else ""
        text = f"{flight.what} failed{on_worker}: {failure.text}"
        if task.mode != Mode.FILTER:
            raise EngineFailed(f"{text} (even without its filters)")
        if flight.failures >= MAX_FAILURES:
            if output.on_error == OnError.FAIL:
                raise EngineFailed(f"{text} ({flight.attempt} tries)")
            flight.task = replace(task, mode=Mode.DROP if output.on_error == OnError.DROP else Mode.BYPASS)
        self._again(flight)


def _told(task: Task, worker: str, failure: TaskFailure) -> Failure:
    is_filter = fault_of(failure.kind) is Fault.FILTER
    return Failure(
        output=task.output.name,
        chunk=task.index,
        frames=[task.first_frame, task.first_frame + task.frame_count - 1],
        frame=failure.frame,
        filter=failure.filter or "",
        worker=worker,
        failure_type="job_failure" if is_filter else "worker_failure",
        failure_reason=failure.kind,
        explanation=failure.text,
        traceback=failure.traceback,
    )
