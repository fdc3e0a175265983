"""What each kind of event means, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ListenerKind

MEANINGS: Final[Mapping[str, str]] = {
    EventKind.JOB_SUBMITTED: "a job was submitted",
    EventKind.JOB_WAITING: "nothing of it can be worked on, and the text says why; short waits are no event",
    EventKind.JOB_STARTED: "its first task is in work",
    EventKind.JOB_PAUSED: "a person paused it, or one of its tasks was lost too often",
    EventKind.JOB_RESUMED: "it goes on after it waited or was paused",
    EventKind.JOB_REPRIORITIZED: "a person changed its priority",
    EventKind.JOB_RETRIED: "it was over, and begins again because somebody wished so",
    EventKind.JOB_RESTARTED: "what was done of it cannot be used any more, so it begins again",
    EventKind.JOB_DONE: "it is done: all frames are as they were asked for",
    EventKind.JOB_PARTIAL: "it is done, and some frames are not as they were asked for",
    EventKind.JOB_FAILED: "it failed, and the text says why",
    EventKind.JOB_CANCELLED: "it was cancelled, by a person or because nobody went on sending it",
    EventKind.JOB_FORGOTTEN: "a person removed it from the history",
    EventKind.PROGRESS: "how far a job is, once a second while it moves; it has no id and is not kept",
    EventKind.CLIENT_LEFT: "the client that sent a job has gone; the job goes on",
    EventKind.SOURCE_NEEDED: "chunks of a job are needed again, which only its client can send",
    EventKind.UPLOAD_EXPIRED: "an upload stopped for long, and what was here of it was given up",
    EventKind.CHUNK_LOST: "a chunk in the middleware's spool is damaged or gone",
    EventKind.TASK_FAILED: "a task failed on a worker by its own fault: the filter raised, crashed, or stood still",
    EventKind.TASK_LOST: "a task was lost with its worker or on its way, by nobody's fault",
    EventKind.TASK_RETRIED: "a task that failed or was lost has been given to a worker again",
    EventKind.FRAMES_FELL_BACK: "`frames` of a chunk were not filtered, because their filter failed",
    EventKind.FRAMES_LOST: "`frames` of a chunk did not come out",
    EventKind.STAGE_TOO_LARGE: "what lies between two workers of a chain is too large; one worker is to do all of it",
    EventKind.LINK_COST: "a message about a job ended a connection; the third one fails the job",
    EventKind.LEASE_REFUSED: "a worker claimed a task that was never lent to it",
    EventKind.WORKER_JOINED: "a worker is connected; the text says what it offers",
    EventKind.WORKER_DRAINING: "a worker gets no more tasks, finishes what it holds, and leaves; the text says why",
    EventKind.WORKER_RESUMED: "a worker that drained takes tasks again",
    EventKind.WORKER_LEFT: "a worker is not connected any more",
    EventKind.WORKER_DIED: "the process of a worker died; its parent has started another one",
    EventKind.WORKER_EXCLUDED: "a worker failed too many tasks of a job, and gets no more of it",
    EventKind.AGGREGATOR_JOINED: "an aggregator is connected",
    EventKind.AGGREGATOR_LEFT: "an aggregator is not connected any more",
    EventKind.STORE_LOST: "an aggregator came back without what it had stored, so a job is redone",
    ListenerKind.MISSED: "events, `first` to `last`, will not come: too many followed, or the middleware began anew",
    ListenerKind.DISCONNECTED: "nothing is heard of the middleware; it is called again",
    ListenerKind.CONNECTED: "the middleware answers again",
}
"""By kind, in the order in which they are told of. Those of a listener itself are last."""
