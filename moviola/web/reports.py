"""`/api/jobs/ID/report`: what became of a job, as one HTML file that can be kept and read without the cluster."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moviola.report.page import POLICY, page
from moviola.session.target import Target
from moviola.web.files import disposition
from moviola.web.jobs import job_of
from moviola.web.problems import Problem

MAX_REPORTS_OF_USER: Final = 4
"""Reports that one user waits for at a time: a few tabs, whose threads all others need as well."""

RETRY_AFTER_S: Final = 5

DOWNLOAD: Final = "download"


async def show_report(request: Request) -> Response:
    """Return the report of a job, as far as that is now; with `download=1` for a browser to save.

    A report takes a thread, and seconds where pictures are looked for in a long film.
    """
    gateway, asking, job = await job_of(request)
    is_saved = request.query_params.get(DOWNLOAD, "0")
    if is_saved not in ("0", "1"):
        raise Problem(HTTPStatus.BAD_REQUEST, f"{DOWNLOAD} is 0 or 1, and '{is_saved:.40}' is not", "bad-parameter")
    if gateway.reports[asking] >= MAX_REPORTS_OF_USER:
        detail = f"{MAX_REPORTS_OF_USER} reports are being made for you; ask again when one of them is there"
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, "too-many-reports", headers)
    target = Target(gateway.target.address, gateway.target.family, gateway.target.secret, asking)
    now_unix_s = time.time()  # noqa: TID251 - a report says when it was made

    def made() -> str:
        from moviola.report.gather import gather  # noqa: PLC0415 - NumPy, which other requests do without

        facts = gather(target, job.job, now_unix_s)
        facts.has_tracebacks = False  # as in all answers: they name files of the workers' machines
        return page(facts)

    gateway.reports[asking] += 1
    try:
        document = await to_thread.run_sync(made, limiter=gateway.reporters)
    finally:
        gateway.reports[asking] -= 1
        if not gateway.reports[asking]:
            del gateway.reports[asking]
    headers = {
        "Content-Security-Policy": f"{POLICY}; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    if is_saved == "1":
        headers["Content-Disposition"] = disposition(f"{job.job}.html")
    return Response(document, headers=headers, media_type="text/html")


ROUTES: Final = (Route("/api/jobs/{id}/report", show_report, methods=["GET"]),)
