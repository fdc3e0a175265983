"""Messages between a client that follows what happens in the cluster, and the middleware."""

from __future__ import annotations

from dataclasses import field

from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.wire.messages.message import Message
from moviola.wire.schema import Record


@record
class Subscribe(Message):
    """Asks for events: from now on, or from where the client stood before.

    Attributes:
        journal: of the last event that the client has; empty: it has none.
        number: of that event.
        since_unix_s (s): without a journal: events since then are told first, as far as they are kept; nil: none.
        job: only events of this job; empty: of all that the client's user may see, of workers and of aggregators.
        kinds: only events of these kinds; empty: of all.
        snapshot: a Snapshot is sent at the beginning, and after each Missed.
    """

    journal: Name = ""
    number: int = 0
    since_unix_s: float | None = None
    job: Name = ""
    kinds: list[Name] = field(default_factory=list)
    snapshot: bool = False


@record
class Subscribed(Message):
    """A subscription has begun.

    Attributes:
        journal: in which the events that follow have their numbers: one start of the middleware. Where the client named
            another one, nobody knows what happened last in that; all of this one follows.
        number: events with a higher one follow.
        began_unix_s (s): when the journal began: of what happened before nothing is told.
    """

    journal: Name
    number: int
    began_unix_s: float = 0.0


@record
class EventRecord(Record):
    """One thing that happened.

    Attributes:
        number: in its journal, from 1; 0 of `progress`, which is not kept.
        kind: for programs, one of the event kinds.
        text: for people.
        unix_s (s): when it happened, since 1970.
        job: the job's id, where it is about one.
        name: what people call that job.
        user: whose job it is.
        state: the job's, right after it.
        code: why the job is in this state, for programs.
        worker: the worker's or aggregator's name, where it is about one.
        output: of which output, where it is about one task.
        chunk: of which chunk, where it is about one task.
        frames (frames): how many fell back, were lost, or are done.
        frames_wanted (frames): with `progress`: over all outputs; nil until all of the source is sent.
    """

    number: int
    kind: Name
    text: Text
    unix_s: float = 0.0
    job: Name = ""
    name: Name = ""
    user: Name = ""
    state: Name = ""
    code: Name = ""
    worker: Name = ""
    output: Name = ""
    chunk: int | None = None
    frames: int | None = None
    frames_wanted: int | None = None


@record
class Events(Message):
    """Some events, in the order in which they happened.

    Attributes:
        number: all events up to this one, as far as they were asked for, have been sent; none after it has.
        events: what happened.
    """

    number: int
    events: list[EventRecord]


@record
class Missed(Message):
    """Events that will not come: they are not kept any more. Some of them may not have been for this client.

    Attributes:
        first: the number of the first one.
        last: the number of the last one.
    """

    first: int
    last: int


@record
class JobGlance(Record):
    """A job and its state.

    Attributes:
        job: the job's id.
        state: as in Job.
        code: as in Job.
        user: whose it is.
        name: what people call it; empty of one that is over.
    """

    job: Name
    state: Name
    code: Name = ""
    user: Name = ""
    name: Name = ""


@record
class Snapshot(Message):
    """A part of the present state: what all events up to a number have led to.

    Attributes:
        number: of the last event that is contained in it.
        jobs: those that the client's user may see, or the one that was asked for.
        workers: the names of those that are connected, unless only one job was asked for.
        last: no other part follows.
    """

    number: int
    jobs: list[JobGlance] = field(default_factory=list)
    workers: list[Name] = field(default_factory=list)
    last: bool = True
