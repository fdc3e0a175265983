"""What the API's document says of each route, beside what its path, methods and docstring say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moviola.base.settings import Setting, default_of
from moviola.session.cluster_events import MAX_ID
from moviola.web import (
    cluster,
    comparisons,
    files,
    health,
    jobs,
    login,
    measuring,
    page,
    playing,
    preflights,
    previews,
    reports,
    sendable,
    streams,
    uploads,
)
from moviola.web.excerpts import MAX_BEFORE, MAX_FILES
from moviola.web.openapi import JSON, Answer, Operation, Parameter
from moviola.web.orders import FIELDS
from moviola.web.schemas import Schema
from moviola.web.told import (
    ComparisonDeletedTold,
    ComparisonsTold,
    ComparisonTold,
    CreatedTold,
    DeletedTold,
    DoneTold,
    FilesTold,
    FiltersTold,
    JobDetailsTold,
    JobsTold,
    PreflightsTold,
    PreviewTold,
    TasksTold,
    TaskStoryTold,
    TimelineTold,
    WorkersTold,
)
from moviola.wire.limits import MAX_PRIORITY

TAGS: Final = {
    "Uploads": "Send a file; it becomes a job.",
    "Jobs": "Follow a job, and say what shall become of it. Jobs of others are answered like those that do not exist.",
    "Files": "Get what a job made, whole or in part.",
    "Comparisons": "Do a job by threads, by processes and by the cluster, and see what each takes. None makes files.",
    "Cluster": "What the cluster is made of, and how it does.",
    "Gateway": "How this gateway is, and what it tells machines.",
}

PLACES: Final = {
    "id": "A job's id, or a comparison's; of an upload, what its file is called",
    "chunk": "The chunk's index, from 0",
    "file": "The file's name, or its path in a folder",
    "output": "The output's name",
    "name": "The worker's name",
}
"""What is meant by the parameters of paths."""

ONE_JOB: Final = (404,)
BODY: Final = (400, 408, 413, 415, 422, 500, 507)


def _json(record: Any, about: str) -> dict[int, Answer]:
    return {200: Answer(about, {JSON: record})}


def _setting(one: Setting) -> Schema:
    """Return the schema of a field of an upload."""
    if one.is_switch:
        schema: Schema = {"type": "string", "enum": ["on", "off"]}
    elif one.type.choices:
        schema = {"type": "string", "enum": [*one.type.choices]}
    else:
        schema = {"type": "string"}
    return {"type": "array", "items": schema} if one.repeats else schema


def _about(one: Setting) -> str:
    default = "off" if one.is_switch else default_of(one)
    bounds = "" if one.is_switch or one.type.choices else one.type.bounds
    notes = "; ".join(filter(None, [bounds, f"default: {default}" if default else ""]))
    return f"{one.help} ({notes})" if notes else one.help


def _several(about: str, schema: Schema) -> Schema:
    return {"type": "array", "items": schema, "description": about}


_BYTES: Final[Schema] = {"type": "string", "format": "binary"}


def _form(file: str, known: Mapping[str, Setting]) -> Schema:
    """Return what a form has: files, and fields."""
    return {
        "type": "object",
        "properties": {
            "file": _several(file, _BYTES),
            **{name: {**_setting(one), "description": _about(one)} for name, one in known.items()},
            "asset": _several("Files that the filters name, such as a logo", _BYTES),
        },
        "required": ["file"],
    }


FORM: Final = _form("The video or table, or the pictures; several may come at once", FIELDS)
"""What the form of an upload has."""

PREVIEW_FORM: Final[Schema] = {
    "type": "object",
    "properties": {
        "file": _several(
            f"Pictures, at most {MAX_FILES}; or a video, or its beginning; or the first records of tables", _BYTES
        ),
        "filters": {"type": "string", "description": "One chain, such as `blur:radius=9`"},
        "of": {"type": "string", "enum": ["video"], "description": "What the pictures are frames of"},
        "before": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": f"How many earlier frames come in front of each that is shown, at most {MAX_BEFORE}",
        },
        **{name: {**_setting(FIELDS[name]), "description": _about(FIELDS[name])} for name in ("format", "quality")},
        "asset": _several("Files that the filters name, such as a logo", _BYTES),
    },
    "required": ["file", "filters"],
}
"""What the form of a preview has."""

FIELDS_IN_QUERY: Final = tuple(Parameter(name, _about(one), _setting(one)) for name, one in FIELDS.items())

LOGIN: Final[Schema] = {
    "type": "object",
    "properties": {"token": {"type": "string", "description": "As `moviola web user add` printed it"}},
    "required": ["token"],
}
"""What a login has."""

CREATED: Final = {
    201: Answer(
        "All of it is in the cluster; from now on nothing depends on this gateway.",
        {JSON: CreatedTold},
        {"Location": "The path of the first job"},
    )
}

FILE_HEADERS: Final = {
    "ETag": "What `If-None-Match` and `If-Range` name",
    "Content-Disposition": "Under which name to save it",
    "Accept-Ranges": "That a part of it can be had",
}

OF: Final = Parameter(
    "of",
    "`open`: cancel it, and refuse where it is over; `over`: forget it, and refuse where it goes on",
    {"type": "string", "enum": ["open", "over"]},
)
"""What a `DELETE` is for, in the eyes of whoever asks."""

EVENTS: Final = Answer("Events, until the stream ends.", {"text/event-stream": {"type": "string"}})

_EVENT: Final[Schema] = {"type": "string", "maxLength": MAX_ID}
AFTER: Final = Parameter("after", "The id of the last event that is had, as `Last-Event-ID`", _EVENT)
LAST_EVENT: Final = Parameter("Last-Event-ID", "The id of the last event that is had", _EVENT, "header")

_SECONDS: Final[Schema] = {"type": "string", "pattern": r"^\d{1,9}(\.\d{1,9})?$", "examples": ["12.5"]}
SOUND: Final = Parameter(
    "sound", "Whether its sound is played, too", {"type": "string", "enum": ["on", "off"], "default": "on"}
)

FILE: Final = {"*/*": None}  # what the file is

OPERATIONS: Final[Mapping[Callable[..., Any], Operation]] = {
    uploads.post_form: Operation(
        "Send files as a form",
        "Uploads",
        CREATED,
        BODY,
        body={"multipart/form-data": FORM},
        body_about="A form with files, and with what is to be done with them.",
    ),
    uploads.put_file: Operation(
        "Send one file as it is",
        "Uploads",
        CREATED,
        BODY,
        FIELDS_IN_QUERY,
        body={"application/octet-stream": _BYTES},
        body_about="The file itself; what its beginning settles is sent on while the rest comes",
    ),
    preflights.post_preflight: Operation(
        "Tell what would be kept",
        "Uploads",
        _json(PreflightsTold, "What they are, and what becomes of everything in them."),
        BODY,
        body={"multipart/form-data": FORM},
        body_about="A form with files, and with what is to be done with them, as a new job has.",
    ),
    previews.post_preview: Operation(
        "Preview a chain",
        "Uploads",
        _json(PreviewTold, "What the chain makes of them."),
        BODY,
        body={"multipart/form-data": PREVIEW_FORM},
        body_about="A form with a few pictures, or with the beginning of a video or of tables, and a chain.",
    ),
    sendable.sendable: Operation(
        "What can be sent", "Uploads", _json(sendable.SendableTold, "Kinds, options and presets.")
    ),
    jobs.list_jobs: Operation(
        "List jobs",
        "Jobs",
        _json(JobsTold, "The jobs."),
        (400,),
        (
            Parameter(
                "state", "Only jobs in this state; several with commas", {"type": "string", "examples": ["done"]}
            ),
            Parameter(
                "limit",
                "At most so many",
                {"type": "integer", "minimum": 1, "maximum": jobs.MAX_LIMIT, "default": jobs.LIMIT},
            ),
        ),
    ),
    jobs.show_job: Operation("Show a job", "Jobs", _json(JobDetailsTold, "The job."), ONE_JOB),
    jobs.list_tasks: Operation("Story of its tasks", "Jobs", _json(TasksTold, "What happened."), ONE_JOB),
    jobs.show_task: Operation("Story of a chunk", "Jobs", _json(TaskStoryTold, "What happened."), ONE_JOB),
    jobs.show_timeline: Operation("Timeline of its chunks", "Jobs", _json(TimelineTold, "Who did what."), ONE_JOB),
    reports.show_report: Operation(
        "Report of a job",
        "Jobs",
        {200: Answer("One HTML file, which loads nothing.", {"text/html": {"type": "string"}})},
        (400, 404, 429),
        (Parameter("download", "1: for a browser to save", {"type": "integer", "enum": [0, 1], "default": 0}),),
    ),
    jobs.pause_job: Operation("Pause a job", "Jobs", _json(DoneTold, "It is paused."), (404, 409)),
    jobs.resume_job: Operation("Resume a job", "Jobs", _json(DoneTold, "It goes on."), (404, 409)),
    jobs.set_priority: Operation(
        "Change a job's priority",
        "Jobs",
        _json(DoneTold, "It has that priority."),
        (400, 404, 409),
        (
            Parameter(
                "priority",
                "The new one",
                {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY},
                is_required=True,
            ),
        ),
    ),
    jobs.retry_job: Operation("Begin a job again", "Jobs", _json(DoneTold, "It begins again."), (404, 409)),
    jobs.delete_job: Operation(
        "Cancel or forget a job",
        "Jobs",
        _json(DeletedTold, "It is cancelled, or forgotten."),
        (400, 404, 409),
        (
            Parameter(
                "files", "1: remove its files, too", {"type": "integer", "minimum": 0, "maximum": 1, "default": 0}
            ),
            OF,
        ),
    ),
    streams.stream_job: Operation(
        "Listen to a job",
        "Jobs",
        {200: EVENTS, 204: Answer("Whoever has the event that was named has been told of the job's end.")},
        (400, 404),
        (AFTER, LAST_EVENT),
    ),
    streams.stream_all: Operation(
        "Listen to the cluster",
        "Cluster",
        {200: EVENTS},
        (400,),
        (Parameter("kinds", "Only events of this kind; several with commas", {"type": "string"}), AFTER, LAST_EVENT),
    ),
    files.list_files: Operation(
        "List its files", "Files", _json(FilesTold, "Its files; none before it has ended."), ONE_JOB
    ),
    files.send_file: Operation(
        "Get a file",
        "Files",
        {
            200: Answer("All of the file.", FILE, FILE_HEADERS),
            206: Answer("A part of it.", FILE, {**FILE_HEADERS, "Content-Range": "Which part"}),
            304: Answer("It is the one that `If-None-Match` names.", headers={"ETag": "Its tag"}),
        },
        (404, 410, 416),
        (
            Parameter("Range", "Which part, such as `bytes=0-99`", {"type": "string"}, "header"),
            Parameter("If-None-Match", "The tag of a file that is had already", {"type": "string"}, "header"),
            Parameter("If-Range", "The tag of the file that a part is had of", {"type": "string"}, "header"),
        ),
    ),
    playing.play_output: Operation(
        "Watch an output",
        "Files",
        {200: Answer("A fragmented MP4, which grows while the job runs.", {playing.MEDIA_TYPE: None})},
        (400, 404, 409, 422, 429),
        (
            Parameter("from", "Begin with the chunk that has the frame of this time, in seconds", _SECONDS),
            SOUND,
        ),
    ),
    playing.show_play: Operation(
        "How an output can be watched",
        "Files",
        _json(playing.PlayTold, "How it can be watched."),
        (400, 404, 429),
        (SOUND,),
    ),
    comparisons.begin: Operation(
        "Begin a comparison",
        "Comparisons",
        {202: Answer("It has begun.", {JSON: ComparisonTold}, {"Location": "The path of the comparison"})},
        BODY,
        body={"multipart/form-data": _form("The video, or the pictures, or tables", comparisons.FIELDS)},
        body_about="A form with files, and with what is to be compared.",
    ),
    comparisons.list_comparisons: Operation(
        "List comparisons", "Comparisons", _json(ComparisonsTold, "Those that this gateway keeps.")
    ),
    comparisons.show: Operation("Show a comparison", "Comparisons", _json(ComparisonTold, "The comparison."), ONE_JOB),
    comparisons.delete: Operation(
        "Cancel or forget a comparison",
        "Comparisons",
        _json(ComparisonDeletedTold, "It is cancelled, or forgotten."),
        (400, 404, 409),
        (OF,),
    ),
    comparisons.stream: Operation("Follow a comparison", "Comparisons", {200: EVENTS}, ONE_JOB),
    cluster.stats: Operation("Counts and rates", "Cluster", _json(cluster.Stats, "Counts and rates.")),
    cluster.filters: Operation("List filters", "Cluster", _json(FiltersTold, "The filters.")),
    cluster.workers: Operation("List workers", "Cluster", _json(WorkersTold, "The workers.")),
    cluster.drain_worker: Operation(
        "Drain a worker", "Cluster", _json(cluster.WorkerDone, "It gets no more tasks."), (403, 404, 409)
    ),
    cluster.resume_worker: Operation(
        "Resume a worker", "Cluster", _json(cluster.WorkerDone, "It is told to go on."), (403, 404, 409)
    ),
    health.health: Operation("Health", "Gateway", _json(health.Health, "It lives."), is_public=True),
    health.ready: Operation(
        "Readiness", "Gateway", _json(health.Health, "It can take requests."), (503,), is_public=True
    ),
    measuring.metrics: Operation(
        "Metrics for Prometheus",
        "Gateway",
        {200: Answer("In the format that `Accept` chooses.", {"text/plain": {"type": "string"}})},
    ),
    login.show_session: Operation(
        "Who asks", "Gateway", _json(login.SessionTold, "Who asks."), (403, 503), is_public=True
    ),
    login.log_in: Operation(
        "Log in",
        "Gateway",
        {
            200: Answer(
                "A session has begun.",
                {JSON: login.SessionTold},
                {"Set-Cookie": "What stands for the token from now on"},
            )
        },
        (400, 401, 403, 408, 409, 413, 415, 429, 503),
        body={JSON: LOGIN},
        body_about="The token",
        is_public=True,
    ),
    login.log_out: Operation("Log out", "Gateway", _json(login.SessionTold, "Nobody."), (403,), is_public=True),
    page.openapi: Operation("This document", "Gateway", _json({"type": "object"}, "The document."), is_public=True),
}
"""By the functions of the routes."""
