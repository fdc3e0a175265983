"""How the chunks of a job without a cluster are computed: one after another, by several threads, or by processes.

All ways take the same chunks and run the same `process` on each, and a result says which chunk it is of, so that the
files that are made of them are equal, digest for digest. A chunk brings the frames before it that its filters look back
at. An engine that others run (moviola/engines) is one more way.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from moviola.base import processes
from moviola.base.vocabulary import Mode
from moviola.media import kinds
from moviola.media.errors import MediaError
from moviola.media.manifest.records import Maker
from moviola.media.material import Header, Output

PROGRAM: Final = processes.program("moviola.media.compute_process")

NOBODY: Final = Maker("", 1)
"""Who makes results in this process and in its children, at the first try: it has no name."""

AHEAD: Final = 2
"""Chunks for each thread or process that are read and not computed yet, or computed and not taken yet: enough that none
waits, and few enough for the memory of a small machine."""


@dataclass(frozen=True, slots=True)
class Computed:
    """The result of a task.

    Attributes:
        output: the number of the output that it is a part of.
        index: of the chunk.
        frame_count: how many frames the chunk has.
        payload: of the result.
        fingerprint: which build made it.
        maker: who made it.
    """

    output: int
    index: int
    frame_count: int
    payload: bytes | memoryview
    fingerprint: str
    maker: Maker = NOBODY


@dataclass(frozen=True, slots=True)
class Task:
    """One chunk to be computed for one output.

    Attributes:
        kind: of material.
        source: what its kind tells of the source (`Source.process`).
        payload: of the chunk.
        number: of the output.
        index: of the chunk.
        first_frame: index in the source of the chunk's first frame.
        frame_count: how many frames the chunk has.
        mode: whether its filters run (moviola.base.vocabulary.Mode).
    """

    kind: str
    source: Header
    payload: bytes | memoryview
    output: Output
    number: int = 0
    index: int = 0
    first_frame: int = 0
    frame_count: int = 0
    mode: str = Mode.FILTER

    def compute(self) -> Computed:
        """Return the result. Raise what the kind's `process` raises."""
        made = kinds.processor(self.kind)(self.payload, self.source, self.output, mode=self.mode)
        return Computed(self.number, self.index, self.frame_count, made.payload, made.fingerprint)


class Computing(Protocol):
    """A way to compute tasks."""

    def results(self, tasks: Iterable[Task]) -> Iterator[Computed]:
        """Yield the result of each task, in any order; tasks are taken as there is room for them.

        Raise what `Task.compute` raises, and what the iterator of the tasks raises.
        """
        ...


class InSequence:
    """One after another, in the thread that asks for the results."""

    def results(self, tasks: Iterable[Task]) -> Iterator[Computed]:
        """As in Computing, in the order of the tasks."""
        return (task.compute() for task in tasks)


IN_SEQUENCE: Final = InSequence()


class Threads:
    """Several at a time, by threads of this process; `with` ends them.

    Args:
        count: of the threads.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._executor = ThreadPoolExecutor(count, "compute")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)

    def results(self, tasks: Iterable[Task]) -> Iterator[Computed]:
        """As in Computing, in the order of the tasks."""
        return _in_order(self._executor, self._compute, tasks, AHEAD * self._count)

    def _compute(self, task: Task) -> Computed:
        return task.compute()


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process is told before its first task.

    Attributes:
        plugins: files of filters.
        assets: the content of the files that filters name, by the value that stands for each.
    """

    plugins: Sequence[Path] = ()
    assets: Mapping[str, bytes] = field(default_factory=dict)


class Processes(Threads):
    """Several at a time, by processes: each thread has one, and waits for it. `with` ends them.

    Args:
        count: of the processes.
        setup: what each is told first.
        program: what each runs; the descriptor of its end of the pipe is appended.
    """

    def __init__(self, count: int, setup: Setup, program: Sequence[str] = PROGRAM) -> None:
        super().__init__(count)
        self._lock, self._idle = threading.Lock(), list[_Child]()
        self._all: list[_Child] = []
        try:
            for _ in range(count):  # all are started before the first is waited for
                self._all.append(_Child(program))
            for child in self._all:
                child.ask(setup)
        except BaseException:
            self._end()
            raise
        self._idle += self._all

    @property
    def process_ids(self) -> list[int]:
        """Return the ids of the processes that compute."""
        return [child.process.pid for child in self._all]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()  # first, so that no thread waits for one
        super().__exit__(kind, error, trace)

    def _compute(self, task: Task) -> Computed:
        with self._lock:
            child = self._idle.pop()  # there are as many as threads
        try:
            result: Computed = child.ask(task)
            return result
        finally:
            with self._lock:
                self._idle.append(child)

    def _end(self) -> None:
        for child in self._all:
            child.end()


class _Child:
    """A process that computes, and the pipe to it."""

    def __init__(self, program: Sequence[str]) -> None:
        self._pipe: Connection[Any, Any]
        self._pipe, theirs = Pipe()
        with theirs:
            self.process = processes.start(
                [*program, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )

    def ask(self, question: Any) -> Any:
        """Return what the process answers. Raise the MediaError that it met, also where it ended instead."""
        try:
            self._pipe.send(question)
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            ending = processes.how_it_ended(processes.own_end(self.process))
            raise MediaError(f"a process that computed a chunk ended with {ending}") from error
        if isinstance(answer, MediaError):
            raise answer
        return answer

    def end(self) -> None:
        """End the process if it still runs, and close the pipe."""
        processes.end(self.process)
        with suppress(OSError):
            self._pipe.close()


def _in_order(
    executor: ThreadPoolExecutor, compute: Callable[[Task], Computed], tasks: Iterable[Task], ahead: int
) -> Iterator[Computed]:
    """Yield what `compute` returns for each task, in order, with up to `ahead` tasks begun and not yielded."""
    begun: deque[Future[Computed]] = deque()
    try:
        for task in tasks:
            begun.append(executor.submit(compute, task))
            if len(begun) >= ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for each in begun:
            each.cancel()
