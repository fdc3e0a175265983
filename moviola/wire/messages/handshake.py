"""The first messages of a connection, and what workers and aggregators tell of themselves in them."""

from __future__ import annotations

from dataclasses import field

from moviola.base.labels import Label
from moviola.base.mapped import Map
from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.base.vocabulary import Mode
from moviola.wire.addresses import Address
from moviola.wire.messages.message import Message
from moviola.wire.schema import Fingerprint, Lease, Record


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
        filters: the schemas of the filters it has, as plain data (see moviola/filters/schema.py).
        kinds: the kinds of material that it can process, such as `video`.
        slots (threads): how many tasks it computes at once; 1.
        fingerprint: its build: library versions and processor class.
        held: the leases that it still holds from before a lost connection.
        death: how the previous process of this name died, or nil.
        process_id: for people.
        host: the machine's name, for people.
        draining: as in Beat.
        labels: what its machine has; it is given a filter whose schema has a `label` only if that is one of these.
        lacks: what keeps it from offering filters that it knows, by their names, for people.
    """

    filters: list[Map]
    kinds: list[Name]
    slots: int
    fingerprint: Fingerprint
    held: list[HeldLease] = field(default_factory=list)
    death: Death | None = None
    process_id: int = 0
    host: Name = ""
    draining: bool = False
    labels: list[Label] = field(default_factory=list)
    lacks: dict[str, Text] = field(default_factory=dict)


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
