"""The processes that splice, seen from the aggregator's loop, which never waits for them.

A child is started before it is needed, so that loading the codec library costs nothing at the end of a job; one that
dies or hangs takes nothing with it but the job it was splicing, and is replaced.
"""

from __future__ import annotations

import logging
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from moviola.base import processes
from moviola.base.mapped import Malformed

from .channel import Channel
from .events import ChunksDamaged, SpliceCrashed, Spliced, SpliceFailed
from .splice_messages import (
    DamagedReply,
    FailedReply,
    Ready,
    Reply,
    SplicedReply,
    SpliceRequest,
    Step,
    read_reply,
)

log = logging.getLogger(__name__)

PROGRAM: Final = processes.program("aggregator.splicing")

HANG_S: Final = 600.0
"""A child that splices is killed after so many seconds without a sign of life. It gives one for every chunk. It is
silent for longest while it moves the index of a file, which may be as large as the disk, to the file's front, or while
it hashes a folder of pictures."""

RESPAWN_S: Final = 1.0
"""Seconds before the last child is replaced after it died, unless a splice needs one before, and before a start that
failed is tried again: a child that cannot start must not be started in a loop."""

STOP_S: Final = 5.0
"""Seconds that a child has to end by itself before it is killed."""

Ending = Spliced | SpliceFailed | SpliceCrashed | ChunksDamaged


class _Child:
    """A process, and the request it has or waits for. Raises OSError if it cannot be started."""

    def __init__(self, program: Sequence[str], now: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as opened:
            opened.enter_context(ours)
            self.process = processes.start(
                [*program, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
            opened.pop_all()  # `end` closes it
        self.channel = Channel(ours)
        self.job = ""
        self.request: SpliceRequest | None = None  # not sent yet
        self.is_ready = False
        self.heard_at = now

    def end(self) -> str:
        """End the process if it still runs, and return how it ended."""
        self.channel.close()
        return processes.how_it_ended(processes.end(self.process))


class SpliceProcesses:
    """Up to as many children as the assembler runs splices at once.

    Args:
        watch, unwatch: the loop's; `readable` is to be called for what they report.
        program: what a child runs; the descriptor of its end of the channel is appended.
    """

    def __init__(
        self, watch: Callable[[int], None], unwatch: Callable[[int], None], program: Sequence[str] = PROGRAM
    ) -> None:
        self._watch, self._unwatch, self._program = watch, unwatch, program
        self._children: dict[int, _Child] = {}  # by descriptor
        self._unserved: dict[str, SpliceRequest] = {}  # by job: no child could be started for it yet
        self._respawn_at: float | None = None

    def start(self, now: float) -> None:
        """Warms the first child."""
        self._spawn(now)

    def begin(self, job: str, request: SpliceRequest, now: float) -> list[Ending]:
        """Hands a splice to an idle child, or to a new one; a little later if none can be started just now."""
        child = next((one for one in self._children.values() if not one.job), None) or self._spawn(now)
        if child is None:
            self._unserved[job] = request
            return []
        child.job, child.request, child.heard_at = job, request, now
        return self._send_request(child, now) if child.is_ready else []

    def cancel(self, job: str, now: float) -> None:
        """Stops a splice; nothing more is heard of it."""
        self._unserved.pop(job, None)
        for child in [one for one in self._children.values() if one.job == job]:
            self._remove(child)
            self._respawn_at = self._respawn_at or now

    def readable(self, fd: int, now: float) -> list[Ending]:
        """Read what a child said, and return how its splice ended, if it did. Return nothing for a descriptor that is
        no child's any more."""
        child = self._children.get(fd)
        if child is None:
            return []
        child.heard_at = now
        endings: list[Ending] = []
        try:
            for message in child.channel.received(wait=False):
                endings += self._heard(child, read_reply(message), now)
        except Malformed as error:
            log.error("the splicing process %d is ended: it said %s", child.process.pid, error)
            self._remove(child)
            endings += self._died(child, "the splicing process sent a message that cannot be read", now)
        except EOFError:
            endings += self._died(child, f"the splicing process ended by {self._remove(child)}", now)
        return endings

    def tick(self, now: float) -> list[Ending]:
        """Replaces children that ended, and kills those that hang."""
        endings: list[Ending] = []
        for child in [one for one in self._children.values() if one.job and now - one.heard_at >= HANG_S]:
            self._remove(child)
            endings += self._died(child, f"the splicing process gave no sign of life for {HANG_S:.0f} s", now)
        if self._respawn_at is not None and now >= self._respawn_at:
            self._respawn_at = None
            unserved, self._unserved = self._unserved, {}
            for job, request in unserved.items():
                endings += self.begin(job, request, now)
            if not self._children and self._respawn_at is None:
                self._spawn(now)
        return endings

    def next_deadline(self) -> float | None:
        deadlines = [one.heard_at + HANG_S for one in self._children.values() if one.job]
        if self._respawn_at is not None:
            deadlines.append(self._respawn_at)
        return min(deadlines, default=None)

    def stop(self) -> list[str]:
        """Ends all children. Returns the jobs whose splice was interrupted: it is begun anew after the next start."""
        children, self._children = list(self._children.values()), {}
        for child in children:
            self._unwatch(child.channel.fileno())
            child.channel.close()  # which tells it to end
        for child in children:
            try:
                child.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                processes.end(child.process)
        return [child.job for child in children if child.job]

    # ── children ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _spawn(self, now: float) -> _Child | None:
        """Start a child. Return None where that fails, for lack of memory or descriptors, say: `tick` tries again."""
        try:
            child = _Child(self._program, now)
        except OSError as error:
            log.warning("no splicing process can be started: %s; it is tried again", error.strerror or error)
            self._respawn_at = now + RESPAWN_S
            return None
        self._children[child.channel.fileno()] = child
        self._watch(child.channel.fileno())
        log.debug("splicing process %d started", child.process.pid)
        return child

    def _remove(self, child: _Child) -> str:
        fd = child.channel.fileno()
        self._unwatch(fd)
        del self._children[fd]
        return child.end()

    def _died(self, child: _Child, text: str, now: float) -> list[Ending]:
        log.warning("%s (process %d, job %s)", text, child.process.pid, child.job or "none")
        self._respawn_at = now + RESPAWN_S
        return [SpliceCrashed(child.job, text)] if child.job else []

    def _send_request(self, child: _Child, now: float) -> list[Ending]:
        request, child.request = child.request, None
        assert request is not None
        try:
            child.channel.send(request.to_wire())
        except OSError as error:
            return self._died(child, f"the splicing process took no request ({error}): {self._remove(child)}", now)
        return []

    def _heard(self, child: _Child, reply: Reply, now: float) -> list[Ending]:
        if isinstance(reply, Ready):
            child.is_ready = True
            return self._send_request(child, now) if child.request is not None else []
        if isinstance(reply, Step):
            return []
        job, child.job = child.job, ""
        match reply:
            case SplicedReply(outputs, files):
                return [Spliced(job, outputs, files)]
            case DamagedReply(chunks, text, makers):
                return [ChunksDamaged(job, tuple(chunks), text, tuple(makers))]
            case FailedReply(text):
                return [SpliceFailed(job, text)]
