"""`POST /api/jobs` with a form, `PUT` or `POST /api/jobs/NAME` with a file as it is: new jobs.

The answer comes when all of it is in the cluster: from then on nothing depends on this gateway. A file that comes as it
is goes on to the cluster meanwhile, where it can. A request that ends before its body is whole leaves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from moviola.web.arriving import arriving
from moviola.web.forms import take_form
from moviola.web.gateway import Gateway, gateway_of, user_of
from moviola.web.orders import prepare, settings_from
from moviola.web.problems import Problem
from moviola.web.receiving import SOURCES, Upload, Writer
from moviola.web.records import job_json, link
from moviola.web.sending import BUSY_S, Sending, record_of
from moviola.wire.messages import Job


async def post_form(request: Request) -> Response:
    """Make jobs of the files of a form."""
    gateway, user = gateway_of(request), user_of(request)
    async with gateway.receiver.upload(request) as upload:
        settings_from(upload.fields, JobSettings)  # what is wrong with the query is said before the body comes
        try:
            await take_form(request, gateway.receiver, upload)
        except ClientDisconnect as error:
            raise aborted() from error
        return await _jobs_of(gateway, user, upload)


async def put_file(request: Request) -> Response:
    """Make a job of a body that is one file; its name is in the path."""
    gateway, user = gateway_of(request), user_of(request)
    async with gateway.receiver.upload(request) as upload:
        settings_from(upload.fields, JobSettings)
        path = upload.path_for(SOURCES, request.path_params["id"])
        async with arriving(gateway, user, upload, path, request.headers.get("content-length", "")) as early:
            await _receive(request, gateway.receiver.writer(upload, path, early.growing if early else None))
            sent = await early.sent() if early else None
        if sent is None:
            return await _jobs_of(gateway, user, upload, early.remark if early else "")
        gateway.mirror_of(user).learn(sent.job)
        return _made([sent.job], sent.remarks)


async def _receive(request: Request, writer: Writer) -> None:
    """Write the body of a request to a file. Raises Problem."""
    try:
        async for piece in gateway_of(request).receiver.body(request):
            await writer.add(piece)
        await writer.end()
    except ClientDisconnect as error:
        raise aborted() from error
    finally:
        writer.close()


async def _jobs_of(gateway: Gateway, user: User, upload: Upload, remark: str = "") -> Response:
    """Send an upload that is whole to the cluster, and tell which jobs it has become, with a remark if there is one."""
    view = await gateway.mirror_of(user).current(BUSY_S)
    known = view.known_filters()
    requests, remarks = await to_thread.run_sync(prepare, upload, known, limiter=gateway.cutters)
    if remark:
        remarks.append(remark)
    jobs = []
    for request in requests:
        job = await _sent(gateway, user, request, remarks)
        gateway.mirror_of(user).learn(job)
        jobs.append(job)
    return _made(jobs, remarks)


def _made(jobs: Sequence[Job], remarks: Sequence[str]) -> Response:
    """Tell which jobs an upload has become."""
    told: dict[str, Any] = {
        "jobs": [job_json(job) for job in jobs],
        "remarks": [as_sentence(remark) for remark in dict.fromkeys(remarks)],
    }
    return JSONResponse(told, HTTPStatus.CREATED, {"Location": link(jobs[0].job)})


async def _sent(gateway: Gateway, user: User, request: UploadRequest, remarks: list[str]) -> Job:
    target = Target(gateway.target.address, gateway.target.family, gateway.target.secret, user.name)
    async with gateway.sending.one_for(user.name):
        run = await Sending(target, request, gateway.memory).go(gateway.cutters)
    remarks += run.session.remarks
    return record_of(run)


def aborted() -> Problem:
    """Return the problem of a body that ended before its end; nobody reads it but a log."""
    return Problem(HTTPStatus.BAD_REQUEST, "The body ended before its end; nothing of it was kept")


ROUTES: Final = (
    Route("/api/jobs", post_form, methods=["POST"]),
    Route("/api/jobs/{id}", put_file, methods=["PUT", "POST"]),
)
