"""The client's shell: submissions on one loop, in one thread; sources are read and files written in its turns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from moviola.session import batch
from moviola.session.outcome import Outcome, Status
from moviola.session.run import FollowRequest, UploadRequest
from moviola.session.runs import Runs
from moviola.session.target import Target, as_sentence
from moviola.session.views import Display, JobView
from moviola.wire.loop import Loop

R = TypeVar("R")

IDLE_S: Final = 0.5
"""How long after NOTHING_YET it is asked again whether there is something to send."""


class NothingYet:
    """What the requests of `Sender.send` yield while there is nothing to send, but may be later."""


NOTHING_YET: Final = NothingYet()


class Sender:
    """Send what is requested, as many jobs at a time as the cluster has work for, and show how far they are."""

    def __init__(self, target: Target, display: Display) -> None:
        self._loop = Loop("client", secret=target.secret)
        self._display = display
        self._runs = Runs(self._loop, target)
        self._interrupted = False
        self._idle_until = float("-inf")

    def interrupt(self) -> None:
        """The person does not want to wait any longer. May be called by a signal handler."""
        self._interrupted = True
        self._loop.wake()

    def send(self, requests: Iterable[UploadRequest | FollowRequest | Outcome | NothingYet]) -> Iterator[Outcome]:
        """Send the requests, and yield each outcome as it comes.

        A request is taken only when the batch has room for one more job, so that its source is not opened earlier. None
        is taken any more after the middleware could not be reached, or after an interruption.

        Args:
            requests: an Outcome among them, of a source that is not to be sent after all, is yielded as it is;
                NOTHING_YET says that there is nothing to send for the moment.
        """
        supply = iter(requests)
        supplied_all = False
        try:
            while self._runs.all or not supplied_all:
                supplied_all |= self._interrupted
                is_idle = time.monotonic() < self._idle_until
                if not (supplied_all or is_idle) and batch.takes_next(self._runs.all):
                    request = self._next(supply)
                    if request is None:
                        supplied_all = True
                    elif isinstance(request, NothingYet):
                        self._idle_until = time.monotonic() + IDLE_S
                    elif isinstance(request, Outcome):
                        yield request
                    else:
                        self._runs.begin(request)
                self._turn()
                for run in [run for run in self._runs.all if run.is_over]:
                    self._runs.all.remove(run)
                    outcome = run.outcome()
                    supplied_all |= outcome.status is Status.UNREACHABLE
                    yield outcome
        finally:
            self._loop.flush()
            self._loop.shut()

    def _next(self, supply: Iterator[R]) -> R | None:
        if self._idle_until == float("-inf"):  # with nothing to send, there is nothing that is read
            reading = JobView("", "…", 0, note="reading and checking the file that is next")
            self._display.show([*(run.view() for run in self._runs.all), reading], time.monotonic())
        return next(supply, None)

    def _turn(self) -> None:
        idle_s = max(0.0, self._idle_until - time.monotonic())
        self._runs.turn(min(self._display.interval_s, idle_s or self._display.interval_s) if self._runs.all else idle_s)
        if self._interrupted:
            self._runs.interrupt()
        for run in self._runs.all:
            while run.session.remarks:
                self._display.remark(as_sentence(run.session.remarks.pop(0)))
        self._display.show([run.view() for run in self._runs.all], time.monotonic())
