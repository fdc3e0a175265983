"""Remote calls of the middleware by asyncio: one message, and its answer, over a connection of their own.

Questions about one job come here; what all requests ask again and again is in `moviola.web.mirror`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from moviola.base.vocabulary import Topic
from moviola.session.rpc import TIMEOUT_S, granted, with_timeline
from moviola.session.target import Target, hello
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.messages import Control, ControlWorker, Error, Job, Message, Overview, Watch, Welcome

MAX_CALLS: Final = 16
"""Connections for calls at a time; the next ones wait. A call takes some milliseconds, and a middleware gives one user
128 connections."""

T = TypeVar("T")


class Caller:
    """Calls the middleware of a cluster.

    Args:
        target: the cluster; its user is replaced by that of each call.
        memory: shared by all connections of the process.
    """

    def __init__(self, target: Target, memory: ReceiveMemory) -> None:
        self._target, self._memory = target, memory
        self._places = asyncio.Semaphore(MAX_CALLS)

    async def job_details(self, user: str, job: str, task: int | None = None, *, log: bool = False) -> Job:
        """Return the record of one job with its details, as `moviola.session.rpc.job_details` does."""
        watch = Watch(job, chunk=task, log=log)
        return await self.call(user, watch, lambda message: message if isinstance(message, Job) else None)

    async def job_timeline(self, user: str, job: str) -> Job:
        """Return the record of one job with its timeline, as `moviola.session.rpc.job_timeline` does."""
        return await self.call(user, Watch(job, timeline=True), with_timeline)

    async def control(self, user: str, job: str, verb: str, priority: int | None = None) -> str:
        """Have the middleware do something with a job, as `moviola.session.rpc.control` does."""
        return await self.call(user, Control(job, verb, priority), granted)

    async def control_worker(self, user: str, worker: str, verb: str) -> str:
        """Have the middleware do something with a worker, as `moviola.session.rpc.control_worker` does."""
        return await self.call(user, ControlWorker(worker, verb), granted)

    async def overview(self, user: str) -> Overview:
        """Return how the cluster is doing."""
        watch = Watch(topics=[Topic.OVERVIEW], limit=0)
        return await self.call(user, watch, lambda message: message if isinstance(message, Overview) else None)

    async def call(self, user: str, request: Message, answer: Callable[[Message], T | None]) -> T:
        """Send one message and return the answer to it.

        Args:
            user: for whom.
            answer: what a message that comes means; None when it is not the answer.

        Raises:
            Unreachable: no middleware took the connection, or it went before it answered.
            Refused: it said no.
            TimeoutError: it was reached, but did not answer.
        """
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def take(event: NetworkEvent) -> None:
            if found.done():
                return
            match event:
                case Received(message=Welcome()):
                    links.send(link, request)
                case Received(message=Error() as error) | Lost(error=Error() as error):
                    found.set_exception(Refused(error.code, error.text))
                case Received(message=message) if (one := answer(message)) is not None:
                    found.set_result(one)
                case Lost(reason=reason):
                    found.set_exception(Unreachable(f"No middleware answers at {self._target.address} ({reason})"))

        async with self._places:
            links = AsyncioLinks(take, self._target.secret, self._memory)
            link = links.dial([self._target.address], hello(user), self._target.family)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    return await found
            except TimeoutError:
                text = f"The middleware at {self._target.address} has not answered in {TIMEOUT_S:.0f} s"
                raise TimeoutError(text) from None
            finally:
                links.shut()
