"""The comparisons of a gateway: one at a time, each in a process of its own, so that the gateway waits for none."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import secrets
import shutil
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

from anyio import to_thread

from moviola.base import processes
from moviola.comparison.records import Comparison, State
from moviola.comparison.request import Request
from moviola.web.problems import Problem

log = logging.getLogger(__name__)

PROGRAM: Final = processes.program("moviola.comparison")

MAX_KEPT: Final = 20
"""Comparisons that are kept when they are over, the newest: each has some KB."""

MAX_LINE: Final = 1024 * 1024
"""Bytes of what a comparison says at a time: its record, some KB."""

CANCEL_S: Final = 15.0
"""How long a comparison that is cancelled may take over its end, in which it takes its job out of the cluster."""

RETRY_AFTER_S: Final = 30
"""What is told to whoever finds another one under way."""

RESULTS: Final = "results"
"""The folder of results, in that of a comparison."""

CANCELLED: Final = "It was cancelled"


@dataclass(eq=False)
class Running:
    """A comparison of this gateway, which may be over.

    Attributes:
        id: of it.
        user: whose it is.
        began_unix_s: when, in seconds since 1970.
        told: what is known of it.
    """

    id: str
    user: str
    began_unix_s: float
    told: Comparison
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        """True when nothing more is measured."""
        return self.told.state is not State.RUNNING

    def tell(self, told: Comparison) -> None:
        """Take what is known now."""
        self.told = told
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def changed(self) -> None:
        """Wait until something else is known."""
        await self._news.wait()


class Comparisons:
    """What is compared in this gateway, and what was."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Running] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._current: Running | None = None
        self._process: Process | None = None
        self._is_cancelled = False

    def all(self) -> list[Running]:
        """Return those that are kept, the newest first."""
        return [*reversed(self._kept.values())]

    def get(self, id: str) -> Running | None:
        """Return the one of an id; None where there is none."""
        return self._kept.get(id)

    async def check(self) -> None:
        """Raise Problem if a comparison is under way, because a gateway makes one at a time. If the last one is over
        and only its files are still being removed, wait for that."""
        task = self._task
        if task is not None and self._current is not None and self._current.is_over:
            await asyncio.wait([task])
        if self._task is not None:
            detail = "Another comparison is under way, and a gateway makes one at a time; try again when it is over"
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, "comparison-under-way", headers)

    async def begin(self, user: str, request: Request, folder: Path, sanitized: Callable[[str], str]) -> Running:
        """Begin a comparison, and return it. Raise Problem where another one is under way.

        Args:
            user: whose it is.
            request: what is compared.
            folder: with the source; it gets the results, and goes when the comparison is over.
            sanitized: returns a sentence without what a user must not see, such as paths of this machine.
        """
        await self.check()
        told = Comparison(
            source=request.material.name,
            kind=request.material.kind,
            unit="",
            filters=request.filters,
            iterations=request.iterations,
            warm_ups=request.warm_ups,
            cores=processes.core_count(),
        )
        running = Running(secrets.token_hex(6), user, time.time(), told)  # noqa: TID251 - for people, who read dates
        self._kept[running.id] = running
        for each in [each for each in self._kept.values() if each.is_over][: max(0, len(self._kept) - MAX_KEPT)]:
            del self._kept[each.id]
        self._current, self._is_cancelled = running, False
        self._task = asyncio.create_task(self._carry_out(running, request, folder, sanitized))
        return running

    async def cancel(self, running: Running) -> None:
        """End a comparison that is under way; of one that is over, forget it."""
        if running.is_over:
            self._kept.pop(running.id, None)
        else:
            await self.close()

    async def close(self) -> None:
        """End what is under way."""
        task, self._is_cancelled = self._task, True
        if task is not None:
            await self._stop()
            await asyncio.wait([task])

    async def _carry_out(
        self, running: Running, request: Request, folder: Path, sanitized: Callable[[str], str]
    ) -> None:
        try:
            (results := folder / RESULTS).mkdir()
            try:
                status = await self._listen(running, pickle.dumps((request, results)), sanitized)
            except Exception:
                log.exception("the comparison %s ends", running.id)
                status = "an error, which the gateway's log tells"
            if not running.is_over:
                reason = CANCELLED if self._is_cancelled else f"Its process ended with {status}"
                state = State.CANCELLED if self._is_cancelled else State.FAILED
                running.tell(replace(running.told, state=state, reason=reason, mode="", round=0, is_warm_up=False))
        finally:
            self._process = self._task = None
            await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))

    async def _listen(self, running: Running, asked: bytes, sanitized: Callable[[str], str]) -> str:
        """Start the process, take what it says, and return how it ended."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=MAX_LINE, start_new_session=True,
            env=processes.environment_of(),
        )  # fmt: skip
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if self._is_cancelled:
                process.stdin.close()
            with suppress(ConnectionError):
                process.stdin.write(asked)
                await process.stdin.drain()
            async for line in process.stdout:
                told = Comparison.from_wire(json.loads(line))
                running.tell(replace(told, reason=sanitized(told.reason)))
            return processes.how_it_ended(await process.wait())
        finally:
            if process.returncode is None:
                _kill(process)
                await process.wait()

    async def _stop(self) -> None:
        """Let the process end itself, and kill it where that takes too long."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(CANCEL_S):
                await process.wait()
        except TimeoutError:
            _kill(process)


def _kill(process: Process) -> None:
    """Kill a comparison's process together with all processes that it has started, which are in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
