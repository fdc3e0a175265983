"""The files of a finished job, fetched from the aggregator one after the other: a brain without socket or file.

Parts of one file are asked for ahead, so that the road is never empty; what has arrived survives a lost connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from moviola.base.file_names import check_path_name
from moviola.base.finished_file import FinishedFile
from moviola.media.metrics import SUFFIX as METRICS_SUFFIX
from moviola.session.aggregator_line import AggregatorLine
from moviola.session.events import (
    Begin,
    Begun,
    ChecksumMismatch,
    ClusterMessage,
    Command,
    Event,
    HangUp,
    Keep,
    Kept,
    Lost,
    NotKept,
    Send,
    ServerRole,
    Tick,
    Welcomed,
    Write,
)
from moviola.wire.addresses import Address
from moviola.wire.framing import Buffer
from moviola.wire.limits import MIB
from moviola.wire.messages import Error, Fetch, File

PART_SIZE: Final = 4 * MIB
AHEAD_SIZE: Final = 4 * PART_SIZE
"""Asked for and not yet here: fills a 1 Gbit/s road of 130 ms, and is all the memory that fetching takes."""

STALL_S: Final = 30.0
"""An aggregator that owes a part for so long is dialled anew: it may have been stopped, or its machine be gone."""

MAX_SPOILED: Final = 2
"""Times that a file may arrive with a wrong xxh3 before it is given up; parts are checked on their way already."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A finished file: its name, its size in bytes and its xxh3_128 in hex; and whether it lists others."""

    file: str
    size: int
    xxh3: str
    is_listing: bool = False

    @classmethod
    def of(cls, told: FinishedFile) -> Wanted:
        """Raises ValueError when its name could lead out of its folder."""
        try:
            check_path_name(told.file, "a file's name")
        except ValueError as error:
            text = f"the cluster names a file {told.file!r:.80}, which is not a plain name ({error})"
            raise ValueError(text) from error
        return cls(told.file, told.size, told.xxh3, bool(told.folder))


class Fetching:
    """Events of the aggregator and of the files in, commands out. `failure` says why it ended before its time.

    Args:
        job: whose files.
        files: what is wanted, in this order.
        addresses: where the aggregator may be.
        ahead_size: bytes that are asked for and not yet here.
    """

    def __init__(
        self, job: str, files: Iterable[Wanted], addresses: Sequence[Address], ahead_size: int = AHEAD_SIZE
    ) -> None:
        self.line = AggregatorLine(addresses)
        self.failure = ""
        self.failure_code = ""  # the aggregator's, where it said no
        self.over = False
        self.size_total = 0
        self.size_here = 0
        self._job = job
        # metrics first: with them, what an interrupted client has left is known again (see recognition.py)
        self._queue = deque(sorted(files, key=lambda wanted: not wanted.file.endswith(METRICS_SUFFIX)))
        self._size_done = 0
        self._ahead_size = ahead_size
        self._written = self._asked = self._stop = 0  # of the current file
        self._spoiled = 0
        self._stalls_at: float | None = None
        self.size_total = sum(wanted.size for wanted in self._queue)

    def begin(self) -> list[Command]:
        """The first commands."""
        return self._begin_next()

    def next_deadline(self) -> float | None:
        """Return the time (s, monotonic) at which something is to be done if nothing comes, or None."""
        deadlines = [at for at in (self.line.redials_at, self._stalls_at) if at is not None]
        return min(deadlines, default=None)

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do next; nothing once it is over."""
        if self.over:
            return []
        match event:
            case Begun(offset=offset, stop=stop):
                return self._begun(offset, stop, now)
            case Kept(listed=listed):
                return self._kept(listed)
            case ChecksumMismatch(command):
                return self._spoiled_file(command.file)
            case NotKept(command, reason):
                return self._fail(f"{command.file} cannot be written here: {reason}")
            case Welcomed(peer=ServerRole.AGGREGATOR):
                self.line.is_open = True
                return self._ask(now)
            case ClusterMessage(peer=ServerRole.AGGREGATOR, message=Error() as error) if self.line.at_middleware:
                # another one may be there, which has other jobs' files
                return [HangUp(ServerRole.AGGREGATOR), *self._lost(f"at the middleware's host: {error.text}", now)]
            case ClusterMessage(peer=ServerRole.AGGREGATOR, message=File() as part, payload=payload):
                return self._part(part, payload, now)
            case ClusterMessage(peer=ServerRole.AGGREGATOR, message=Error() as error):
                self.failure_code = error.code
                return self._fail(f"the aggregator does not give {self._current.file}: {error.text}")
            case Lost(peer=ServerRole.AGGREGATOR, reason=reason):
                return self._lost(reason, now)
            case Tick():
                return self._tick(now)
        return []

    @property
    def _current(self) -> Wanted:
        return self._queue[0]

    # ── one file after the other ─────────────────────────────────────────────────────────────────────────────────

    def _begin_next(self) -> list[Command]:
        self._written = self._asked = 0
        self.size_here = self._size_done
        self._stalls_at = None
        if self._queue:
            current = self._current
            return [Begin(current.file, current.size, current.xxh3, current.is_listing)]
        self.over = True
        return [HangUp(ServerRole.AGGREGATOR)]

    def _begun(self, offset: int, stop: int | None, now: float) -> list[Command]:
        self._written = self._asked = offset
        self._stop = self._current.size if stop is None else stop
        self.size_here = self._size_done + offset
        if offset == self._stop:
            return [Keep(self._current.file)]
        if self.line.is_open:
            return self._ask(now)
        if not self.line.addresses:
            return self._fail("no address is known for the aggregator that holds these files")
        return self.line.dial()

    def _kept(self, listed: Sequence[FinishedFile]) -> list[Command]:
        self._size_done += self._queue.popleft().size
        self._spoiled = 0
        try:
            more = [Wanted.of(told) for told in listed]
            if any(wanted.is_listing for wanted in more):
                raise ValueError("the cluster's list of files names further lists, which is not allowed")
        except ValueError as error:
            return self._fail(str(error))
        self._queue.extendleft(reversed(more))
        self.size_total += sum(wanted.size for wanted in more)
        return self._begin_next()

    def _spoiled_file(self, file: str) -> list[Command]:
        self._spoiled += 1
        if self._spoiled >= MAX_SPOILED:
            return self._fail(f"{file} arrived damaged {self._spoiled} times")
        return self._begin_next()

    # ── its parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, now: float) -> list[Command]:
        commands: list[Command] = []
        while self._asked < self._stop and self._asked - self._written < self._ahead_size:
            length = min(PART_SIZE, self._stop - self._asked)
            commands.append(Send(ServerRole.AGGREGATOR, Fetch(self._job, self._current.file, self._asked, length)))
            self._asked += length
        self._stalls_at = now + STALL_S
        return commands

    def _part(self, part: File, payload: Buffer, now: float) -> list[Command]:
        if part.size != self._current.size:
            return self._fail(f"{part.file} has {part.size} bytes there, and {self._current.size} were announced")
        in_order = part.file == self._current.file and part.offset == self._written
        if not in_order or not len(payload) or self._written + len(payload) > self._asked:
            return [HangUp(ServerRole.AGGREGATOR), *self._lost("it sent a part that was not asked for", now)]
        self._written += len(payload)
        self.size_here += len(payload)
        self.line.gave(now)
        commands: list[Command] = [Write(part.file, payload)]
        if self._written == self._stop:
            self._stalls_at = None
            return [*commands, Keep(part.file)]
        return commands + self._ask(now)

    # ── its connection ───────────────────────────────────────────────────────────────────────────────────────────

    def _lost(self, reason: str, now: float) -> list[Command]:
        self._stalls_at = None
        self._asked = self._written
        gives_up = self.line.lost(reason, now)
        return self._fail(gives_up) if gives_up else []

    def _tick(self, now: float) -> list[Command]:
        if self._stalls_at is not None and now >= self._stalls_at:
            return [HangUp(ServerRole.AGGREGATOR), *self._lost("it does not answer", now)]
        return self.line.tick(now)

    def _fail(self, reason: str) -> list[Command]:
        self.over, self.failure = True, reason
        return [HangUp(ServerRole.AGGREGATOR)]
