"""A finished file at its aggregator, read and sought in like one of this machine: parts come as they are wanted."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.random_reads import RandomReads
from moviola.session import events
from moviola.session.fetching import Fetching, Wanted
from moviola.session.job_session import addresses_of
from moviola.session.links import OpenLinks
from moviola.session.target import Target, hello
from moviola.wire.limits import MIB
from moviola.wire.loop import Loop
from moviola.wire.messages import Job

BLOCK_SIZE: Final = 1 * MIB
"""Bytes that are fetched at once: a second of film, mostly, and all of a small file."""

BLOCKS_KEPT: Final = 16
"""Blocks in memory: whoever looks for a frame goes back and forth between the file's index and its middle."""

PATIENCE_S: Final = 10.0
"""How long a block is waited for: an aggregator that is there gives one in milliseconds, one that restarts is back."""


class RemoteFiles:
    """The finished files of a job. An aggregator that was not reached once is not called again: whoever reads several
    would wait for each.

    Args:
        target: the cluster, and for whom.
        job: its record, which says where its files are.
    """

    def __init__(self, target: Target, job: Job) -> None:
        self._target, self._job = target, job
        self._unreachable = ""

    def open(self, file: FinishedFile) -> RemoteFile:
        """Return one of them, to be read."""
        return RemoteFile(file, lambda start, stop: self._fetched(file, start, stop))

    def _fetched(self, file: FinishedFile, start: int, stop: int) -> bytes:
        if self._unreachable:
            raise OSError(self._unreachable)
        try:
            return fetched(self._target, self._job, file, start, stop)
        except TimeoutError as error:
            self._unreachable = str(error)
            raise


class RemoteFile(RandomReads):
    """Reads raise OSError where the aggregator does not give the file, or is not reached.

    Args:
        file: which one.
        fetch: returns its bytes from one place up to another.
    """

    def __init__(self, file: FinishedFile, fetch: Callable[[int, int], bytes]) -> None:
        super().__init__(file.size, file.file)
        self._fetch = fetch
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """Read up to the end of a block, at most as much as `buffer` takes; return how many bytes."""
        if self._at >= self.size or not len(buffer):
            return 0
        number, within = divmod(self._at, BLOCK_SIZE)
        data = self._block(number)[within : within + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def pieces(self, most: int) -> Iterator[bytes]:
        """Yield what comes next, at most so many bytes, a block at a time."""
        while most > 0 and (piece := self.read(min(most, BLOCK_SIZE))):
            most -= len(piece)
            yield piece

    def _block(self, number: int) -> bytes:
        found = self._blocks.get(number)
        if found is None:
            start = number * BLOCK_SIZE
            found = self._fetch(start, min(start + BLOCK_SIZE, self.size))
            self._blocks[number] = found
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return found


def fetched(target: Target, job: Job, file: FinishedFile, start: int, stop: int) -> bytes:
    """Return the bytes of a finished file from `start` up to `stop`.

    Raises:
        TimeoutError: the aggregator is not reached, or gives nothing.
        OSError: it has not got them.
    """
    try:
        fetching = Fetching(job.job, [Wanted.of(file)], addresses_of(job))
    except ValueError as error:
        raise OSError(str(error)) from error
    loop = Loop("client", secret=target.secret)
    links = OpenLinks(loop, target, hello(target.user))
    commands, pieces = deque(fetching.begin()), list[bytes]()
    deadline = time.monotonic() + PATIENCE_S
    try:
        while commands or not fetching.over:
            if commands:
                commands += _followed(fetching, links, commands.popleft(), pieces, (start, stop))
                continue
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError(f"the aggregator has given nothing for {PATIENCE_S:.0f} s")  # no address: it is told
            loop.flush()
            due = fetching.next_deadline()
            for event in loop.turn(deadline if due is None else min(due, deadline)):
                meant = links.event_of(event)
                if meant is not None:
                    commands += fetching.handle(meant, time.monotonic())
            if due is not None and time.monotonic() >= due:
                commands += fetching.handle(events.Tick(), time.monotonic())
    finally:
        loop.shut()
    if fetching.failure:
        raise OSError(fetching.failure)
    return b"".join(pieces)


def _followed(
    fetching: Fetching, links: OpenLinks, command: events.Command, pieces: list[bytes], part: tuple[int, int]
) -> list[events.Command]:
    """Carry a command out; return those that follow from it."""
    match command:
        case events.Begin():
            return fetching.handle(events.Begun(command, *part), time.monotonic())
        case events.Dial() | events.HangUp() | events.Send():
            links.carry_out(command)
        case events.Write(payload=payload):
            pieces.append(bytes(payload))
        case events.Keep():
            return fetching.handle(events.Kept(command), time.monotonic())
    return []
