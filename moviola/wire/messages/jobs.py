"""Messages between a client and the middleware: jobs, their chunks, and what is told of them."""

from __future__ import annotations

from dataclasses import field

from moviola.base.details import Details, Policy
from moviola.base.finished_file import FinishedFile
from moviola.base.histogram import Histogram
from moviola.base.mapped import Map, Mapped
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.records import record
from moviola.base.texts import Name, Text, Token
from moviola.base.trouble import Trouble
from moviola.base.worker_facts import WorkerFacts
from moviola.wire.addresses import Address
from moviola.wire.messages.message import Message


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
            That of a source that still comes is made up, because nothing is the same as far as anybody knows.
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

    A source that came while it was submitted is known whole only now: `source` replaces what Submit said of it, and
    `whole_key` is the key that a Submit of the whole source has.

    Attributes:
        job: the job's id.
        chunk_counts (chunks): how many each stream has.
        source: as in Submit, of which it repeats `kind`, `name`, `stream_count`, `process`; empty where that said all.
        whole_key: as `key` in Submit; empty where that said all.
    """

    job: Name
    chunk_counts: list[int]
    source: Map = field(default_factory=dict)
    whole_key: Name = ""


@record
class Control(Message):
    """A person's wish for a job.

    Attributes:
        job: the job's id.
        verb: `cancel`, `pause`, `resume`, `priority`, `retry`, `forget`, `forget-files` or `detach`.
        priority: with `priority`: the one that the job is to have; nil with the others.
    """

    job: Name
    verb: Name
    priority: int | None = None


@record
class ControlWorker(Message):
    """A person's wish for a worker.

    Attributes:
        worker: the worker's name.
        verb: `drain` or `resume`.
    """

    worker: Name
    verb: Name


@record
class Watch(Message):
    """Asks for records.

    Attributes:
        job: one job's id; empty for all of `topics`.
        topics: `jobs`, `workers`, `filters`, `overview`.
        chunk: with a job: its details tell the story of the tasks of the chunk with this index.
        log: with a job: its details tell the newest of what happened to all its tasks.
        timeline: with a job: its details tell who did which of its tasks, and when.
        limit: with `overview`: at most so many jobs and so many workers are told of; nil for all.
    """

    job: Name = ""
    topics: list[Name] = field(default_factory=list)
    chunk: int | None = None
    log: bool = False
    timeline: bool = False
    limit: int | None = None


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
        addresses: where the aggregator is reached that has the job's results, and at the end its files.
        submitted_unix_s (s): when it was submitted, since 1970.
        seconds (s): from then to its end; 0 before.
        priority: as in Submit.
        details: to whoever watches this one job, and to its client at the end: what was asked for, and what failed.
        user: whose it is.
        frames_per_s (frames/s): done over the last seconds, over all outputs; 0 once it is over.
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
    frames_per_s: float = 0.0


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
class Overview(Message):
    """How the cluster as a whole is doing. Counts are of what all users have.

    Attributes:
        epoch: of this life of the middleware; what is counted "in this life" begins again with a higher one.
        unix_s (s): when this was so, since 1970.
        jobs (jobs): by state.
        workers (workers): by state.
        aggregators: that are connected.
        tasks_queued (tasks): that no worker has.
        tasks_in_flight (tasks): that workers have.
        frames_done (frames): that the last filters of chains have done in this life.
        frames_per_s (frames/s): of these, over the last seconds.
        failures (tasks): that failed in this life.
        losses (tasks): that were lost in this life.
        spool_bytes (bytes): that the spool holds.
        spool_limit_bytes (bytes): that it can hold.
        jobs_ended (jobs): by state, in this life; those that were forgotten since are among them.
        hand_outs (tasks): in this life; parts of shared chains and copies of slow tasks count too.
        retries (tasks): hand-outs after a failure or a loss, in this life.
        received_bytes (bytes): of chunks that clients sent in this life.
        task_seconds (s): from a task's first hand-out until its result was stored, in this life.
        job_seconds (s): from a job's submission to its end, of those that ended in this life.
        troubles: the newest, of this user's jobs and of no job; to an admin, of all.
    """

    epoch: int
    unix_s: float
    jobs: dict[Name, int] = field(default_factory=dict)
    workers: dict[Name, int] = field(default_factory=dict)
    aggregators: int = 0
    tasks_queued: int = 0
    tasks_in_flight: int = 0
    frames_done: int = 0
    frames_per_s: float = 0.0
    failures: int = 0
    losses: int = 0
    spool_bytes: int = 0
    spool_limit_bytes: int = 0
    jobs_ended: dict[Name, int] = field(default_factory=dict)
    hand_outs: int = 0
    retries: int = 0
    received_bytes: int = 0
    task_seconds: Histogram = field(default_factory=Histogram)
    job_seconds: Histogram = field(default_factory=Histogram)
    troubles: list[Trouble] = field(default_factory=list)


@record
class Filters(Message):
    """The schemas of all filters that workers have ever announced.

    Attributes:
        schemas: each as msgpack (see moviola/filters/schema.py).
    """

    schemas: list[bytes]


@record
class Event(Message):
    """A word to one client: that it has been told all present records, or that what it wished for was done.

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
