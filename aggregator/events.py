"""The assembler's events and commands: it takes events, returns commands, and has no other contact with the world.

If a command is answered, its docstring names the events that answer it. An answer that comes at once carries the
command in its field `command`; one to a Splice comes when the splice has ended, and names its `job`."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.output_summary import OutputSummary
from moviola.base.records import record
from moviola.wire.messages import Message
from moviola.wire.schema import Lease

from .jobs import FixedPart, JobRecord

Peer = int
"""A connection, by the number that the shell gave it."""

MIDDLEWARE: Final[Peer] = 0
"""Stands for the connection to the middleware, whatever its number is at present."""

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class PeerMessage:
    """A message from a peer. The first one is its Hello, or the Welcome if the peer is the middleware. Of a payload
    only the size and the checksum are here."""

    peer: Peer
    message: Message
    payload_size: int = 0
    payload_xxh3: int = 0


@record
class Damaged:
    """A peer's message came whose payload did not match its checksum, and is gone."""

    peer: Peer
    message: Message


@record
class Left:
    """A peer's connection is gone, or the middleware could not be reached. `code` is that of the last Error from the
    peer; empty if it sent none."""

    peer: Peer
    reason: str
    code: str = ""


@record
class Unsent:
    """A message that was to be sent breaks a limit of the wire; the connection lives."""

    peer: Peer
    message: Message
    reason: str


@record
class Kept:
    """A Keep is done; it is durable once this turn is committed."""

    command: Keep


@record
class NotKept:
    """A Keep failed: the disk or the spool is full. Nothing of it remains."""

    command: Keep
    reason: str


@record
class Spliced:
    """The files of a job are there. The state of an output is done or partial."""

    job: str
    outputs: list[OutputSummary]
    files: list[FinishedFile]


@record
class SpliceFailed:
    """A splice that would fail again: what was wrong."""

    job: str
    text: str


@record
class SpliceCrashed:
    """The process that spliced this job died or hung."""

    job: str
    text: str


@record
class ChunksDamaged:
    """A splice found results that it cannot use. `chunks` names all of them as (track, index), `text` is about one of
    them. If they make no file although they are as they came, `makers` names the worker that made each, in the same
    order. If they are not what was stored, or do not fit the others of their track, `makers` is empty."""

    job: str
    chunks: tuple[tuple[int, int], ...]
    text: str
    makers: tuple[str, ...] = ()


@record
class ResultsLost:
    """Results, as (track, index), of which the file in the spool is gone."""

    job: str
    chunks: tuple[tuple[int, int], ...]


@record
class ResultChecked:
    """A stored result has been compared with its checksum on the disk."""

    command: CheckResult
    is_whole: bool


@record
class Recalled:
    """The row of a Recall's job in the ledger, as SaveJob wrote it."""

    command: Recall
    fixed: FixedPart
    record: JobRecord


@record
class Tick:
    """The end of a turn: timers fire."""


Event = (
    PeerMessage
    | Damaged
    | Left
    | Unsent
    | Kept
    | NotKept
    | Spliced
    | SpliceFailed
    | SpliceCrashed
    | ChunksDamaged
    | ResultsLost
    | ResultChecked
    | Recalled
    | Tick
)

# ── commands, in the order in which they must be carried out ─────────────────────────────────────────────────────────


@record
class Dial:
    """Connect to the middleware."""


@record
class Send:
    """Send a message to a peer."""

    peer: Peer
    message: Message


@record
class SendFilePart:
    """Sends up to `length` bytes of a finished file, from `offset` on. Sends Error `not-found` instead if the file ends
    before `offset`, or does not have the announced `size` any more; None: its size is in a listing and is not compared.
    """

    peer: Peer
    job: str
    file: str
    offset: int
    length: int
    size: int | None = None


@record
class SendResult:
    """Sends a stored result to a client, with the job's source and the track's output if it asked for them
    (`describe`). Sends Error `busy` instead if the client has not read what it was sent before."""

    peer: Peer
    job: str
    track: int
    index: int
    chunk_count: int | None
    describe: bool


@record
class CheckResult:
    """Compares a stored result with its checksum. Answered by ResultChecked."""

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
class Keep:
    """Keeps the payload of the event that is being handled: spool, then ledger. Answered by Kept or NotKept."""

    peer: Peer
    job: str
    track: int
    index: int
    size: int
    xxh3: int
    worker: str = ""
    fingerprint: str = ""
    lease: Lease | None = None
    content: int = 0  # a checksum that equal workers agree in; 0: not known
    frames: dict[str, int] = field(default_factory=dict)  # frames_in, frames_out, … as in Result


@record
class SaveJob:
    """Writes a job's record to the ledger, and `fixed` where that is new: what was asked for (Submitted), and once the
    files are made, the part of it that is still needed."""

    job: str
    record: JobRecord
    fixed: FixedPart | None = None


@record
class Recall:
    """Reads in the ledger what is saved of a job that has ended, for a message that names it. Answered by Recalled."""

    event: PeerMessage
    job: str


@record
class FreeChunk:
    """Forgets one result: ledger first, then spool."""

    job: str
    track: int
    index: int


@record
class FreeChunks:
    """Forgets all results of a job; its record stays."""

    job: str


@record
class ForgetJob:
    """Forgets a job, its results included. Finished files stay."""

    job: str


@record
class Splice:
    """Begins to splice. Answered by Spliced, SpliceFailed, SpliceCrashed or ChunksDamaged, unless it is cancelled."""

    job: str
    chunk_counts: list[int]
    duplicates: list[int]
    statistics: JobStatistics


@record
class CancelSplice:
    """Stops a splice that runs; no half file and no event stays of it."""

    job: str


@record
class KeepFailed:
    """Puts the payload of the event that is being handled, a chunk, beside the results as a file to be played."""

    job: str
    output: str
    index: int


@record
class RemoveFiles:
    """Removes the finished files of a job, in the background."""

    job: str


@record
class Log:
    """One line for people, at INFO or above."""

    text: str
    is_warning: bool = False


Command = (
    Dial
    | Send
    | SendFilePart
    | SendResult
    | CheckResult
    | Close
    | Keep
    | SaveJob
    | Recall
    | FreeChunk
    | FreeChunks
    | ForgetJob
    | Splice
    | CancelSplice
    | KeepFailed
    | RemoveFiles
    | Log
)
