"""Messages between the middleware and a worker: tasks, and how their leases end."""

from __future__ import annotations

from dataclasses import field

from moviola.base.mapped import Map
from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.base.vocabulary import CauseKind, Mode
from moviola.wire.messages.message import Message
from moviola.wire.schema import Fingerprint, Lease, Record


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
class Drain(Message):
    """The worker is to finish or give back what it holds, and to leave.

    Attributes:
        wanted: false takes the wish back: it goes on after all.
    """

    wanted: bool = True


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
        draining: it finishes what it holds, takes no more, and leaves.
        drains: how many Drains it has heard over this connection.
    """

    leases: list[LeaseBeat] = field(default_factory=list)
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    draining: bool = False
    drains: int = 0


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
