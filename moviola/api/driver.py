"""The thread that carries a cluster's jobs on: one loop for all of them, beside whatever the program does."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from moviola.api.display import log
from moviola.api.errors import Closed
from moviola.api.spelling import in_python
from moviola.session import batch
from moviola.session.outcome import Outcome
from moviola.session.rates import Rates
from moviola.session.run import FollowRequest, Run, UploadRequest
from moviola.session.runs import Runs
from moviola.session.target import Target, as_sentence
from moviola.session.views import JobView
from moviola.wire.loop import Loop
from moviola.wire.messages import Job as JobRecord

TURN_S: Final = 0.2
"""How often what is known of jobs is published while nothing happens: no view is older."""

IDLE_S: Final = 3600.0
"""The longest turn of the loop while there is no job: a new job wakes it."""


@dataclass(eq=False)
class Driven:
    """A job that the driver carries on, and what is known of it. The driver's lock, in `changed`, guards it."""

    request: UploadRequest | FollowRequest
    changed: threading.Condition
    view: JobView | None = None
    rates: Rates = field(default_factory=Rates)
    rate: float = 0.0  # frames a second
    record: JobRecord | None = None
    is_sent: bool = False  # the whole source is in the cluster
    outcome: Outcome | None = None
    was_left: bool = False  # before it was over, because the driver was closed
    bug: BaseException | None = None
    was_told: bool = False  # how it ended, to whoever waited for it

    @property
    def is_over(self) -> bool:
        """True when nothing more will be known."""
        return self.outcome is not None or self.bug is not None

    @property
    def is_settled(self) -> bool:
        """True when nobody need wait for it any more: it ended well, or it was told how it ended."""
        ended_well = self.bug is None and self.outcome is not None and self.outcome.has_results
        return self.was_told or ended_well

    def wait_for_news(self, seen: JobView | None, timeout_s: float | None = None) -> None:
        """Wait until the job is over or its view is another one than `seen`, for at most `timeout_s` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or self.view != seen, timeout_s)


class Driver:
    """Carries jobs on in a thread of its own, which begins with the first job and ends with `close`.

    All methods may be called from any thread.

    Args:
        target: the cluster.
        parting: the reason that Closed gives for a job that `close` left before it was over; empty: the session's.
    """

    def __init__(self, target: Target, parting: str = "") -> None:
        self.target, self.parting = target, parting
        self.changed = threading.Condition()
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None
        self._arriving: deque[Driven] = deque()
        self._count = 0  # of jobs that are not over
        self._is_closing = False

    @property
    def is_closing(self) -> bool:
        """True from `close` on."""
        return self._is_closing

    def wait_for_place(self) -> None:
        """Wait until there is room for a further job."""
        with self.changed:
            self.changed.wait_for(lambda: self._count < batch.MAX_JOBS or self._is_closing)

    def start(self, request: UploadRequest | FollowRequest) -> Driven:
        """Begin to carry a job on. What is known of it changes from then on, until it is over. Raises Closed."""
        driven = Driven(request, self.changed)
        with self.changed:
            if self._is_closing:
                raise Closed(f"{request.name}: this cluster object is closed; make another one")
            self._arriving.append(driven)
            self._count += 1
            if self._loop is None:
                self._loop = Loop("client", secret=self.target.secret)
                self._thread = threading.Thread(target=self._main, args=(self._loop,), name="moviola", daemon=True)
                self._thread.start()
            self._loop.wake()
        return driven

    def wait(self, condition: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait until a condition on what is known of jobs holds; return False if it did not within `timeout_s`."""
        with self.changed:
            return self.changed.wait_for(condition, timeout_s)

    def close(self) -> None:
        """Leave the jobs that are under way, and end the thread."""
        with self.changed:
            self._is_closing = True
            thread = self._thread
            if self._loop is not None:
                self._loop.wake()
        if thread is not None:
            thread.join()

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _main(self, loop: Loop) -> None:
        runs = Runs(loop, self.target)
        going: dict[Run, Driven] = {}
        try:
            while not self._is_closing or going or self._arriving:  # nothing arrives once it is closing
                self._take(runs, going)
                if not self._is_closing:
                    runs.turn(TURN_S if going else IDLE_S)
                self._publish(runs, going)
        except BaseException as bug:
            log.exception("a bug ended the thread that runs the jobs")
            self._give_up(going.values(), bug)
        finally:
            loop.flush()
            loop.shut()

    def _take(self, runs: Runs, going: dict[Run, Driven]) -> None:
        """Begin the runs of jobs that were added; if the driver is being closed, interrupt all runs."""
        is_closing = self._is_closing  # before jobs are taken: nothing arrives from then on
        while self._arriving:
            run = runs.begin(self._arriving[0].request)  # should this fail, the job is still here to be given up
            going[run] = self._arriving.popleft()
        if is_closing:
            for driven in going.values():
                driven.was_left = True
            runs.interrupt()

    def _publish(self, runs: Runs, going: dict[Run, Driven]) -> None:
        """Update what is known of each job, take out the runs that are over, and wake all who wait."""
        now = time.monotonic()
        with self.changed:
            for run, driven in going.items():
                driven.view, driven.record = run.view(), run.session.record
                driven.rate = driven.rates.update([driven.view], now)[driven.view.id]
                driven.is_sent = _knows_all(driven.record) and not run.load.is_uploading
                if run.is_over:
                    driven.outcome = run.outcome()
                    runs.all.remove(run)
                    self._count -= 1
                while run.session.remarks:
                    log.info("%s", in_python(as_sentence(run.session.remarks.pop(0))))
            self.changed.notify_all()
        for run in [run for run, driven in going.items() if driven.is_over]:
            del going[run]

    def _give_up(self, going: Iterable[Driven], bug: BaseException) -> None:
        with self.changed:
            for driven in [*going, *self._arriving]:
                driven.bug = bug
            self._arriving.clear()
            self._count = 0
            self._is_closing = True
            self.changed.notify_all()


def _knows_all(record: JobRecord | None) -> bool:
    """True once the cluster has been told that the source is at its end."""
    return record is not None and record.progress.chunks_total is not None
