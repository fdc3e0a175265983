"""The assembler's events and commands: it takes events, returns commands, and has no other contact with the world.

A command that is answered says by what. An answer that comes at once carries it in its field `command`; those to a
Splice, which come when it has ended, name its `job`."""

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
"""The connection that we dialled, whichever it is just now."""

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class PeerMessage:
    """A peer's message; the first is its Hello, of the middleware its Welcome. Of a payload size and checksum are
    told."""

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
    """A peer's connection is gone, or to the middleware none could be made. `code` is of the Error it said last."""

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
    """A splice met results that are not what was stored (or not what the others of their track are): all that there
    are, as (track, index); `text` is of one of them. `makers` are the workers that made them, in the same order, where
    they are as they came and make no file; empty where they were damaged here."""

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
    """Sends up to `length` bytes of a finished file from `offset`; Error `not-found` when it is not as it was (`size`,
    None where that is written in a listing) or ends before."""

    peer: Peer
    job: str
    file: str
    offset: int
    length: int
    size: int | None = None


@record
class SendResult:
    """Sends a stored result to a client, with the job's source and the track's output where it asked for them; Error
    `busy` when it has not read what it was sent before."""

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
    """Writes a job's record to the ledger; `fixed` is what was asked for, sent with the first record, and what is left
    of it once the files are there."""

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
