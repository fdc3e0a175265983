"""What goes into a worker's session and what comes out: the whole of its contact with the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from moviola.base.records import record
from moviola.media import material
from moviola.wire.addresses import Address
from moviola.wire.framing import Buffer
from moviola.wire.messages import Cause, Hello, Message, Task, Welcome
from moviola.wire.schema import Lease

ServerId = str
"""The id of an aggregator's store, or MIDDLEWARE."""

MIDDLEWARE: Final[ServerId] = ""

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class Opened:
    """A peer that was dialled has welcomed us."""

    peer: ServerId
    welcome: Welcome


@record
class Lost:
    """A connection is gone, or could not be made. `code` is the peer's own, where it said one."""

    peer: ServerId
    reason: str
    code: str = ""


@record
class ServerMessage:
    """A message from an open connection; the payload is the receiver's."""

    peer: ServerId
    message: Message
    payload: Buffer = b""


@record
class Damaged:
    """A message came whose payload did not match its checksum, and is gone."""

    peer: ServerId
    message: Message


@record
class Progressed:
    """How far the computation is: own frames done, and steps of any kind (decoded preroll counts)."""

    lease: Lease
    frames: int
    steps: int


@record
class Computed:
    """A task is computed; its result waits to be sent."""

    lease: Lease
    result: material.Result


@record
class Failed:
    """The computation raised."""

    lease: Lease
    cause: Cause


@record
class Stopped:
    """An abandoned computation has ended."""

    lease: Lease


@record
class Unsent:
    """What came of a lease breaks a limit of the wire; nothing of it has left."""

    lease: Lease
    reason: str


@record
class DrainRequested:
    """Somebody wants this process to end in good order."""


@record
class Tick:
    """Time has passed."""


Event = (
    Opened | Lost | ServerMessage | Damaged | Progressed | Computed | Failed | Stopped | Unsent | DrainRequested | Tick
)

# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class Dial:
    """Connects to a peer; answered by Opened or Lost."""

    peer: ServerId
    addresses: tuple[Address, ...]
    hello: Hello


@record
class HangUp:
    """Closes a peer's connection. No Lost follows."""

    peer: ServerId


@record
class Send:
    """Sends to an open peer. The shell fills a Beat's figures of the process in."""

    peer: ServerId
    message: Message
    payload: Buffer = b""


@record
class Compute:
    """Gives the idle compute thread a task, with the files that it names; answered by Computed, Failed or (after
    Abandon) Stopped."""

    task: Task
    payload: Buffer
    assets: Mapping[str, bytes] = field(default_factory=dict)


@record
class Abandon:
    """Has the compute thread give its task up at the next frame. Whatever it answers to the task's Compute then, the
    thread is idle again."""

    lease: Lease


@record
class Exit:
    """Sends what was queued, then ends the process."""

    status: int


@record
class Log:
    """One line for people, at INFO."""

    text: str


Command = Dial | HangUp | Send | Compute | Abandon | Exit | Log

# ── how a worker process ends by its own will ────────────────────────────────────────────────────────────────────────

EXIT_DRAINED: Final = 0
EXIT_STUCK: Final = 81  # a computation could not be stopped: only a new process is free of it
EXIT_ORPHANED: Final = 82  # the parent is gone
EXIT_BUG: Final = 83  # our own code raised: no fault of the task
EXIT_MEMORY: Final = 84  # there was no memory left, outside of the computation
