"""The words that programs say to each other, each once. docs/PROTOCOL.md tells what they mean.

Each is the text that travels. Where a word comes in, it is compared with these: one that a newer program says and this
one does not know is equal to none of them, and no error.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Word(StrEnum):
    """A text that travels, and is shown as such in logs."""

    def __repr__(self) -> str:
        return repr(self.value)


class Mode(Word):
    """What a lease asks for (Task.mode)."""

    FILTER = "filter"
    BYPASS = "bypass"  # no filters: what becomes of the frames is what `on_error` says
    DROP = "drop"  # a result without frames


class OnError(Word):
    """What becomes of a frame on which a filter failed twice (`on_error` of a job's policy)."""

    ORIGINAL = "original"  # it is passed on unfiltered
    FAIL = "fail"  # the job fails
    DROP = "drop"  # it is left out
    BLACK = "black"  # a black one takes its place


class LeasePhase(Word):
    """How far a worker is with a lease (LeaseBeat.phase, HeldLease.phase)."""

    WAITING = "waiting"
    COMPUTING = "computing"
    DELIVERING = "delivering"  # its result waits for a verdict


class Verdict(Word):
    """What became of a result, a passed chunk, or of what a stage made (Stored.verdict)."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    UNWANTED = "unwanted"
    REFUSED = "refused"
    DAMAGED = "damaged"
    NO_ROOM = "no-room"  # only to the middleware
    UNREADABLE = "unreadable"  # only to the middleware, of one that was kept


class ResultState(Word):
    """Where a result is that a client asks for (FetchedResult.state)."""

    STORED = "stored"  # here it is
    AWAITED = "awaited"  # it is not there yet; asked for again it is waited for on
    BEYOND = "beyond"  # the track ends before it
    SPLICED = "spliced"  # the job has its files, and its results are gone


class LeaseOutcome(Word):
    """How a lease ended (Released.outcome)."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    UNWANTED = "unwanted"
    REFUSED = "refused"
    DAMAGED = "damaged"
    FAILED = "failed"
    DRAINED = "drained"
    REVOKED = "revoked"


class SpanOutcome(Word):
    """What became of a lease in a job's timeline (JobTimeline.rows). Their order is that of the numbers in rows."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # another result was there already
    HANDED_ON = "handed-on"  # this part of a shared chain is done
    FAILED = "failed"
    LOST = "lost"  # with its worker, or on its way
    WITHDRAWN = "withdrawn"  # nobody's fault: paused, cancelled, drained, or another one was faster
    RUNNING = "running"
    WAITING = "waiting"  # at its worker, behind another task


class CauseKind(Word):
    """Why a task failed (`kind` of Released.cause), or how the process died that computed it (`kind` of a `death`)."""

    EXCEPTION = "exception"
    MEMORY = "memory"
    CRASH = "crash"
    STALL = "stall"
    TOO_LARGE = "too-large"  # an intermediate exceeds what may be handed on; not charged to any worker
    KILLED = "killed"  # from outside; only of a death
    LOST = "lost"  # the lease ended without a result, which is no worker's fault; only in what is told of troubles
    FALLBACK = "fallback"  # frames came out that are not as asked; only in what is told of troubles
    REFUSED = "refused"  # no tag proved that the result was asked for; only in what is told of failures
    UNREADABLE = "unreadable"  # the stored result makes no file; only in what is told of failures


class Fault(Word):
    """What a failure is put down to (Trouble.fault)."""

    FILTER = "filter"  # it raised, or its frames were passed on without it
    MACHINE = "machine"  # a process, its memory, or the network


class ErrorCode(Word):
    """Why a message or a connection is refused (Error.code)."""

    NOT_MOVIOLA = "not-moviola"
    BAD_MESSAGE = "bad-message"
    TOO_LARGE = "too-large"
    CORRUPT = "corrupt"
    OUT_OF_ORDER = "out-of-order"
    VERSION = "version"
    FORBIDDEN = "forbidden"
    SUPERSEDED = "superseded"
    NAME_TAKEN = "name-taken"
    SILENT = "silent"
    IDLE = "idle"
    FULL = "full"
    RETRIED = "retried"
    BAD_JOB = "bad-job"
    BUSY = "busy"
    UNKNOWN_JOB = "unknown-job"
    UNKNOWN_WORKER = "unknown-worker"
    WRONG_STATE = "wrong-state"
    NOT_YOURS = "not-yours"
    FAILED = "failed"
    EDITED = "edited"
    NOT_FOUND = "not-found"


class JobState(Word):
    """Where a job is (Job.state). A job's or an output's end in Finished.state is one of the last four."""

    PENDING = "pending"  # nothing of it is in work; the reason is in its record
    RUNNING = "running"
    PAUSED = "paused"  # by a person, or because it harms the cluster; the reason is in its record
    DONE = "done"
    PARTIAL = "partial"  # all frames accounted for, some of them not as asked
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL: Final = frozenset({JobState.DONE, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED})
"""States of a job that is over."""


class JobCode(Word):
    """Why a job is in its state (Job.code); empty where nothing needs to be said."""

    # it is pending
    SOURCE_NEEDED = "source-needed"
    SOURCE_EDITED = "source-edited"
    UPLOADING = "uploading"
    NO_AGGREGATOR = "no-aggregator"
    AGGREGATOR_AWAY = "aggregator-away"
    HOLDINGS = "holdings"
    NO_ROOM = "no-room"
    NO_WORKER = "no-worker"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    RESUMED = "resumed"
    RETRIED = "retried"
    # it is paused
    PAUSED = "paused"
    LOST_TOO_OFTEN = "lost-too-often"
    # it has failed
    TASK_FAILED = "task-failed"
    SPLICE_FAILED = "splice-failed"
    CRASHED = "crashed"
    LINK_COST = "link-cost"
    UNSENDABLE = "unsendable"
    # it is cancelled
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class WorkerState(Word):
    """Whether a worker can take a task (Worker.state)."""

    READY = "ready"  # has credit
    FULL = "full"  # holds all the tasks it may
    DRAINING = "draining"  # finishes what it holds and gets no more
    LOST = "lost"  # not connected


class Verb(Word):
    """What a person wants done with a job (Control.verb)."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    PRIORITY = "priority"  # with Control.priority
    RETRY = "retry"
    FORGET = "forget"
    FORGET_FILES = "forget-files"  # and its aggregator removes what it made
    DETACH = "detach"


class WorkerVerb(Word):
    """What a person wants done with a worker (ControlWorker.verb)."""

    DRAIN = "drain"  # it finishes or gives back what it holds, and leaves
    RESUME = "resume"  # one that still drains goes on after all


class Topic(Word):
    """Records that a client may ask for (Watch.topics)."""

    JOBS = "jobs"
    WORKERS = "workers"
    FILTERS = "filters"
    OVERVIEW = "overview"


class Notice(Word):
    """What the middleware says to one client (Event.kind)."""

    CURRENT = "current"  # all present records have been sent
    WISH_GRANTED = "wish-granted"
    SOURCE_EDITED = "source-edited"


class EventKind(Word):
    """What happened in the cluster (EventRecord.kind). docs/EVENTS.md tells what each kind means."""

    # a job
    JOB_SUBMITTED = "job-submitted"
    JOB_WAITING = "job-waiting"  # nothing of it can be worked on; not told of short waits that every job has
    JOB_STARTED = "job-started"
    JOB_PAUSED = "job-paused"
    JOB_RESUMED = "job-resumed"  # it goes on after it waited or was paused
    JOB_REPRIORITIZED = "job-reprioritized"
    JOB_RETRIED = "job-retried"  # it was over, and begins again because somebody wished so
    JOB_RESTARTED = "job-restarted"  # what was done of it cannot be used, so it begins again
    JOB_DONE = "job-done"
    JOB_PARTIAL = "job-partial"
    JOB_FAILED = "job-failed"
    JOB_CANCELLED = "job-cancelled"
    JOB_FORGOTTEN = "job-forgotten"
    PROGRESS = "progress"  # has no number, is not kept, and is told of the newest state only
    # its source
    CLIENT_LEFT = "client-left"
    SOURCE_NEEDED = "source-needed"
    UPLOAD_EXPIRED = "upload-expired"
    CHUNK_LOST = "chunk-lost"
    # its tasks
    TASK_FAILED = "task-failed"
    TASK_LOST = "task-lost"
    TASK_RETRIED = "task-retried"
    FRAMES_FELL_BACK = "frames-fell-back"
    FRAMES_LOST = "frames-lost"
    STAGE_TOO_LARGE = "stage-too-large"
    LINK_COST = "link-cost"
    LEASE_REFUSED = "lease-refused"
    # workers and aggregators
    WORKER_JOINED = "worker-joined"
    WORKER_DRAINING = "worker-draining"  # it gets no more tasks, finishes what it holds, and leaves
    WORKER_RESUMED = "worker-resumed"  # one that drained takes tasks again
    WORKER_LEFT = "worker-left"
    WORKER_DIED = "worker-died"
    WORKER_EXCLUDED = "worker-excluded"  # it gets no more tasks of one job
    AGGREGATOR_JOINED = "aggregator-joined"
    AGGREGATOR_LEFT = "aggregator-left"
    STORE_LOST = "store-lost"
