"""`/api/jobs/ID/files`: the finished files of a job, whole or in part."""

from __future__ import annotations

import mimetypes
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.finished_file import FinishedFile
from moviola.session.job_session import FINAL_STATES
from moviola.session.target import Target
from moviola.web.fetched import listed, parts
from moviola.web.gateway import Gateway
from moviola.web.jobs import job_of
from moviola.web.pieces import Pieces, first_of
from moviola.web.problems import Problem
from moviola.web.ranges import Part, Unsatisfiable, is_known, part_of
from moviola.web.records import job_json
from moviola.wire.messages import Job

FIRST_PART_S: Final = 20.0
"""How long the aggregator is called for the first part, before whoever asked is told that it is away."""


async def list_files(request: Request) -> Response:
    """Return the files of a job, none before it has ended."""
    _, _, job = await job_of(request)
    return JSONResponse({"id": job.job, "state": job.state, "files": job_json(job)["files"]})


async def send_file(request: Request) -> Response:
    """Return a file, or the part of it that the header Range asks for."""
    gateway, asking, job = await job_of(request)
    file = await _file_of(gateway, asking, job, request.path_params["file"])
    etag = f'"{file.xxh3}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(file.file),
        "X-Content-Type-Options": "nosniff",
    }
    if is_known(request.headers.get("if-none-match"), etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        part = part_of(file.size, request.headers.get("range"), request.headers.get("if-range"), etag)
    except Unsatisfiable:
        detail = f"{file.file} has {file.size} bytes, and none of them is in the range that was asked for"
        end = {"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes"}
        raise Problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, detail, headers=end) from None
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    start, stop = part or Part(0, file.size)
    headers["Content-Length"] = str(stop - start)
    media_type = mimetypes.guess_type(file.file)[0] or "application/octet-stream"
    if request.method == "HEAD" or start == stop:
        return Response(status_code=status, headers=headers, media_type=media_type)
    pieces = parts(_target(gateway, asking), job, file, start, stop, gateway.memory)
    late = f"The aggregator that has this file has not given any of it for {FIRST_PART_S:.0f} s"
    first = await first_of(pieces, FIRST_PART_S, late, "aggregator-away")
    return Pieces(f"file {file.file} of job {job.job}", first, pieces, status, headers, media_type)


def disposition(file: str) -> str:
    """Return the header that names a file for whoever saves it (RFC 6266)."""
    name = file.rpartition("/")[2]
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\%' else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _file_of(gateway: Gateway, asking: str, job: Job, name: str) -> FinishedFile:
    """Return the file of a name: one of the job's, or of those that one of them lists. Raises Problem."""
    for file in job.files:
        if file.file == name:
            return file
    for file in job.files:
        if file.folder and name.startswith(f"{file.folder}/"):
            found = await listed(_target(gateway, asking), job, file, name, gateway.memory)
            if found is not None:
                return found
    why = "" if job.state in FINAL_STATES else f": it is {job.state}, and its files come when it has ended"
    raise Problem(HTTPStatus.NOT_FOUND, f"Job {job.job} has no file '{name:.200}'{why}", "unknown-file")


def _target(gateway: Gateway, asking: str) -> Target:
    return Target(gateway.target.address, gateway.target.family, gateway.target.secret, asking)


ROUTES: Final = (
    Route("/api/jobs/{id}/files", list_files, methods=["GET"]),
    Route("/api/jobs/{id}/files/{file:path}", send_file, methods=["GET"]),
)
