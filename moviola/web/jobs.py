"""`/api/jobs`: what jobs there are, what is known of one and of its tasks, and what shall become of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.suggestions import did_you_mean
from moviola.base.vocabulary import ErrorCode, JobState, Verb
from moviola.session.job_session import FINAL_STATES
from moviola.web.gateway import Gateway, gateway_of, user_of
from moviola.web.problems import Problem
from moviola.web.records import details_json, job_json, story_json, timeline_json
from moviola.wire.errors import Refused
from moviola.wire.limits import MAX_CHUNKS, MAX_PRIORITY
from moviola.wire.messages import Job

LIMIT: Final = 40
"""Jobs listed where nobody says how many, the newest."""

MAX_LIMIT: Final = 1000
"""Jobs listed at most: each is some 2 KB."""


def unknown_job(job: str) -> Problem:
    """Return the problem of a job that is none, or none of whoever asks: nobody learns which."""
    detail = f"There is no job '{job:.80}' of yours; GET /api/jobs lists your jobs"
    return Problem(HTTPStatus.NOT_FOUND, detail, "unknown-job")


async def job_of(request: Request) -> tuple[Gateway, str, Job]:
    """Return the gateway, as whom it asks the cluster, and the job that a request's path names. Raises Problem."""
    gateway, user = gateway_of(request), user_of(request)
    asking, name = gateway.cluster_user(user), request.path_params["id"]
    job = (await gateway.mirror_of(user).current()).jobs.get(name)
    if job is None:
        try:
            job = await gateway.caller.job_details(asking, name)  # one that is too new for the view
        except Refused as error:
            if error.code not in (ErrorCode.UNKNOWN_JOB, ErrorCode.NOT_YOURS, ErrorCode.BAD_MESSAGE):
                raise
    if job is None or not user.may_see(job.user):
        raise unknown_job(name)
    return gateway, asking, job


async def list_jobs(request: Request) -> Response:
    """Return the newest jobs, those of some states where the query has `state`, at most `limit`."""
    gateway, user = gateway_of(request), user_of(request)
    states = [state for text in request.query_params.getlist("state") for state in text.split(",")]
    for state in states:
        if state not in set(JobState):
            meant = did_you_mean(state, [*JobState]) or f"; there are {', '.join(JobState)}"
            raise Problem(HTTPStatus.BAD_REQUEST, f"No state is called '{state:.40}'{meant}", "bad-parameter")
    limit = number_in(request, "limit", LIMIT, 1, MAX_LIMIT)
    view = await gateway.mirror_of(user).current()
    jobs = [job for job in view.jobs.values() if user.may_see(job.user) and (not states or job.state in states)]
    jobs.sort(key=lambda job: job.submitted_unix_s, reverse=True)
    return JSONResponse({"jobs": [job_json(job) for job in jobs[:limit]], "count": len(jobs)})


async def show_job(request: Request) -> Response:
    """Return all that is known of a job."""
    gateway, asking, job = await job_of(request)
    details = await gateway.caller.job_details(asking, job.job)
    return JSONResponse(details_json(details, gateway.mirrors.of(asking).view))


async def list_tasks(request: Request) -> Response:
    """Return the newest of what happened to a job's tasks."""
    gateway, asking, job = await job_of(request)
    details = await gateway.caller.job_details(asking, job.job, log=True)
    return JSONResponse({"id": job.job, "progress": details.progress.to_wire(), "story": story_json(details)})


async def show_task(request: Request) -> Response:
    """Return what happened to the tasks of one chunk, from 0."""
    gateway, asking, job = await job_of(request)
    chunk: int = request.path_params["chunk"]
    total = job.progress.chunks_total
    if chunk >= (MAX_CHUNKS if total is None else total):
        count = "" if total is None else f", which has {total}"
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no chunk {chunk} of job {job.job}{count}", "unknown-task")
    details = await gateway.caller.job_details(asking, job.job, chunk)
    return JSONResponse({"id": job.job, "chunk": chunk, "story": story_json(details)})


async def show_timeline(request: Request) -> Response:
    """Return who did which chunk of a job, when, and what became of it."""
    gateway, asking, job = await job_of(request)
    return JSONResponse(timeline_json(await gateway.caller.job_timeline(asking, job.job)))


async def delete_job(request: Request) -> Response:
    """Cancel a job that goes on, forget one that has ended; with `files=1` its files are removed as well. With `of` it
    is refused where the job has ended, or begun again, since whoever asks has looked."""
    gateway, asking, job = await job_of(request)
    if not meant_as_over(request, job.state in FINAL_STATES):
        answer = await _granted(gateway, asking, job, Verb.CANCEL)
        return JSONResponse({"id": job.job, "done": "cancelled", "answer": answer})
    verb = Verb.FORGET_FILES if number_in(request, "files", 0, 0, 1) else Verb.FORGET
    answer = await _granted(gateway, asking, job, verb)
    gateway.mirrors.of(asking).forget(job.job)
    return JSONResponse({"id": job.job, "done": "forgotten", "answer": answer})


async def retry_job(request: Request) -> Response:
    """Begin a failed or cancelled job again. It waits for its source, which the same upload sends."""
    return await _control(request, Verb.RETRY)


async def pause_job(request: Request) -> Response:
    """Hand nothing more of a job out."""
    return await _control(request, Verb.PAUSE)


async def resume_job(request: Request) -> Response:
    """Go on with a job that was paused."""
    return await _control(request, Verb.RESUME)


async def set_priority(request: Request) -> Response:
    """Give a job that is not over another priority: of one user's jobs, those of a higher one go first. Tasks that
    workers hold go on."""
    gateway, asking, job = await job_of(request)
    priority = number_in(request, "priority", None, 0, MAX_PRIORITY)
    return JSONResponse({"id": job.job, "answer": await _granted(gateway, asking, job, Verb.PRIORITY, priority)})


async def _control(request: Request, verb: Verb) -> Response:
    gateway, asking, job = await job_of(request)
    return JSONResponse({"id": job.job, "answer": await _granted(gateway, asking, job, verb)})


async def _granted(gateway: Gateway, asking: str, job: Job, verb: Verb, priority: int | None = None) -> str:
    """Return what was done with a job, in a sentence. Raises Problem where its state does not allow it."""
    try:
        return await gateway.caller.control(asking, job.job, verb, priority)
    except Refused as error:
        if error.code == ErrorCode.BAD_JOB:
            raise Problem(HTTPStatus.CONFLICT, error.text, "wrong-state") from error
        raise


def meant_as_over(request: Request, is_over: bool) -> bool:
    """Return whether `DELETE` is for what is over, so that it forgets it: as the query's `of` says, or else as it is.
    Raises Problem for another word."""
    meant = request.query_params.get("of")
    if meant not in (None, "open", "over"):
        detail = f"of is open, to cancel, or over, to forget, and '{meant:.40}' is neither"
        raise Problem(HTTPStatus.BAD_REQUEST, detail, "bad-parameter")
    return is_over if meant is None else meant == "over"


def number_in(request: Request, name: str, default: int | None, least: int, most: int) -> int:
    """Return a whole number of the query; without a default it must be there. Raises Problem for what is none, or
    beyond the bounds."""
    text = request.query_params.get(name, "" if default is None else str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        detail = f"{name} is a whole number from {least} to {most}, and '{text:.40}' is not"
        raise Problem(HTTPStatus.BAD_REQUEST, detail, "bad-parameter")
    return int(text)


class _Index(IntegerConvertor):
    """Reads an index in a path. It takes no more digits than any index has: Starlette's `int` takes every number of
    them, and Python refuses to read thousands."""

    regex = "[0-9]{1,18}"


register_url_convertor("index", _Index())

ROUTES: Final = (
    Route("/api/jobs", list_jobs, methods=["GET"]),
    Route("/api/jobs/{id}", show_job, methods=["GET"]),
    Route("/api/jobs/{id}", delete_job, methods=["DELETE"]),
    Route("/api/jobs/{id}/tasks", list_tasks, methods=["GET"]),
    Route("/api/jobs/{id}/tasks/{chunk:index}", show_task, methods=["GET"]),
    Route("/api/jobs/{id}/timeline", show_timeline, methods=["GET"]),
    Route("/api/jobs/{id}/retry", retry_job, methods=["POST"]),
    Route("/api/jobs/{id}/pause", pause_job, methods=["POST"]),
    Route("/api/jobs/{id}/resume", resume_job, methods=["POST"]),
    Route("/api/jobs/{id}/priority", set_priority, methods=["POST"]),
)
