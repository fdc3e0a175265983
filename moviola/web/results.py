"""The stored results of a track of a job, by asyncio: the counterpart of `moviola.session.stored_results`."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from moviola.session.events import Start, Wanted
from moviola.session.reading import Description, Ended, Reading
from moviola.session.stored_results import ResultReader
from moviola.session.target import Target
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.events import ConnectionId, NetworkEvent, Received
from moviola.wire.messages import Job


class Inbox:
    """Queues what comes over connections until it is asked for.

    The middleware tells of a job that moves twice a second, also while nobody asks, as where a viewer has paused. So of
    the records of a connection only the newest waits, behind all that came before it.
    """

    def __init__(self) -> None:
        self._waiting: deque[NetworkEvent] = deque()
        self._came = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: NetworkEvent) -> None:
        """Take what came."""
        if (connection := _told_of_a_job(event)) is not None:
            self._waiting = deque(one for one in self._waiting if _told_of_a_job(one) != connection)
        self._waiting.append(event)
        self._came.set()

    async def get(self) -> NetworkEvent:
        """Return the oldest of it; wait until there is something."""
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()


def _told_of_a_job(event: NetworkEvent) -> ConnectionId | None:
    """Return the connection over which a record of a job came; None for anything else."""
    return event.connection if isinstance(event, Received) and isinstance(event.message, Job) else None


class Results:
    """The results of a track, in order. Each is asked for when it is wanted, so there is one in memory at a time.

    Args:
        target: the cluster, and for whom.
        job: its id.
        track: outputs have the numbers from 0, in the order in which they were asked for; streams follow.
        first: the index of the result with which to begin.
        memory: shared by all connections of the process.
    """

    def __init__(self, target: Target, job: str, track: int, first: int, memory: ReceiveMemory) -> None:
        self.reading = Reading(job, track, str(target.address), first)
        self._inbox = Inbox()
        self._links = AsyncioLinks(self._inbox.put, target.secret, memory)
        self._reader = ResultReader(self._links, target, self.reading)
        self._is_begun = False

    @property
    def ended(self) -> Ended | None:
        """Why nothing more comes."""
        return self.reading.ended

    @property
    def description(self) -> Description | None:
        """What the job was asked for; known from the first result on."""
        return self.reading.description

    async def next(self) -> bytes | None:
        """Return the next result as soon as it is there; None where there is none, and `ended` says why."""
        if not self._is_begun:
            self._is_begun = True
            self._reader.feed(Start(), time.monotonic())
        self._reader.feed(Wanted(), time.monotonic())
        while (given := self._reader.take()) is None:
            if self.ended is not None:
                return None
            self._reader.turned(await self._came(), time.monotonic())
        return bytes(given.payload)

    async def _came(self) -> list[NetworkEvent]:
        deadline = self.reading.next_deadline()
        try:
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.monotonic())):
                return [await self._inbox.get()]
        except TimeoutError:
            return []

    def close(self) -> None:
        """Ask no more."""
        self._links.shut()
