"""What goes into the dispatcher and what comes out: the whole of its contact with the world.

If a command is answered, its docstring names the events that answer it. The answer comes at once, and carries the
command in its field `command`."""

from __future__ import annotations

from enum import StrEnum

from moviola.base.records import record
from moviola.base.vocabulary import ErrorCode
from moviola.wire.messages import Message
from moviola.wire.schema import Lease

from .job_record import JobRecord
from .job_request import JobRequest

Peer = int
"""A connection, by the number that the shell gave it."""

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class MemberMessage:
    """A message from a peer; the first one is its Hello. Of a payload only the size and the checksum are here."""

    peer: Peer
    message: Message
    payload_size: int = 0
    payload_xxh3: int = 0
    host: str = ""


@record
class Damaged:
    """A peer's message came whose payload did not match its checksum, and is gone."""

    peer: Peer
    message: Message


@record
class FoundWhole:
    """The payload of a Check is what was spooled, so it was damaged on its way."""

    command: Check


@record
class FoundDamaged:
    """The payload of a Check is not what was put into the spool, or not there any more."""

    command: Check


@record
class ChunkLost:
    """A chunk in the spool is not there any more, or its file is another."""

    job: str
    stream: int
    index: int


@record
class StageLost:
    """What was done of a task is not in the spool any more, or its file is another."""

    job: str
    track: int
    index: int


@record
class Recalled:
    """The row of a Recall's job in the ledger, as SaveJob wrote it; None where it is damaged or gone."""

    command: Recall
    request: JobRequest | None
    record: JobRecord | None


@record
class Left:
    """A peer's connection is gone. `job` is the one whose message ended it, where that is known."""

    peer: Peer
    reason: str
    job: str = ""


@record
class Unsent:
    """A message that was to be sent breaks a limit of the wire; the connection lives."""

    peer: Peer
    message: Message
    reason: str


@record
class NotKept:
    """A SpoolChunk failed: the disk or the spool is full, or (`code` is `corrupt`) the content is not what was
    announced."""

    command: SpoolChunk
    reason: str
    code: ErrorCode = ErrorCode.FULL


@record
class StageKept:
    """A SpoolStage is done."""

    command: SpoolStage
    size: int


@record
class StageNotKept:
    """A SpoolStage failed: the disk or the spool is full."""

    command: SpoolStage
    reason: str


@record
class Tick:
    """The end of a turn: timers fire, tasks are handed out, records go to those who watch.

    `room_bytes` is what the spool can still take. `arriving` are the peers from which a part of a large message came
    since the last Tick. `behind` are the peers that have not read much of what was sent to them.
    """

    room_bytes: int
    arriving: frozenset[Peer] = frozenset()
    behind: frozenset[Peer] = frozenset()


Event = (
    MemberMessage
    | Damaged
    | FoundWhole
    | FoundDamaged
    | ChunkLost
    | StageLost
    | Recalled
    | Left
    | Unsent
    | NotKept
    | StageKept
    | StageNotKept
    | Tick
)

# ── commands, in the order in which they must be carried out ─────────────────────────────────────────────────────────


@record
class Send:
    peer: Peer
    message: Message


@record
class SendChunk:
    """Sends a message with a spooled chunk as its payload."""

    peer: Peer
    message: Message
    job: str
    stream: int
    index: int


@record
class SendStage:
    """Sends a message with what is done of a task as its payload (see SpoolStage)."""

    peer: Peer
    message: Message
    job: str
    track: int
    index: int


@record
class Close:
    """Closes a peer's connection, telling it why. No Left follows."""

    peer: Peer
    code: str
    text: str
    job: str = ""  # the one whose message was wrong


@record
class SpoolChunk:
    """Keeps the payload of the event that is being handled: spool first, then ledger. With `value`, the payload must be
    the file that this stands for (see AssetFacts). Answered by NotKept where it fails."""

    job: str
    stream: int
    index: int
    frame_count: int
    value: str = ""


@record
class SpoolStage:
    """Keeps the payload of the event that is being handled, the intermediate that a stage made, and frees that of an
    earlier stage. It goes to the spool alone, because it need not survive a restart. Answered by StageKept or
    StageNotKept."""

    job: str
    track: int
    index: int
    worker: str
    lease: Lease


@record
class Check:
    """Checks the spool's copy of a payload that arrived damaged: a chunk, or (`is_stage`) what is done of a task.
    Answered by FoundWhole or FoundDamaged. `lease` is that of the worker where it arrived; None: the aggregator."""

    job: str
    track: int
    stream: int
    index: int
    is_stage: bool = False
    lease: Lease | None = None


@record
class FreeStage:
    """Gives the room of what was kept by SpoolStage back."""

    job: str
    track: int
    index: int


@record
class FreeChunk:
    """Gives one chunk's room back: ledger first, then spool. That it was here is remembered."""

    job: str
    stream: int
    index: int


@record
class SaveJob:
    """Writes a job's record to the ledger, and what was asked for where that is new, or shorter than before."""

    job: str
    record: JobRecord
    request: JobRequest | None = None


class Purpose(StrEnum):
    """Why an ended job is looked up in the ledger."""

    REPLY = "reply"  # its client submitted it again
    END = "end"  # its client is to be told that it is over
    WATCH = "watch"  # somebody watches it
    DETAILS = "details"  # … and wants to know all
    RETRY = "retry"  # it is to begin again


@record
class Recall:
    """Reads in the ledger what is saved of a job that has ended, for a peer. Answered by Recalled."""

    job: str
    purpose: Purpose
    peer: Peer


@record
class SaveStore:
    """Writes to the ledger which token an aggregator's store was first seen with."""

    store: str
    name: str
    digest: bytes


@record
class ForgetStore:
    """Forgets an aggregator's store."""

    store: str


@record
class FreeJob:
    """Forgets all chunks and stages of a job; its record stays in the history."""

    job: str


@record
class ForgetJob:
    """Forgets a job altogether."""

    job: str


@record
class SaveFilter:
    """Writes a filter's schema to the ledger, in the place of an earlier one of that name."""

    name: str
    schema: bytes


@record
class ForgetFilter:
    """Forgets a filter's schema."""

    name: str


@record
class Log:
    """One line for people, at INFO."""

    text: str


Command = (
    Send
    | SendChunk
    | SendStage
    | Close
    | SpoolChunk
    | SpoolStage
    | Check
    | FreeChunk
    | FreeStage
    | SaveJob
    | Recall
    | SaveStore
    | ForgetStore
    | FreeJob
    | ForgetJob
    | SaveFilter
    | ForgetFilter
    | Log
)
