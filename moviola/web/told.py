"""The records of the API's answers about jobs, for its document: what `moviola.web.records` makes.

A test compares the two.
"""

from __future__ import annotations

from dataclasses import field

from moviola.base.details import RequestedOutput
from moviola.base.mapped import Map, Mapped
from moviola.base.progress import Progress
from moviola.base.records import record
from moviola.base.vocabulary import JobState, SpanOutcome
from moviola.comparison.records import Comparison
from moviola.media.preflight import Preflight
from moviola.web.cluster import WorkerTold


@record
class FileTold(Mapped):
    """A file of a job that has ended.

    Attributes:
        name: its path among the job's files.
        size (bytes): of its content.
        xxh3: xxh3_128 of its content, in hex.
        folder: where the file is a list of others: the folder in which they lie; else empty.
        href: the path at which it is had.
    """

    name: str
    size: int
    xxh3: str
    folder: str
    href: str


@record
class JobTold(Mapped):
    """A job, as lists and events tell it.

    Attributes:
        id: the job's.
        name: what people call it: its source's name.
        user: whose it is.
        kind: of material: `video`, `images`, `table`.
        state: where it is.
        is_over: it has ended.
        code: why it is in its state, for programs.
        reason: why it is in its state, for people.
        priority: of one user's jobs, those of a higher one go first.
        submitted_unix_s (s): when it was submitted, since 1970.
        seconds (s): from then to its end; 0 before.
        share: of the work that is done, 0 to 1.
        unit: what is counted: frames, images or records.
        progress: counts of frames, chunks and tasks.
        outputs: what was asked for; once it has ended, what each came to.
        files: that can be had.
        links: paths of the job: `self`, `events`, `tasks`, `timeline`, `report`.
    """

    id: str
    name: str
    user: str
    kind: str
    state: JobState
    is_over: bool
    code: str
    reason: str
    priority: int
    submitted_unix_s: float
    seconds: float
    share: float
    unit: str
    progress: Progress
    outputs: list[Map]
    files: list[FileTold]
    links: dict[str, str]


@record
class JobsTold(Mapped):
    """Some jobs, the newest first.

    Attributes:
        jobs: as many as were asked for.
        count (jobs): how many there are of those states.
    """

    jobs: list[JobTold]
    count: int


@record
class CreatedTold(Mapped):
    """What an upload has become.

    Attributes:
        jobs: one for each video or table, one for all pictures.
        remarks: what is lost on the way, in sentences.
    """

    jobs: list[JobTold]
    remarks: list[str]


@record
class PreflightsTold(Mapped):
    """What files are, and what becomes of everything in them.

    Attributes:
        preflights: one for each job that they would be.
    """

    preflights: list[Preflight]


@record
class PictureTold(Mapped):
    """A picture of a preview.

    Attributes:
        name: of a video `first`, `middle` or `last`; else what the picture is called that it was made of.
        type: its media type, such as `image/png`.
        data: its content in base64.
    """

    name: str
    type: str
    data: str


@record
class TableTold(Mapped):
    """A table of a preview.

    Attributes:
        name: the table's.
        count (records): how many were kept of those that came.
        records: the first of them, each by column.
    """

    name: str
    count: int
    records: list[Map]


@record
class PreviewTold(Mapped):
    """What a chain makes of a few pictures or records.

    Attributes:
        kind: of material: `video`, `images`, `table`.
        pictures: that were made; none where the chain draws nothing.
        tables: that were made.
        notes: that filters made of the pictures that are shown, each with `picture`, its place among them.
        remarks: what is not as in the job, and what went wrong, in sentences.
        seconds (s): that the cluster took.
    """

    kind: str
    pictures: list[PictureTold]
    tables: list[TableTold]
    notes: list[Map]
    remarks: list[str]
    seconds: float


@record
class FilesTold(Mapped):
    """The files of a job.

    Attributes:
        id: the job's.
        state: where it is; there are files once it is done or partial.
        files: that can be had.
    """

    id: str
    state: JobState
    files: list[FileTold]


@record
class StoryTold(Mapped):
    """Something that happened to a task.

    Attributes:
        unix_s (s): when, since 1970; 0 for how it is now.
        output: the name of the task's output, or which unfiltered stream it is of.
        chunk: the index of the task's chunk.
        text: what happened.
    """

    unix_s: float
    output: str
    chunk: int
    text: str


@record
class TasksTold(Mapped):
    """What happened to the tasks of a job.

    Attributes:
        id: the job's.
        progress: counts of frames, chunks and tasks.
        story: the newest of what happened, in its order.
    """

    id: str
    progress: Progress
    story: list[StoryTold]


@record
class TaskStoryTold(Mapped):
    """What happened to the tasks of one chunk.

    Attributes:
        id: the job's.
        chunk: its index, from 0.
        story: what happened, in its order.
    """

    id: str
    chunk: int
    story: list[StoryTold]


@record
class SpanTold(Mapped):
    """One worker's try of one chunk of one output. Times are seconds since the job's submission.

    Attributes:
        worker: its name.
        chunk: its index, from 0.
        output: the output's name.
        lent (s): when the worker was given it. It may have waited there, behind another.
        start (s): when the worker could turn to it: it was there, and the one before it was done.
        end (s): when it was over; of one that goes on, now.
        outcome: what became of it; `running` and `waiting` (at its worker, behind another) go on.
    """

    worker: str
    chunk: int
    output: str
    lent: float
    start: float
    end: float
    outcome: SpanOutcome


@record
class TimelineTold(Mapped):
    """Who did which chunk of a job, and when.

    Attributes:
        id: the job's.
        began_unix_s (s): when it was submitted, since 1970: time 0 of the spans.
        seconds (s): from then to its end, or to now.
        is_over: it has ended.
        workers: all that had a part in it, by name.
        outputs: of the job, in order.
        spans: in the order in which they ended; of those that went well at most 16 384, evenly spread.
        remarks: what is not among them, in sentences.
    """

    id: str
    began_unix_s: float
    seconds: float
    is_over: bool
    workers: list[str]
    outputs: list[str]
    spans: list[SpanTold]
    remarks: list[str]


@record
class DoneTold(Mapped):
    """What was done with a job.

    Attributes:
        id: the job's.
        answer: what was done, in a sentence.
    """

    id: str
    answer: str


@record
class DeletedTold(DoneTold):
    """What became of a job that was deleted.

    Attributes:
        done: `cancelled` or `forgotten`.
    """

    done: str


@record
class FilterParameterTold(Mapped):
    """What a filter can be told.

    Attributes:
        name: the parameter's.
        type: `int`, `float`, `str`, `bool`, `rate` (frames a second) or `asset` (a file).
        default: what it is where nothing is said.
        help: what it means.
        minimum: the least that it may be; nil without a bound.
        maximum: the most that it may be; nil without a bound.
        unit: of its value.
        choices: of a text, what it may be; empty for any.
        charset: of a text, which characters it takes; empty for any.
    """

    name: str
    type: str
    default: object
    help: str
    minimum: float | None
    maximum: float | None
    unit: str
    choices: list[str]
    charset: str


@record
class FilterTold(Mapped):
    """A filter that the cluster knows.

    Attributes:
        name: the filter's.
        summary: what it does.
        parameters: what it can be told.
        context: how many earlier frames it needs: a number, or the name of the parameter that says it.
        material: what it works on: `picture`, `frames` or `record`.
        context_needed: whether it needs those frames, or does well on a picture alone.
        requires: what its parameters must satisfy together.
        hides: whether what it covers must not be seen; by default a frame on which it fails is black then.
        workers (workers): that are connected and are given tasks for it.
        label: what a worker must be labelled with for that; empty for any worker.
    """

    name: str
    summary: str
    parameters: list[FilterParameterTold]
    context: object
    material: str
    context_needed: bool
    requires: list[str]
    hides: bool
    workers: int
    label: str = ""


@record
class FiltersTold(Mapped):
    """The filters that the cluster knows, by name.

    Attributes:
        filters: those that workers ever announced.
    """

    filters: list[FilterTold]


@record
class WorkersTold(Mapped):
    """The workers that the cluster knows, by name.

    Attributes:
        workers: those that are lost, too.
    """

    workers: list[WorkerTold]


@record
class FailureTold(Mapped):
    """A failure of a frame or of a chunk.

    Attributes:
        job: the job's id; empty where it is told with its job.
        output: the name of the output in which it failed.
        chunk: its index.
        frames: the first and the last index in the source of what failed; empty where they are not known.
        frame: the one on which it failed, or nil.
        filter: the name of the one that failed; empty where it is not known.
        worker: on which it failed.
        failure_type: `job_failure` (the filter raised) or `worker_failure` (its process ended or hung).
        failure_reason: the kind of the cause.
        explanation: why, for people.
    """

    job: str
    output: str
    chunk: int
    frames: list[int]
    frame: int | None
    filter: str
    worker: str
    failure_type: str
    failure_reason: str
    explanation: str


@record
class JobWorkerTold(Mapped):
    """What a worker does for a job now.

    Attributes:
        name: the worker's.
        frames_per_s (frames/s): of all that it does, over the last seconds.
        tasks: that it holds of the job: `track`, `chunk`, `phase` and `frames` of each.
    """

    name: str
    frames_per_s: float
    tasks: list[Map]


@record
class JobDetailsTold(JobTold):
    """All that is known of a job: what lists tell of it, and besides why it failed and who works on it.

    Attributes:
        requested: the outputs as they were asked for.
        on_error: what becomes of a frame on which a filter fails twice.
        failure_type: of the first failure; empty without one.
        failure_reason: of the first failure; empty without one.
        explanation: of the first failure, or why the job is in its state.
        failures: the first ones.
        workers: what each does for the job now.
    """

    requested: list[RequestedOutput]
    on_error: str
    failure_type: str
    failure_reason: str
    explanation: str
    failures: list[FailureTold]
    workers: list[JobWorkerTold]


@record
class ComparisonTold(Comparison):
    """A comparison of this gateway: what is known of it, and whose it is.

    Attributes:
        id: the comparison's.
        user: whose it is.
        began_unix_s (s): when it began, since 1970.
        is_over: nothing more is measured.
        links: paths of the comparison: `self`, `events`.
    """

    id: str = ""
    user: str = ""
    began_unix_s: float = 0.0
    is_over: bool = False
    links: dict[str, str] = field(default_factory=dict)


@record
class ComparisonsTold(Mapped):
    """Some comparisons of this gateway, the newest first.

    Attributes:
        comparisons: that are kept.
    """

    comparisons: list[ComparisonTold]


@record
class ComparisonDeletedTold(Mapped):
    """What became of a comparison that was deleted.

    Attributes:
        id: the comparison's.
        done: `cancelled` or `forgotten`.
    """

    id: str
    done: str
