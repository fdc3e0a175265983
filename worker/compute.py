"""The compute thread: one task at a time through the `process` of its kind of material."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from types import MappingProxyType
from typing import Final

from moviola.base.mapped import Map
from moviola.filters.assets import travelled
from moviola.filters.toolbox.opencv import cv2
from moviola.media.failing import failure_of
from moviola.media.kind import Deferred, Process
from moviola.media.material import Output, Result
from moviola.wire.framing import Buffer
from moviola.wire.messages import Cause, Task
from moviola.wire.schema import Lease

from .events import Computed, Event, Failed, Stopped
from .shared_status import Note

NO_ASSETS: Final[Mapping[str, bytes]] = MappingProxyType({})

log = logging.getLogger(__name__)


class Abandoned(BaseException):
    """Raised out of `process` when its result is not wanted any more. No Exception, so that nothing on the way
    takes it for a filter's failure."""


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """How far the present task is; a new object each time, so that another thread reads it whole."""

    lease: Lease
    frames: int
    steps: int


@dataclass(slots=True, eq=False)
class _Order:
    task: Task
    payload: Buffer
    assets: Mapping[str, bytes]
    is_abandoned: bool = False


def load(kinds: Mapping[str, str]) -> dict[str, Process]:
    """Return the `process` of each kind by its dotted name, with all that it needs imported, so that the first task
    does not wait."""
    cv2.setNumThreads(1)  # every core has a process of its own
    return {kind: Deferred[Process](name).load() for kind, name in kinds.items()}


class Computer:
    """Runs in its own thread; other threads give it one task at a time and hear by `report` what became of it.

    Args:
        processes: by kind.
        report: takes an event, from the compute thread; it must not block.
        note: where the lease in work is written down, for whoever outlives this process.
    """

    def __init__(self, processes: Mapping[str, Process], report: Callable[[Event], None], note: Note) -> None:
        self.progress: TaskProgress | None = None
        self._processes = processes
        self._report = report
        self._note = note
        self._orders: SimpleQueue[_Order] = SimpleQueue()
        self._present: _Order | None = None

    def start(self, task: Task, payload: Buffer, assets: Mapping[str, bytes] = NO_ASSETS) -> None:
        """Begin a task. What became of the one before must have been reported. `assets` are the files that it names."""
        self._present = order = _Order(task, payload, assets)
        self._orders.put(order)

    def abandon(self, lease: Lease) -> None:
        """Stop computing this task as soon as its frame is done."""
        if self._present is not None and self._present.task.lease == lease:
            self._present.is_abandoned = True

    def run(self) -> None:
        """Compute one task after the other, for ever: the body of the thread."""
        while True:
            self._report(self._outcome(self._orders.get()))

    def _outcome(self, order: _Order) -> Event:
        lease = order.task.lease
        self.progress = TaskProgress(lease, 0, 0)
        self._note.lease = lease
        try:
            return Computed(lease, self._compute(order))
        except Abandoned:
            return Stopped(lease)
        except BaseException as error:  # SystemExit as well: a filter must not end a thread
            log.debug("lease %s failed", lease, exc_info=True)
            return Failed(lease, cause_of(error))
        finally:
            self._note.lease = None
            self._present = None  # nothing here keeps the chunk

    def _compute(self, order: _Order) -> Result:
        task = order.task
        process = self._processes.get(str(task.source.get("kind")))
        if process is None:
            raise ValueError(f"this worker takes no {task.source.get('kind')!r}, only {', '.join(self._processes)}")
        steps = 0

        def on_frame(frames: int) -> None:
            nonlocal steps
            if order.is_abandoned:
                raise Abandoned
            steps += 1
            self.progress = TaskProgress(task.lease, frames, steps)

        output = Output.from_wire(task.output)
        shared: Map = {"stage": range(*task.stage)} if task.stage else {}  # few kinds know of stages
        with travelled(order.assets):
            return process(order.payload, task.source, output, mode=task.mode, on_frame=on_frame, **shared)


def cause_of(error: BaseException) -> Cause:
    """Return an exception as Released tells it."""
    return Cause(*failure_of(error))
