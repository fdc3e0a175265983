"""Parts of a finished file, from its aggregator to whoever reads them, no faster than they are read."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.json_texts import json_in
from moviola.base.mapped import Malformed
from moviola.base.vocabulary import ErrorCode
from moviola.session import events
from moviola.session.events import Event
from moviola.session.fetching import PART_SIZE, Fetching, Wanted
from moviola.session.job_session import addresses_of
from moviola.session.links import OpenLinks
from moviola.session.target import Target, hello
from moviola.web.problems import Problem, away
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.events import NetworkEvent
from moviola.wire.limits import MIB
from moviola.wire.messages import Job

AHEAD_SIZE: Final = 2 * PART_SIZE
"""Asked for and not yet read: the memory that a download takes, however large its file and however slow its reader."""

MAX_LINE: Final = 1 * MIB
"""Bytes of one line of a listing: a name and some numbers."""


async def parts(
    target: Target, job: Job, file: FinishedFile, start: int, stop: int, memory: ReceiveMemory
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file from `start` up to `stop`.

    Args:
        target: the cluster, and for whom.
        job: its record, which says where its files are.
        file: one of them.
        memory: shared by all connections of the process.

    Raises:
        Problem: the aggregator does not give it, or is not reached.
    """
    try:
        wanted = Wanted.of(file)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error
    inbox: asyncio.Queue[NetworkEvent] = asyncio.Queue()
    links = AsyncioLinks(inbox.put_nowait, target.secret, memory)
    fetching = Fetching(job.job, [wanted], addresses_of(job), AHEAD_SIZE)
    connections = OpenLinks(links, target, hello(target.user))
    commands = deque(fetching.begin())
    try:
        while commands or not fetching.over:
            if not commands:
                event = await _next(inbox, connections, fetching.next_deadline())
                if event is not None:
                    commands += fetching.handle(event, time.monotonic())
                continue
            match commands.popleft():
                case events.Begin() as command:
                    begun = events.Begun(command, start, stop)
                    commands += fetching.handle(begun, time.monotonic())
                case events.Dial() | events.HangUp() | events.Send() as command:
                    connections.carry_out(command)
                case events.Write(payload=payload):
                    yield bytes(payload)
                case events.Keep() as command:
                    commands += fetching.handle(events.Kept(command), time.monotonic())
    finally:
        links.shut()
    if fetching.failure:
        raise _failed(fetching)


async def _next(inbox: asyncio.Queue[NetworkEvent], connections: OpenLinks, deadline: float | None) -> Event | None:
    """Return what comes next over the connections, or Tick at the deadline; None for what is of no account."""
    try:
        async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.monotonic())):
            return connections.event_of(await inbox.get())
    except TimeoutError:
        return events.Tick()


def _failed(fetching: Fetching) -> Problem:
    if fetching.failure_code == ErrorCode.NOT_FOUND:
        return Problem(HTTPStatus.GONE, fetching.failure, "file-gone")
    if fetching.failure_code:
        return Problem(HTTPStatus.BAD_GATEWAY, fetching.failure, fetching.failure_code)
    return away(fetching.failure, "aggregator-away")


async def listed(
    target: Target, job: Job, listing: FinishedFile, name: str, memory: ReceiveMemory
) -> FinishedFile | None:
    """Return the file of a name that a listing lists; None where it does not. Raises Problem as `parts` does.

    The listing is read line by line, and never held as a whole.
    """
    rest = b""
    async with aclosing(parts(target, job, listing, 0, listing.size, memory)) as pieces:
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if (found := _entry(line, name)) is not None:
                    return found
            if len(rest) > MAX_LINE:
                break
    return _entry(rest, name)


def _entry(line: bytes, name: str) -> FinishedFile | None:
    """The file that a line of a listing tells of, if it is the one of that name."""
    try:
        found = FinishedFile.from_wire(json_in(line)) if line else None
    except (Malformed, ValueError):
        return None
    return found if found is not None and found.file == name and not found.folder else None
