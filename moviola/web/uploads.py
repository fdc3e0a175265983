"""`POST /api/jobs` with a form, `PUT` or `POST /api/jobs/NAME` with a file as it is: new jobs.

The answer comes when all of it is in the cluster: from then on nothing depends on this gateway. A request that ends
before its body is whole leaves nothing.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.session.job_settings import JobSettings
from moviola.session.run import UploadRequest
from moviola.session.target import Target, as_sentence
from moviola.web.access import User
from moviola.web.forms import take_form
from moviola.web.gateway import Gateway, gateway_of, user_of
from moviola.web.orders import prepare, settings_from
from moviola.web.problems import Problem
from moviola.web.receiving import SOURCES, Upload
from moviola.web.records import job_json, link
from moviola.web.sending import BUSY_S, record_of, send
from moviola.wire.messages import Job


async def post_form(request: Request) -> Response:
    """Make jobs of the files of a form."""
    gateway, user = gateway_of(request), user_of(request)
    async with gateway.receiver.upload(request) as upload:
        settings_from(upload.fields, JobSettings)  # what is wrong with the query is said before the body comes
        try:
            await take_form(request, gateway.receiver, upload)
        except ClientDisconnect as error:
            raise _aborted() from error
        return await _jobs_of(gateway, user, upload)


async def put_file(request: Request) -> Response:
    """Make a job of a body that is one file; its name is in the path."""
    gateway, user = gateway_of(request), user_of(request)
    async with gateway.receiver.upload(request) as upload:
        settings_from(upload.fields, JobSettings)
        writer = gateway.receiver.writer(upload, upload.path_for(SOURCES, request.path_params["id"]))
        try:
            async for piece in gateway.receiver.body(request):
                await writer.add(piece)
            await writer.end()
        except ClientDisconnect as error:
            raise _aborted() from error
        finally:
            writer.close()
        return await _jobs_of(gateway, user, upload)


async def _jobs_of(gateway: Gateway, user: User, upload: Upload) -> Response:
    """Send an upload that is whole to the cluster, and tell which jobs it has become."""
    view = await gateway.mirror_of(user).current(BUSY_S)
    known = view.known_filters()
    requests, remarks = await to_thread.run_sync(prepare, upload, known, limiter=gateway.cutters)
    jobs = []
    for request in requests:
        job = await _sent(gateway, user, request, remarks)
        gateway.mirror_of(user).learn(job)
        jobs.append(job)
    told: dict[str, Any] = {
        "jobs": [job_json(job) for job in jobs],
        "remarks": [as_sentence(remark) for remark in dict.fromkeys(remarks)],
    }
    return JSONResponse(told, HTTPStatus.CREATED, {"Location": link(jobs[0].job)})


async def _sent(gateway: Gateway, user: User, request: UploadRequest, remarks: list[str]) -> Job:
    target = Target(gateway.target.address, gateway.target.family, gateway.target.secret, user.name)
    async with gateway.sending:
        run = await send(target, request, gateway.memory, gateway.cutters)
    remarks += run.session.remarks
    return record_of(run)


def _aborted() -> Problem:
    """Return the problem of a body that ended before its end; nobody reads it but a log."""
    return Problem(HTTPStatus.BAD_REQUEST, "The body ended before its end; nothing of it was kept")


ROUTES: Final = (
    Route("/api/jobs", post_form, methods=["POST"]),
    Route("/api/jobs/{id}", put_file, methods=["PUT", "POST"]),
)
