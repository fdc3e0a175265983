"""Every message of the protocol, once. docs/PROTOCOL.md tells what each one means and when it is sent.

A message travels as a msgpack map: its fields, and `type`, the class's name. Payloads ride behind the header in the
same frame (see wire/framing.py) and are named in each docstring.
"""

from __future__ import annotations

import os
from dataclasses import field
from typing import Any, Final

import msgpack

from base.records import record
from base.vocabulary import ErrorCode, Mode
from wire.errors import ProtocolError, Unsendable
from wire.limits import MAX_ASSET_SIZE, MAX_FAILED_CHUNK, MAX_HANDED_ON, MAX_HEADER, MAX_NAME, MAX_PART, MAX_PAYLOAD
from wire.schema import Fingerprint, Lease, Name, Record, Text, Token

VERSIONS: Final = (2,)
"""Protocol versions this install speaks, newest last."""

CHECKS_WHAT_IS_SENT: Final = bool(os.environ.get("MOVIOLA_CHECK_SENT"))
"""Whether each message is read back before it is sent: in tests, which set the variable. A program at work checks sizes
alone, which costs nothing."""

ROLES: Final = ("client", "worker", "aggregator")


class Message(Record):
    """Base of everything that is sent as a frame of its own."""


# ── handshake ────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class Greeting(Message):
    """The accepting side's first word. `nonce` goes into the other side's proof."""

    versions: list[int]
    nonce: bytes
    role: Name


@record
class Hello(Message):
    """The dialling side's first word: who it is. `details` are a WorkerDetails or AggregatorDetails map, or empty.

    `token` is a secret that tells this peer from any other of its name (see wire/tokens.py). It is in no log.
    `user` is whose jobs a client submits and may control: its own word for it, which nothing proves.
    """

    role: Name
    name: Name
    session: Name
    versions: list[int]
    proof: bytes = field(default=b"", repr=False)
    details: dict[str, Any] = field(default_factory=dict)
    token: Name = field(default="", repr=False)
    user: Name = ""


@record
class Welcome(Message):
    """The handshake is done. `epoch` counts the starts of the accepting side; `limits` are in the units they name."""

    version: int
    epoch: int
    limits: dict[str, Any] = field(default_factory=dict)


@record
class Error(Message):
    """A refusal: `code` for programs, `text` for people. After a fatal one the sender closes the connection. `job` is
    the one that the refused message was about, where that is known."""

    code: Name
    text: Text
    fatal: bool = True
    job: Name = ""


@record
class HeldLease(Record):
    """A lease that a returning worker still holds, in `phase` (see Beat), for the owner of `owner_epoch`. `build` and
    `tag` are as its Task had them."""

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
class WorkerDetails(Record):
    """What a worker's Hello tells of it.

    `filters` are the schemas of the filters it offers (plain data, see filters/schema.py); `kinds` the material it can
    process; `death` how the previous process of this name died, with the lease it was computing, or none.
    """

    filters: list[dict[str, Any]]
    kinds: list[Name]
    slots: int
    fingerprint: Fingerprint
    held: list[HeldLease] = field(default_factory=list)
    death: dict[str, Any] | None = None
    process_id: int = 0
    host: Name = ""


@record
class AggregatorDetails(Record):
    """What an aggregator's Hello tells of it: its store's id, and `[host, port]` texts where it is reached.

    A host of "" means "the address you see me come from".
    """

    store: Name
    addresses: list[dict[str, Any]]


# ── client and middleware ────────────────────────────────────────────────────────────────────────────────────────


@record
class AssetFacts(Record):
    """A file that travels with a job: `value` is `sha256:` and the hash of its content in hex, as the filter chains
    name it; `name` is for people."""

    value: Name
    size: int
    name: Name = ""


@record
class Submit(Message):
    """A client asks for a job. The same `key` continues an unfinished job unless `new`; answered by Job or Error.

    `origin` says where the source lies (such as host and path), so that an edited one is known again. `assets` are the
    files that its filter chains name: they are sent as the chunks of one stream more than the source has.
    """

    key: Name
    source: dict[str, Any]
    outputs: list[dict[str, Any]]
    policy: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    new: bool = False
    origin: Token = ""
    assets: list[AssetFacts] = field(default_factory=list)


@record
class Chunk(Message):
    """One chunk of a job. Payload: the chunk. Acknowledged by Job.accepted once it is in the ledger."""

    job: Name
    stream: int
    index: int
    frame_count: int


@record
class End(Message):
    """All chunks were sent: `chunk_counts[s]` is how many stream s has."""

    job: Name
    chunk_counts: list[int]


@record
class Control(Message):
    """A person's wish for a job: `cancel`, `pause`, `resume`, `retry`, `forget` or `detach`. Answered by the Event
    `wish-granted`, or by Error."""

    job: Name
    verb: Name


@record
class Watch(Message):
    """Asks for records: of one job, or (with an empty `job`) of all `topics`: `jobs`, `workers`, `events`,
    `filters`. With a job and a `chunk`, a number from 0, its details tell the story of that chunk's tasks."""

    job: Name = ""
    topics: list[Name] = field(default_factory=list)
    chunk: int | None = None


@record
class Job(Message):
    """The one record of a job, sent on submit, on every change that a watcher should see, and at the end.

    `have` (only in answer to Submit) are bitmaps of the accepted chunks, one a stream, bit i of byte i // 8 from the
    low end; what is behind the first 65 536 chunks came before in ChunkWindows (with an `owner_epoch` of 0).
    `accepted` counts the chunks of this attachment that are in the ledger; `room_bytes` is how many payload bytes
    beyond those the client may have on their way. `outputs` hold one progress map an output (see PROTOCOL). `details`
    (in answer to Watch of this one job, and to its client at the end) tell what was asked for, and what failed.
    """

    job: Name
    name: Name
    state: Name
    code: Name = ""
    reason: Text = ""
    accepted: int = 0
    room_bytes: int = 0
    have: list[bytes] | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    submitted_unix_s: float = 0.0
    seconds: float = 0.0
    priority: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    user: Name = ""


@record
class Worker(Message):
    """The record of a worker for watchers: its state, and `facts` (chunks, frames, frames/s, in flight, …)."""

    name: Name
    session: Name
    state: Name
    facts: dict[str, Any] = field(default_factory=dict)


@record
class Aggregator(Message):
    """Where a store is reached now. To workers when an aggregator joins or moves, to watchers of `workers`."""

    store: Name
    name: Name
    addresses: list[dict[str, Any]]
    connected: bool = True


@record
class Filters(Message):
    """The schemas of all filters that workers have ever announced, each as msgpack (see filters/schema.py); sent once
    to watchers of `filters`."""

    schemas: list[bytes]


@record
class Event(Message):
    """Something worth a line in a log: a worker came or went, a task was handed out again, a job changed state."""

    kind: Name
    text: Text
    job: Name = ""
    worker: Name = ""
    unix_s: float = 0.0


@record
class ChunkWindow(Message):
    """A part of a long bitmap, sent before the Holdings (or the Job record with `have`) that ends it: of track (or
    stream) `number`, bit i of `bits` is chunk `first` + i. Its first 65 536 chunks are in that message itself."""

    job: Name
    owner_epoch: int
    number: int
    first: int
    bits: bytes


# ── middleware and worker ────────────────────────────────────────────────────────────────────────────────────────


@record
class Task(Message):
    """One chunk for one output. Payload: the chunk. `mode` is `filter`, or for the last try `bypass` or `drop`.

    Where several workers share the chain, `stage` is `[start, stop]`, the steps that are this one's; the payload of a
    stage that is not the first is what the stage before made (see HandOn). `assets` are the files that the output's
    chain names, by value; a worker asks for those that it does not have (see AssetRequest).

    `build` is the text of the builds (base/build_path.py) under which all steps of the chain up to the last one of
    `stage` will have run; `tag` proves that this lease was lent (see
    wire/lease_tags.py), and is shown with Result, HandOn and HeldLease.
    """

    lease: Lease
    job: Name
    track: int
    index: int
    source: dict[str, Any]
    output: dict[str, Any]
    owner: Name
    owner_epoch: int
    mode: Name = Mode.FILTER
    stage: list[int] = field(default_factory=list)
    build: Fingerprint = ""
    tag: bytes = b""
    assets: list[Name] = field(default_factory=list)


@record
class AssetRequest(Message):
    """A worker asks for a file that a lease's task names in `assets`. Answered by Asset, or by Revoke when the file is
    not there any more. `damaged` says that it came and did not match its checksum: that is answered by Revoke, and the
    middleware looks at what it has."""

    lease: Lease
    value: Name
    damaged: bool = False


@record
class Asset(Message):
    """A file that a job's filters name. Payload: its content, whose hash is in `value`."""

    value: Name


@record
class HandOn(Message):
    """What a stage that is not the last made of a task, for the worker that goes on. Payload: that. Answered by
    Stored, `kept`, `unwanted` or `refused`."""

    lease: Lease
    job: Name
    track: int
    index: int
    tag: bytes = b""


@record
class Revoke(Message):
    """The lease is over: stop, throw the task away, answer Released."""

    lease: Lease


@record
class LeaseBeat(Record):
    """How far a lease is: `phase` is `waiting`, `computing` or `delivering`; `frames` done, `steps` of any progress."""

    lease: Lease
    phase: Name
    frames: int
    steps: int = 0


@record
class Beat(Message):
    """A sign of life with the progress of every lease held. Aggregators send it with no leases."""

    leases: list[LeaseBeat] = field(default_factory=list)
    cpu_percent: float = 0.0
    memory_bytes: int = 0


@record
class Released(Message):
    """A lease has ended and its credit comes back. `outcome` is `stored`, `duplicate`, `unwanted`, `refused`,
    `failed`, `drained`, `revoked` or `damaged`; `cause` tells a failure (see PROTOCOL)."""

    lease: Lease
    outcome: Name
    cause: dict[str, Any] | None = None


# ── worker, middleware and aggregator ────────────────────────────────────────────────────────────────────────────


@record
class Result(Message):
    """What a task became. Payload: the result. `content` is a checksum of that part of it in which equal workers agree
    (not of how long they took), 0 where none is known. `build` is the text of the builds
    that made it; it, `mode`, `stage` and `tag` must be as in the Task. Answered by Stored."""

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
    """One chunk of a stream that is not filtered, for the aggregator to keep. Payload: the chunk."""

    job: Name
    track: int
    index: int
    owner_epoch: int


@record
class FailedChunk(Message):
    """A chunk that failed, for the aggregator to put beside the results. Payload: the chunk. Not answered."""

    job: Name
    track: int
    index: int
    owner_epoch: int


@record
class Stored(Message):
    """The aggregator's verdict on a Result or a Pass: `kept`, `duplicate`, `unwanted` (no such job, stale owner),
    `refused` (its tag proves nothing) or `damaged` (it arrived with another checksum than it left with). `kept` and
    `duplicate` mean: it is on disk and survives kill -9."""

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
    """The job is yours, under this owner epoch. Answered by Holdings. With `lease_key` tags of leases are checked; its
    files are for `user`, and for admins."""

    job: Name
    name: Name
    owner_epoch: int
    source: dict[str, Any]
    outputs: list[dict[str, Any]]
    lease_key: bytes
    user: Name = ""


@record
class Holdings(Message):
    """What an aggregator holds of a job: a bitmap a track, as in Job.have, and whose results they are: the `build`
    of each track's first one, empty where there is none. What is behind the first 65 536 chunks of a track came before
    in ChunkWindows."""

    job: Name
    owner_epoch: int
    tracks: list[bytes]
    fingerprints: list[Fingerprint] = field(default_factory=list)


@record
class Finish(Message):
    """All is stored: splice. `chunk_counts[t]` says how many chunks track t has. May be repeated."""

    job: Name
    owner_epoch: int
    chunk_counts: list[int]
    statistics: dict[str, Any] = field(default_factory=dict)


@record
class Finished(Message):
    """The files are there (or `text` says why not). May be repeated. `outputs` sum up each output (see PROTOCOL)."""

    job: Name
    owner_epoch: int
    state: Name
    text: Text = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


@record
class Drop(Message):
    """Forget a job's chunks (its finished files stay), or, for a stale owner, all of it."""

    job: Name
    owner_epoch: int


# ── client and aggregator ────────────────────────────────────────────────────────────────────────────────────────


@record
class Fetch(Message):
    """Asks for at most `length` bytes of a finished file from `offset`. Answered by File or Error.

    `file` is as Finished tells it, or in a listing of a folder that Finished tells.
    """

    job: Name
    file: Token
    offset: int
    length: int


@record
class File(Message):
    """A part of a finished file. Payload: the bytes from `offset`. `size` is the whole file's."""

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
    """Return the header of a message. Raises Unsendable when the other side would not take it."""
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
    """Raise Unsendable when a message breaks its schema or a limit."""
    _check_schema(encode(message))


def _check_schema(header: bytes) -> None:
    try:
        decode(header)
    except ProtocolError as error:
        raise Unsendable(error.text) from None


def packed_size(data: Any) -> int:
    """Return how many bytes plain data takes in a header. Raises Unsendable when it cannot be in one."""
    try:
        return len(_pack(data))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unsendable(str(error)) from None


def decode(header: bytes) -> Message:
    """The message a header describes.

    Raises:
        ProtocolError: `bad-message` when it is no msgpack map, of no known type, or has a field that is not allowed.
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
