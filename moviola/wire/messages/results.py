"""Messages with an aggregator about results: of a worker that delivers them, of the middleware that is told of them."""

from __future__ import annotations

from dataclasses import field

from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.mapped import Map
from moviola.base.output_summary import OutputSummary
from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.base.vocabulary import Mode
from moviola.wire.messages.message import Message
from moviola.wire.schema import Fingerprint, Lease


@record
class Result(Message):
    """What a task became. Payload: the result.

    Attributes:
        lease: as in its Task.
        job: as in its Task.
        track: as in its Task.
        index: as in its Task.
        owner_epoch: as in its Task.
        build: under which builds it was made; any other than its Task's is refused.
        frames_in (frames): the chunk's own.
        frames_out (frames): that came out.
        fallback_frames (frames): not filtered, because their filter failed.
        lost_frames (frames): that did not come out.
        damaged_frames (frames): that the decoder had to conceal.
        content: a checksum of what workers of one build agree in (not of how long it took); 0 where none is known.
        mode: as in its Task.
        stage: as in its Task.
        tag: as in its Task.
    """

    lease: Lease
    job: Name
    track: int
    index: int
    owner_epoch: int
    build: Fingerprint
    frames_in: int
    frames_out: int
    fallback_frames: int = 0
    lost_frames: int = 0
    damaged_frames: int = 0
    content: int = 0
    mode: Name = Mode.FILTER
    stage: list[int] = field(default_factory=list)
    tag: bytes = b""


@record
class Pass(Message):
    """One chunk of a stream that is not filtered, for the aggregator to keep. Payload: the chunk.

    Attributes:
        job: the job's id.
        track: the stream's.
        index: the chunk's.
        owner_epoch: of the job at this store.
    """

    job: Name
    track: int
    index: int
    owner_epoch: int


@record
class FailedChunk(Message):
    """A chunk that failed, for the aggregator to put beside the results. Payload: the chunk.

    Attributes:
        job: the job's id.
        track: of the output in which it failed.
        index: the chunk's.
        owner_epoch: of the job at this store.
    """

    job: Name
    track: int
    index: int
    owner_epoch: int


@record
class Stored(Message):
    """The verdict on a Result, a Pass or a HandOn, and the report of it.

    Attributes:
        job: as in what it answers.
        track: as in what it answers.
        index: as in what it answers.
        verdict: `kept`, `duplicate`, `unwanted`, `refused`, `damaged`; to the middleware also `no-room`, `unreadable`.
        lease: of the Result or HandOn; nil for a Pass.
        worker: to the middleware: whose result it is.
        frames_out (frames): to the middleware: as in the Result.
        fallback_frames (frames): to the middleware: as in the Result.
        lost_frames (frames): to the middleware: as in the Result.
        damaged_frames (frames): to the middleware: as in the Result.
        text: why, where there is more to say.
    """

    job: Name
    track: int
    index: int
    verdict: Name
    lease: Lease | None = None
    worker: Name = ""
    frames_out: int = 0
    fallback_frames: int = 0
    lost_frames: int = 0
    damaged_frames: int = 0
    text: Text = ""


@record
class Own(Message):
    """The job is the aggregator's, under this owner epoch. Sent again with another `source` when a client's End has
    replaced it; what is stored stays.

    Attributes:
        job: the job's id.
        name: what people call it.
        owner_epoch: raised whenever the job begins again, or goes to another store.
        source: as in Submit.
        outputs: as in Submit.
        lease_key: with it the tags of leases are made and checked; 32 bytes.
        user: whose its files are; admins may fetch them, too.
    """

    job: Name
    name: Name
    owner_epoch: int
    source: Map
    outputs: list[Map]
    lease_key: bytes
    user: Name = ""


@record
class Holdings(Message):
    """What an aggregator holds of a job.

    Attributes:
        job: the job's id.
        owner_epoch: as in Own.
        tracks: a bitmap of each track's stored chunks (see moviola/wire/windows.py).
        fingerprints: the `build` of each track's first result; empty where there is none.
    """

    job: Name
    owner_epoch: int
    tracks: list[bytes]
    fingerprints: list[Fingerprint] = field(default_factory=list)


@record
class Finish(Message):
    """All is stored: splice.

    Attributes:
        job: the job's id.
        owner_epoch: as in Own.
        chunk_counts (chunks): how many each track has.
        statistics: what the middleware knows for the metrics files.
    """

    job: Name
    owner_epoch: int
    chunk_counts: list[int]
    statistics: JobStatistics = field(default_factory=JobStatistics)


@record
class Finished(Message):
    """The files are there, or cannot be made.

    Attributes:
        job: the job's id.
        owner_epoch: as in Own.
        state: `done`, `partial` or `failed`.
        text: why it failed.
        outputs: a summary of each output, as in Job.
        files: as in Job.
    """

    job: Name
    owner_epoch: int
    state: Name
    text: Text = ""
    outputs: list[OutputSummary] = field(default_factory=list)
    files: list[FinishedFile] = field(default_factory=list)


@record
class Drop(Message):
    """Forget a job's chunks (its finished files stay), or, for a stale owner, all of it.

    Attributes:
        job: the job's id.
        owner_epoch: as in Own.
        files: forget the job, and remove its finished files, too.
    """

    job: Name
    owner_epoch: int
    files: bool = False
