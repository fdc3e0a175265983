"""`POST /api/preflights`: what files are, and what becomes of everything in them, before a job is made of them."""

from __future__ import annotations

from typing import Final

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.session.job_settings import JobSettings
from moviola.web.forms import take_form
from moviola.web.gateway import gateway_of, user_of
from moviola.web.orders import preflights_of, settings_from
from moviola.web.told import PreflightsTold
from moviola.web.uploads import aborted


async def post_preflight(request: Request) -> Response:
    """Return what the files of a form are, and what the job that the same form would make keeps, changes and loses of
    them.

    Nothing is sent to the cluster, and nothing of the files is kept. A video has to come whole: what it holds may stand
    at its end.
    """
    gateway, user = gateway_of(request), user_of(request)
    async with gateway.receiver.upload(request) as upload:
        settings_from(upload.fields, JobSettings)  # what is wrong with the query is said before the body comes
        try:
            await take_form(request, gateway.receiver, upload)
        except ClientDisconnect as error:
            raise aborted() from error
        known = (await gateway.mirror_of(user).current()).known_filters()
        told = await to_thread.run_sync(preflights_of, upload, known, limiter=gateway.cutters)
    return JSONResponse(PreflightsTold(told).to_wire())


ROUTES: Final = (Route("/api/preflights", post_preflight, methods=["POST"]),)
