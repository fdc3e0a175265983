"""The messages between the aggregator and its splicing processes, sent over aggregator/channel.py."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.mapped import Length, Malformed, Map, Mapped
from moviola.base.output_summary import OutputSummary
from moviola.base.records import record

MAX_SAID: Final = 8192
"""Characters of a sentence that the process says: what is longer is no sentence of ours."""


class StoredPart(NamedTuple):
    """A stored result, where it lies, and what its row in the ledger says of it.

    Attributes:
        path: of the spool's file.
        offset, size (bytes): where it lies in there.
        xxh3: its checksum, 8 bytes, big-endian.
        worker: who made it; "" for a chunk that was passed on.
        frames (frames): how many it has.
        stored_unix_s (s): when it was stored.
    """

    path: str
    offset: int
    size: int
    xxh3: bytes
    worker: str
    frames: int
    stored_unix_s: float


@record
class SpliceRequest(Mapped):
    """One job to be spliced.

    Attributes:
        job: its id.
        results: the folder in which it gets one.
        source, outputs: as a client submitted them. The splicing process checks them, and may refuse them.
        duplicates: for each track, how many results came for chunks whose result was here already.
        statistics: what the middleware tells of the job.
        tracks: the stored results of each track in order: those of the outputs, then those of the other streams.
    """

    job: str
    results: str
    source: Map
    outputs: list[Map]
    duplicates: list[int]
    statistics: JobStatistics
    tracks: list[list[StoredPart]]


class Said(StrEnum):
    """The kinds of messages that the splicing process sends (their `kind`)."""

    READY = "ready"  # for its first request
    STEP = "step"  # a sign of life
    SPLICED = "spliced"
    DAMAGED = "damaged"
    FAILED = "failed"


Sentence = Annotated[str, Length(MAX_SAID)]


@record
class Ready(Mapped):
    """The splicing process is ready for its first request."""

    kind: ClassVar = Said.READY


@record
class Step(Mapped):
    """A sign of life."""

    kind: ClassVar = Said.STEP


@record
class SplicedReply(Mapped):
    """All files are there: what each output came to, and the files as they are announced."""

    kind: ClassVar = Said.SPLICED
    outputs: list[OutputSummary]
    files: list[FinishedFile]


class TrackChunk(NamedTuple):
    """One result: the number of its track, and its index there."""

    track: int
    chunk: int


@record
class DamagedReply(Mapped):
    """Results that the splice cannot use; the fields are those of ChunksDamaged in aggregator/events.py."""

    kind: ClassVar = Said.DAMAGED
    chunks: list[TrackChunk]
    text: Sentence
    makers: list[str]


@record
class FailedReply(Mapped):
    """The splice failed and would fail again; `text` says why."""

    kind: ClassVar = Said.FAILED
    text: Sentence


Reply = Ready | Step | SplicedReply | DamagedReply | FailedReply

_REPLIES: Final[dict[Any, type[Reply]]] = {
    one.kind: one for one in (Ready, Step, SplicedReply, DamagedReply, FailedReply)
}


def to_map(reply: Reply) -> Map:
    """Return a reply as it goes through the channel."""
    return {"kind": reply.kind, **reply.to_wire()}


def read_reply(message: object) -> Reply:
    """Return what the splicing process said.

    Raises:
        Malformed: if it is none of the replies. Codec libraries may have overwritten the process's memory.
    """
    kind = message.get("kind") if isinstance(message, dict) else None
    reply = _REPLIES.get(kind) if isinstance(kind, str) else None
    if reply is None:
        raise Malformed(f"a message of one of the kinds {', '.join(Said)}, not {message!r:.80}")
    return reply.from_wire(message)
