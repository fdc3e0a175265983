"""An upload on its way to the cluster: the brain of `moviola send`, driven by asyncio.

The source is read, and its chunks are cut, in a few threads that all uploads share; nothing else takes a thread.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Final

from anyio import CapacityLimiter, to_thread

from moviola.base.vocabulary import ErrorCode
from moviola.session import events
from moviola.session.events import Event
from moviola.session.outcome import Status
from moviola.session.run import Run, UploadRequest
from moviola.session.target import Target
from moviola.web.problems import Problem, away
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.events import Damaged, Lost, NetworkEvent, Received
from moviola.wire.limits import MIB
from moviola.wire.messages import Job

WINDOW_SIZE: Final = 16 * MIB
"""Payload bytes of an upload on their way: enough for a fast network, and a quarter of what a client alone takes."""

MAX_SENDING: Final = 4
"""Uploads that are sent on at a time, beside those that are sent while they come. Each may hold its window and two
chunks in memory; the others wait on disk."""

MAX_SENDING_EACH: Final = 2
"""… of one user, where there are several: an upload takes as long as the workers let it wait."""

BUSY_S: Final = 15.0
"""How long a cluster that is away, or does not take a job, is called before the sender is told to try again later. The
sender is not told at once because the whole body would have to be sent again."""


class Sending:
    """One source on its way.

    Args:
        target: the cluster, and for whom.
        request: what is sent.
        memory: shared by all connections of the process.
    """

    def __init__(self, target: Target, request: UploadRequest, memory: ReceiveMemory) -> None:
        self._woken = asyncio.Event()
        self._links = AsyncioLinks(self._take, target.secret, memory)
        self._run = Run(self._links, target, request)
        self._read: asyncio.Task[Event] | None = None  # the source's next chunk, while a thread reads it

    @property
    def job(self) -> str:
        """The id of the job that it has become; empty before the cluster has taken it."""
        record = self._run.session.record
        return "" if record is None else record.job

    async def go(self, threads: CapacityLimiter, limit_s: float | None = None) -> Run:
        """Return the run once all of the source is in the cluster, or, where the request waits for them, once its
        results are here.

        A read may take as long as the source takes to come: what the cluster says is heard meanwhile.

        Args:
            threads: bounds the threads that read sources.
            limit_s (s): how long it may take; None: as long as it goes on.

        Raises:
            Problem: the cluster does not take it.
        """
        run = self._run
        gives_up_at = time.monotonic() + BUSY_S
        ends_at = None if limit_s is None else time.monotonic() + limit_s
        try:
            run.feed(events.Start(), time.monotonic())
            while not run.is_over:
                if run.wants_turn and self._read is None:
                    run.begin_read()
                    self._read = asyncio.create_task(to_thread.run_sync(run.pull, limiter=threads))
                    self._read.add_done_callback(lambda _read: self._woken.set())
                await _wait(self._woken, run.session.next_deadline(), gives_up_at, ends_at)
                self._end_read()
                run.fire(time.monotonic())
                if ends_at is not None and time.monotonic() >= ends_at and not run.is_over:
                    raise _late(run)
                if run.session.record is None and run.session.trouble and time.monotonic() >= gives_up_at:
                    raise _not_taken(run)
        finally:
            self._links.shut()
        return _checked(run)

    def _end_read(self) -> None:
        """Hand the chunk that was read to the run, if the read has ended, and keep no reference to it."""
        if self._read is not None and self._read.done():
            read, self._read = self._read, None
            self._run.end_read(read.result(), time.monotonic())

    def _take(self, event: NetworkEvent) -> None:
        if isinstance(event, Received | Damaged | Lost) and event.connection in self._run.links.values():
            self._run.network(event, time.monotonic())
        self._woken.set()


async def _wait(woken: asyncio.Event, deadline: float | None, gives_up_at: float, ends_at: float | None) -> None:
    """Wait until `woken` is set, or the earliest of the deadlines (s, monotonic) has come. `gives_up_at` is no deadline
    any more once it has passed: the caller has looked at it then, and may have gone on."""
    now = time.monotonic()
    deadlines = (deadline, gives_up_at if gives_up_at > now else None, ends_at)
    due = min((at for at in deadlines if at is not None), default=None)
    try:
        async with asyncio.timeout(None if due is None else max(0.0, due - now)):
            await woken.wait()
    except TimeoutError:
        pass
    woken.clear()


def _not_taken(run: Run) -> Problem:
    session = run.session
    if session.trouble_code == ErrorCode.BUSY:
        headers = {"Retry-After": f"{BUSY_S:.0f}"}
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, session.trouble, ErrorCode.BUSY, headers)
    return away(f"The cluster does not take this job now: {session.trouble}")


def _late(run: Run) -> Problem:
    record = run.session.record
    why = run.session.trouble or (record.reason if record is not None else "") or "the cluster is busy with other tasks"
    return Problem(HTTPStatus.GATEWAY_TIMEOUT, f"The cluster has not come to this in time: {why}", "too-late")


def _checked(run: Run) -> Run:
    """Return the run, which is over, if its job was sent, whatever became of the job. Raises Problem otherwise."""
    ending = run.session.ending
    assert ending is not None
    match ending.status:
        case Status.DONE | Status.PARTIAL:
            return run
        case Status.UNREACHABLE:
            raise away(ending.reason)
        case Status.WRONG:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, ending.reason, "bad-job")
    if run.session.record is not None and run.session.record.state == ending.state:
        return run  # it is all in the cluster, and has failed or been cancelled there by now
    raise Problem(HTTPStatus.BAD_GATEWAY, ending.reason, "not-sent")


def record_of(run: Run) -> Job:
    """Return the record of the job that a run has made."""
    assert run.session.record is not None
    return run.session.record
