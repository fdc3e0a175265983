"""Several jobs on one loop, in one thread."""

from __future__ import annotations

import time

from moviola.session import batch, events
from moviola.session.run import FollowRequest, Run, UploadRequest
from moviola.session.target import Target
from moviola.wire.events import Readable
from moviola.wire.loop import Loop


class Runs:
    """The jobs that go on in this thread. Whoever begins them takes them out once they are over.

    Args:
        loop: of the thread; all its connections are those of these jobs.
        target: the cluster.
    """

    def __init__(self, loop: Loop, target: Target) -> None:
        self.all: list[Run] = []
        self._loop, self._target = loop, target

    def begin(self, request: UploadRequest | FollowRequest) -> Run:
        """Take a job up."""
        run = Run(self._loop, self._target, request)
        self.all.append(run)
        run.feed(events.Start(), time.monotonic())
        return run

    def interrupt(self) -> None:
        """End the waiting for all of them."""
        for run in self.all:
            run.feed(events.Interrupted(), time.monotonic())

    def turn(self, interval_s: float) -> None:
        """Wait for what happens next, for `interval_s` at the longest, and do all that follows from it."""
        for event in self._loop.turn(self._deadline(interval_s)):
            if isinstance(event, Readable):
                continue
            run = next((run for run in self.all if event.connection in run.links.values()), None)
            if run is not None:
                run.network(event, time.monotonic())
        for run in self.all:
            run.fire(time.monotonic())
        for run in batch.readers(self.all):
            run.read(time.monotonic())
        self._loop.flush()

    def _deadline(self, interval_s: float) -> float:
        now = time.monotonic()
        if any(run.wants_turn for run in batch.readers(self.all)):
            return now
        deadlines = [at for run in self.all if (at := run.session.next_deadline()) is not None]
        return min([*deadlines, now + interval_s])
