"""All messages of the protocol. docs/PROTOCOL.md describes what each one means and when it is sent.

A message travels as a msgpack map: its fields, and `type`, the class's name. Payloads ride behind the header in the
same frame (see moviola/wire/framing.py) and are named in each docstring.
"""

from __future__ import annotations

import os
from dataclasses import field
from typing import Any, Final

import msgpack

from moviola.base.details import Details, Policy
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.mapped import Map, Mapped
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.records import record
from moviola.base.texts import MAX_NAME, Name, Text, Token
from moviola.base.vocabulary import CauseKind, ErrorCode, Mode
from moviola.base.worker_facts import WorkerFacts
from moviola.wire.addresses import Address
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.limits import MAX_ASSET_SIZE, MAX_FAILED_CHUNK, MAX_HANDED_ON, MAX_HEADER, MAX_PART, MAX_PAYLOAD
from moviola.wire.schema import Fingerprint, Lease, Record

VERSIONS: Final = (3,)
"""The protocol versions that this installation speaks, newest last."""

CHECKS_WHAT_IS_SENT: Final = bool(os.environ.get("MOVIOLA_CHECK_SENT"))
"""True if each message is checked against its schema before it is sent. Tests set the variable; otherwise only sizes
are checked, which costs nothing."""

ROLES: Final = ("client", "worker", "aggregator")


class Message(Record):
    """Base of everything that is sent as a frame of its own."""


# ── handshake ────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class Greeting(Message):
    """The accepting side's first word.

    Attributes:
        versions: protocol versions that it speaks.
        nonce: random bytes, new for each connection, that go into the other side's proof.
        role: what accepts: `middleware` or `aggregator`.
    """

    versions: list[int]
    nonce: bytes
    role: Name


@record
class Hello(Message):
    """The dialling side's first word: who it is.

    Attributes:
        role: `client`, `worker` or `aggregator`.
        name: stable over restarts; any number of clients may share one.
        session: new in each process.
        versions: protocol versions that it speaks.
        proof: that it knows the cluster's secret; empty where there is none.
        details: a WorkerDetails or AggregatorDetails map for the middleware; else empty.
        token: a secret that tells this peer from any other of its name (see moviola/wire/tokens.py); it is in no log.
        user: whose jobs a client submits and may control: its own word for it, which nothing proves.
    """

    role: Name
    name: Name
    session: Name
    versions: list[int]
    proof: bytes = field(default=b"", repr=False)
    details: Map = field(default_factory=dict)
    token: Name = field(default="", repr=False)
    user: Name = ""


@record
class Limits(Record):
    """What a worker or an aggregator has to keep to, as the middleware's Welcome says. What is nil is its own choice.

    Attributes:
        beat_interval_s (s): it sends a Beat this often.
        worker_timeout_s (s): a worker that is not heard of for so long has lost its leases.
        stall_timeout_s (s): so has one whose computing task makes no progress for so long.
        credit (tasks): how many a worker holds at most.
        admins: the users who may fetch everybody's files, for an aggregator.
    """

    beat_interval_s: float | None = None
    worker_timeout_s: float | None = None
    stall_timeout_s: float | None = None
    credit: int | None = None
    admins: list[Name] = field(default_factory=list)


@record
class Welcome(Message):
    """The handshake is done.

    Attributes:
        version: the protocol version that both sides speak from here on.
        epoch: counts the starts of the accepting side over its stored state.
        limits: what the other side has to keep to; all nil to a client and from an aggregator.
    """

    version: int
    epoch: int
    limits: Limits = field(default_factory=Limits)


@record
class Error(Message):
    """A refusal.

    Attributes:
        code: the reason for programs, one of the error codes.
        text: the reason for people.
        fatal: the sender closes the connection behind this message.
        job: the job that the refused message was about, where that is known.
    """

    code: Name
    text: Text
    fatal: bool = True
    job: Name = ""


@record
class HeldLease(Record):
    """A lease that a returning worker still holds.

    Attributes:
        lease: which one.
        job: as its Task had it.
        track: as its Task had it.
        index: as its Task had it.
        owner_epoch: as its Task had it.
        phase: as in LeaseBeat.
        mode: as its Task had it.
        stage: as its Task had it.
        build: as its Task had it.
        tag: as its Task had it.
    """

    lease: Lease
    job: Name
    track: int
    index: int
    owner_epoch: int
    phase: Name
    mode: Name = Mode.FILTER
    stage: list[int] = field(default_factory=list)
    build: Fingerprint = ""
    tag: bytes = b""


@record
class Death(Record):
    """How a worker's process died.

    Attributes:
        lease: the one that it was computing, or nil.
        signal: the name of the signal that ended it; empty where it ended by itself.
        exit: the status with which it ended by itself, or nil.
        kind: `crash`, `memory`, `stall` or `killed`.
        text: the same for people.
    """

    lease: Lease | None = None
    signal: Name = ""
    exit: int | None = None
    kind: Name = ""
    text: Text = "it died"


@record
class WorkerDetails(Record):
    """What a worker's Hello tells of it.

    Attributes:
        filters: the schemas of the filters it offers, as plain data (see moviola/filters/schema.py).
        kinds: the kinds of material that it can process, such as `video`.
        slots (threads): how many tasks it computes at once; 1.
        fingerprint: its build: library versions and processor class.
        held: the leases that it still holds from before a lost connection.
        death: how the previous process of this name died, or nil.
        process_id: for people.
        host: the machine's name, for people.
    """

    filters: list[Map]
    kinds: list[Name]
    slots: int
    fingerprint: Fingerprint
    held: list[HeldLease] = field(default_factory=list)
    death: Death | None = None
    process_id: int = 0
    host: Name = ""


@record
class AggregatorDetails(Record):
    """What an aggregator's Hello tells of it.

    Attributes:
        store: the store's id, made once and kept with its state.
        addresses: where it is reached; an empty host means "where you see me come from".
        results_age_s (seconds): how long it keeps finished files; null: for ever.
        results_limit (bytes): of finished files it keeps so many, the newest; null: as many as there is room for.
    """

    store: Name
    addresses: list[Address]
    results_age_s: int | None = None
    results_limit: int | None = None


# ── client and middleware ────────────────────────────────────────────────────────────────────────────────────────


@record
class AssetFacts(Mapped):
    """A file that travels with a job.

    Attributes:
        value: `sha256:` and the hash of its content in hex, as the filter chains name it.
        size (bytes): of its content.
        name: for people.
    """

    value: Name
    size: int
    name: Name = ""


@record
class Submit(Message):
    """A client asks for a job.

    Attributes:
        key: made by the client of the source's fingerprint and the canonical parameters: the same key is the same wish.
        source: what is known of the source, as `Source` in moviola/media/material.py describes it.
        outputs: filter chains with their encoders, as `Output` in moviola/media/material.py describes them.
        policy: what else is asked for.
        priority: of one user's jobs, those of a higher one go first.
        new: make a job even if an unfinished one has this key.
        origin: where the source lies (such as host and path), so that an edited one is known again.
        assets: the files that the filter chains name, sent as the chunks of one stream more than the source has.
    """

    key: Name
    source: Map
    outputs: list[Map]
    policy: Policy = field(default_factory=Policy)
    priority: int = 0
    new: bool = False
    origin: Token = ""
    assets: list[AssetFacts] = field(default_factory=list)


@record
class Chunk(Message):
    """One chunk of a job. Payload: the chunk.

    Attributes:
        job: the job's id.
        stream: 0 is the one that is filtered.
        index: of the chunk in its stream, from 0.
        frame_count (frames): its own frames, without preroll; packets of a stream that is not filtered.
    """

    job: Name
    stream: int
    index: int
    frame_count: int


@record
class End(Message):
    """All chunks were sent.

    Attributes:
        job: the job's id.
        chunk_counts (chunks): how many each stream has.
    """

    job: Name
    chunk_counts: list[int]


@record
class Control(Message):
    """A person's wish for a job.

    Attributes:
        job: the job's id.
        verb: `cancel`, `pause`, `resume`, `retry`, `forget`, `forget-files` or `detach`.
    """

    job: Name
    verb: Name


@record
class Watch(Message):
    """Asks for records.

    Attributes:
        job: one job's id; empty for all of `topics`.
        topics: `jobs`, `workers`, `events`, `filters`.
        chunk: with a job: its details tell the story of the tasks of the chunk with this index.
    """

    job: Name = ""
    topics: list[Name] = field(default_factory=list)
    chunk: int | None = None


@record
class Job(Message):
    """The one record of a job: sent on submit, on every change that a watcher should see, and at the end.

    Attributes:
        job: the job's id.
        name: what people call it: its source's name.
        state: `pending`, `running`, `paused`, `done`, `partial`, `failed` or `cancelled`.
        code: why it is in this state, for programs.
        reason: why it is in this state, for people.
        accepted (chunks): how many of those sent over this connection are in the ledger.
        send_window_bytes (bytes): payload that the client may have on its way beyond those.
        have: only in answer to Submit: a bitmap of the accepted chunks of each stream (see moviola/wire/windows.py).
        progress: counts of frames, chunks and tasks.
        outputs: once final: a summary of each output.
        files: once final: those that can be fetched.
        addresses: where the aggregator is reached that has the files.
        submitted_unix_s (s): when it was submitted, since 1970.
        seconds (s): from then to its end; 0 before.
        priority: as in Submit.
        details: to whoever watches this one job, and to its client at the end: what was asked for, and what failed.
        user: whose it is.
    """

    job: Name
    name: Name
    state: Name
    code: Name = ""
    reason: Text = ""
    accepted: int = 0
    send_window_bytes: int = 0
    have: list[bytes] | None = None
    progress: Progress = field(default_factory=Progress)
    outputs: list[OutputSummary] = field(default_factory=list)
    files: list[FinishedFile] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    submitted_unix_s: float = 0.0
    seconds: float = 0.0
    priority: int = 0
    details: Details = field(default_factory=Details)
    user: Name = ""


@record
class Worker(Message):
    """The record of a worker, for watchers.

    Attributes:
        name: the worker's.
        session: of its present process.
        state: `ready`, `full`, `draining` or `lost`.
        facts: chunks, frames, frames a second, what is in flight, and more.
    """

    name: Name
    session: Name
    state: Name
    facts: WorkerFacts = field(default_factory=WorkerFacts)


@record
class Aggregator(Message):
    """Where a store is reached now.

    Attributes:
        store: the store's id.
        name: the aggregator's.
        addresses: as the middleware sees them.
        connected: it is connected to the middleware now.
        results_age_s (seconds): as in AggregatorDetails.
        results_limit (bytes): as in AggregatorDetails.
    """

    store: Name
    name: Name
    addresses: list[Address]
    connected: bool = True
    results_age_s: int | None = None
    results_limit: int | None = None


@record
class Filters(Message):
    """The schemas of all filters that workers have ever announced.

    Attributes:
        schemas: each as msgpack (see moviola/filters/schema.py).
    """

    schemas: list[bytes]


@record
class Event(Message):
    """Something worth a line in a log: a worker came or went, a task was handed out again, a job changed state.

    Attributes:
        kind: for programs.
        text: for people.
        job: the job's id, where it is about one.
        worker: the worker's name, where it is about one.
        unix_s (s): when it happened, since 1970.
    """

    kind: Name
    text: Text
    job: Name = ""
    worker: Name = ""
    unix_s: float = 0.0


@record
class ChunkWindow(Message):
    """A part of a long bitmap, sent before the Holdings, or the Job with `have`, that ends it.

    Attributes:
        job: the job's id.
        owner_epoch: as in the Holdings; 0 before a Job.
        number: of the track (Holdings) or stream (Job).
        first: the chunk that the lowest bit stands for; a multiple of 8, at least 65 536.
        bits: bit i, from the low end of each byte, is chunk `first` + i.
    """

    job: Name
    owner_epoch: int
    number: int
    first: int
    bits: bytes


# ── middleware and worker ────────────────────────────────────────────────────────────────────────────────────────


@record
class Task(Message):
    """One chunk for one output, lent to a worker. Payload: the chunk, or what the stage before made.

    Attributes:
        lease: the worker's right to this task.
        job: the job's id.
        track: the output's number.
        index: the chunk's.
        source: the `process` part of the job's source, with its `kind`.
        output: the output with its chain and encoder, as `Output` in moviola/media/material.py describes it.
        owner: the id of the store that wants the result.
        owner_epoch: of the job at that store, shown again in Result.
        mode: `filter`, or for the last try `bypass` or `drop`.
        stage: `[start, stop]`, the steps of the chain that are this worker's; empty for all.
        build: the builds under which all steps up to the end of `stage` will have run (moviola/base/build_path.py).
        tag: proves that this lease was lent (see moviola/wire/lease_tags.py); shown with Result, HandOn and HeldLease.
        assets: values of the files that the output's chain names.
    """

    lease: Lease
    job: Name
    track: int
    index: int
    source: Map
    output: Map
    owner: Name
    owner_epoch: int
    mode: Name = Mode.FILTER
    stage: list[int] = field(default_factory=list)
    build: Fingerprint = ""
    tag: bytes = b""
    assets: list[Name] = field(default_factory=list)


@record
class AssetRequest(Message):
    """A worker asks for a file that a lease's task names.

    Attributes:
        lease: whose task needs it.
        value: as in `Task.assets`.
        damaged: it came, and did not match its checksum.
    """

    lease: Lease
    value: Name
    damaged: bool = False


@record
class Asset(Message):
    """A file that a job's filters name. Payload: its content.

    Attributes:
        value: `sha256:` and the hash of the content in hex.
    """

    value: Name


@record
class HandOn(Message):
    """What a stage that is not the last made of a task, for the worker that goes on. Payload: that.

    Attributes:
        lease: as in its Task.
        job: as in its Task.
        track: as in its Task.
        index: as in its Task.
        tag: as in its Task.
    """

    lease: Lease
    job: Name
    track: int
    index: int
    tag: bytes = b""


@record
class Revoke(Message):
    """The lease is over: stop, and throw the task away.

    Attributes:
        lease: which one.
    """

    lease: Lease


@record
class LeaseBeat(Record):
    """How far a lease is.

    Attributes:
        lease: which one.
        phase: `waiting`, `computing` or `delivering`.
        frames (frames): how many are done.
        steps: grows with any progress, decoded preroll as well.
    """

    lease: Lease
    phase: Name
    frames: int
    steps: int = 0


@record
class Beat(Message):
    """A sign of life, with the progress of every lease that is held.

    Attributes:
        leases: empty from an aggregator.
        cpu_percent (%): of one core, that the process used since the last Beat.
        memory_bytes (bytes): that the process has resident.
    """

    leases: list[LeaseBeat] = field(default_factory=list)
    cpu_percent: float = 0.0
    memory_bytes: int = 0


@record
class Cause(Record):
    """Why a task failed.

    Attributes:
        kind: `exception`, `crash`, `memory`, `stall` or `too-large`.
        text: the reason for people.
        filter: which one raised, where that is known.
        frame: the frame's number in the source, where that is known.
        traceback: its end.
    """

    kind: Name = CauseKind.EXCEPTION
    text: Text = "no cause was given"
    filter: Name | None = None
    frame: int | None = None
    traceback: Text | None = None


@record
class Released(Message):
    """A lease has ended, and its credit comes back.

    Attributes:
        lease: which one.
        outcome: `stored`, `duplicate`, `unwanted`, `refused`, `failed`, `drained`, `revoked` or `damaged`.
        cause: of a failure; else nil.
    """

    lease: Lease
    outcome: Name
    cause: Cause | None = None


# ── worker, middleware and aggregator ────────────────────────────────────────────────────────────────────────────


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
        fallback_frames (frames): passed on unfiltered, because their filter failed.
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
    """The job is the aggregator's, under this owner epoch.

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


# ── client and aggregator ────────────────────────────────────────────────────────────────────────────────────────


@record
class Fetch(Message):
    """Asks for a part of a finished file.

    Attributes:
        job: the job's id.
        file: as Finished tells it, or as in the listing of a folder that Finished tells.
        offset (bytes): where the part begins.
        length (bytes): how many at most; more than 8 MiB are never sent at once.
    """

    job: Name
    file: Token
    offset: int
    length: int


@record
class File(Message):
    """A part of a finished file. Payload: the bytes from `offset`.

    Attributes:
        job: as in Fetch.
        file: as in Fetch.
        offset (bytes): as in Fetch.
        size (bytes): of the whole file.
    """

    job: Name
    file: Token
    offset: int
    size: int


MESSAGES: Final[dict[str, type[Message]]] = {
    name: cls
    for name, cls in list(globals().items())
    if isinstance(cls, type) and issubclass(cls, Message) and cls is not Message
}

MAX_PAYLOADS: Final[dict[tuple[str, str], dict[type[Message], int]]] = {
    ("middleware", "client"): {Chunk: MAX_PAYLOAD},
    ("middleware", "worker"): {HandOn: MAX_HANDED_ON},
    ("middleware", "aggregator"): {},
    ("aggregator", "middleware"): {Pass: MAX_PAYLOAD, FailedChunk: MAX_FAILED_CHUNK},
    ("aggregator", "worker"): {Result: MAX_PAYLOAD},
    ("aggregator", "client"): {},
    ("worker", "middleware"): {Task: MAX_PAYLOAD, Asset: MAX_ASSET_SIZE},
    ("worker", "aggregator"): {},
    ("client", "middleware"): {},
    ("client", "aggregator"): {File: MAX_PART},
}
"""Which messages have payloads, and of how many bytes at most: by the roles of who receives and who sends."""

_pack = msgpack.Packer(use_bin_type=True).pack


def encode(message: Message) -> bytes:
    """Return the header of a message, packed.

    Raises:
        Unsendable: the header cannot be packed or is too large; with CHECKS_WHAT_IS_SENT also if it breaks its schema.
    """
    try:
        header: bytes = _pack({"type": type(message).__name__, **message.to_wire()})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unsendable(f"{type(message).__name__}: {error}") from None
    if len(header) > MAX_HEADER:
        raise Unsendable(f"{type(message).__name__} would have {len(header)} bytes, and {MAX_HEADER} are the most")
    if CHECKS_WHAT_IS_SENT:
        _check_schema(header)
    return header


def check_sendable(message: Message) -> None:
    """Raise Unsendable if a message breaks its schema or a limit."""
    _check_schema(encode(message))


def _check_schema(header: bytes) -> None:
    try:
        decode(header)
    except ProtocolError as error:
        raise Unsendable(error.text) from None


def packed_size(data: Any) -> int:
    """Return how many bytes plain data takes in a header. Raises Unsendable if it cannot be packed."""
    try:
        return len(_pack(data))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unsendable(str(error)) from None


def decode(header: bytes) -> Message:
    """Return the message that a header describes.

    Raises:
        ProtocolError: `bad-message`; the header is not a msgpack map, its type is unknown, or a field is wrong.
    """
    try:
        data = msgpack.unpackb(header, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the header is not msgpack: {error}") from None
    kind = data.get("type") if isinstance(data, dict) else None
    cls = MESSAGES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no message is called {kind!r:.80}")
    try:
        return cls.from_wire(data)
    except ProtocolError as error:
        job = data.get("job")
        raise ProtocolError(
            error.code, error.text, job if isinstance(job, str) and len(job) <= MAX_NAME else ""
        ) from None
